#include "orchestrator/api/file_href.h"

#include <charconv>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

namespace orchestrator::api {
namespace {

// Nothing where a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> Decode(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      bytes += text[at];
      continue;
    }
    const std::string_view digits = text.substr(at + 1, 2);
    unsigned value = 0;
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, value, 16);
    if (digits.size() != 2 || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    bytes += static_cast<char>(value);
    at += 2;
  }
  return bytes;
}

}  // namespace

std::string UrlText(std::string_view bytes) {
  std::string url;
  for (const char c : bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").contains(c);
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

std::string FileHref(site::SiteId id, std::string_view path) {
  return fmt::format("/v1/sites/{}/files{}{}", id.value, path.empty() ? "" : "/", UrlText(path));
}

std::expected<files::RelativePath, std::string> ParseFileHref(site::SiteId id,
                                                              std::string_view href) {
  const std::string start = FileHref(id, "") + "/";
  if (!href.starts_with(start)) {
    return std::unexpected(fmt::format("must begin with {}, as in a listing's href", start));
  }
  href.remove_prefix(start.size());
  if (href.find_first_of("?#") != std::string_view::npos) {
    return std::unexpected("must have no query and no fragment; write ? as %3F and # as %23");
  }
  const auto path = Decode(href);
  if (!path) {
    return std::unexpected("must have two hexadecimal digits after each percent sign");
  }
  return files::RelativePath::Parse(*path);
}

}  // namespace orchestrator::api
