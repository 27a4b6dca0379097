#include "provider/last_known_good.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "provider/base/secret.h"

// A header of one line, the checksum of which is the line before; then the keys, each as the
// distance to the one before it in groups of seven bits, the lowest first; then the packed
// document.
namespace provider {
namespace {

using nlohmann::json;
using Damage = std::unexpected<std::string>;

constexpr int kVersion = 1;

void AppendNumber(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

std::string KeysToBytes(const std::vector<std::uint64_t>& keys) {
  std::string bytes;
  std::uint64_t last = 0;
  for (const std::uint64_t key : keys) AppendNumber(bytes, key - std::exchange(last, key));
  return bytes;
}

std::vector<std::uint64_t> KeysFromBytes(std::string_view bytes) {
  std::vector<std::uint64_t> keys;
  std::uint64_t last = 0;
  std::uint64_t distance = 0;
  unsigned shift = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    distance |= std::uint64_t{byte & 0x7fU} << shift;
    shift += 7;
    if ((byte & 0x80U) != 0 && shift < 64) continue;
    keys.push_back(last += std::exchange(distance, 0));
    shift = 0;
  }
  return keys;
}

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

std::string LastKnownGoodToText(const LastKnownGood& document) {
  const std::string keys = KeysToBytes(document.keys);
  const Snapshot& snapshot = *document.snapshot;
  const json header{{"version", kVersion},
                    {"source", document.source},
                    {"revision", snapshot.revision()},
                    {"routes_of", document.routes_of.value_or(snapshot.revision())},
                    {"etag", snapshot.etag()},
                    {"merged", snapshot.form() == traefik::Form::kMerged},
                    {"plain_size", snapshot.plain_size()},
                    {"keys_size", keys.size()}};
  std::string checked = header.dump() + '\n' + keys;
  checked += *snapshot.gzip();
  return Sha256Hex(checked) + '\n' + checked;
}

std::expected<LastKnownGood, std::string> ParseLastKnownGood(std::string_view text) {
  const std::string_view checksum = TakeLine(text);
  if (checksum != Sha256Hex(text)) return Damage("its checksum is wrong");
  const json header = json::parse(TakeLine(text), nullptr, /*allow_exceptions=*/false);
  try {
    if (header.at("version") != kVersion) return Damage("it is of another version");
    const auto routes_of = header.value("routes_of", header.at("revision").get<std::uint64_t>());
    const auto keys_size = header.at("keys_size").get<std::size_t>();
    if (keys_size > text.size()) return Damage("it is too short");
    LastKnownGood document;
    header.at("source").get_to(document.source);
    if (routes_of != header.at("revision")) document.routes_of = routes_of;
    document.keys = KeysFromBytes(text.substr(0, keys_size));
    document.snapshot = std::make_shared<const Snapshot>(Snapshot::Restored{
        .revision = header.at("revision").get<std::uint64_t>(),
        .form = header.at("merged").get<bool>() ? traefik::Form::kMerged : traefik::Form::kJson,
        .plain_size = header.at("plain_size").get<std::size_t>(),
        .etag = header.at("etag").get<std::string>(),
        .gzip = std::string(text.substr(keys_size))});
    return document;
  } catch (const json::exception&) {
    return Damage("its header is none");
  }
}

}  // namespace provider
