#include "traefik/base/host_name.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <idn2.h>

namespace traefik {
namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035, in presentation form without the last dot
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestInput = 1024;

using Failure = std::unexpected<std::string>;

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::expected<std::string, std::string> ToAscii(std::string_view name) {
  if (IsAscii(name)) return Lower(name);
  const std::string input(name);
  char* raw = nullptr;
  const int status = idn2_to_ascii_8z(input.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owned(raw, idn2_free);
  if (status != IDN2_OK) {
    return Failure(
        fmt::format("is not a valid international host name: {}", idn2_strerror(status)));
  }
  return std::string(owned.get());
}

std::expected<void, std::string> CheckLabel(std::string_view label) {
  if (label.empty())
    return Failure("has an empty label (two dots in a row, or a dot at the start)");
  if (label.size() > kLongestLabel) {
    return Failure(
        fmt::format("has a label of {} characters; {} are allowed", label.size(), kLongestLabel));
  }
  if (label.front() == '-' || label.back() == '-') {
    return Failure("has a label that starts or ends with '-'");
  }
  for (const char c : label) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (allowed) continue;
    if (c == ':') return Failure("must not have a port or scheme: give the host alone");
    if (c == '/') return Failure("must not have a path: give the host alone, and use path_prefix");
    if (c == '*')
      return Failure("may have a star only as its whole first label, as in *.example.com");
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f) return Failure("has a space or a control character");
    return Failure(fmt::format("has the character '{}', which no host name has", c));
  }
  return {};
}

}  // namespace

std::expected<HostName, std::string> HostName::Parse(std::string_view text) {
  if (text.empty()) return Failure("must not be empty");
  if (text.size() > kLongestInput) return Failure("is far too long for a host name");
  if (text.find('\0') != std::string_view::npos) {
    return Failure("has a space or a control character");
  }

  const bool wildcard = text.starts_with("*.");
  if (wildcard) text.remove_prefix(2);
  auto ascii = ToAscii(text);
  if (!ascii) return Failure(ascii.error());

  std::string_view name = *ascii;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return Failure("must not be empty");
  if (name.size() + (wildcard ? 2 : 0) > kLongestName) {
    return Failure(fmt::format("has {} characters; {} are allowed", name.size(), kLongestName));
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    if (auto ok = CheckLabel(name.substr(begin, end - begin)); !ok) return Failure(ok.error());
    begin = end + 1;
  }
  if (wildcard && name.find('.') == std::string_view::npos) {
    return Failure("is a wildcard for a whole top-level domain: give at least *.example.com");
  }
  return HostName(wildcard ? fmt::format("*.{}", name) : std::string(name));
}

}  // namespace traefik
