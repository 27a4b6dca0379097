#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

// The order and the punctuation of a document that is put together from rendered parts.
namespace traefik {

enum class Form : std::uint8_t {
  kJson,
  // Maps of several parts are merged from them, by YAML's merge key: `"routers":{<<: [{…},{…}]}`.
  // Traefik's YAML reader compares every two keys of one map, so large maps take it seconds.
  kMerged,
};

// From so many sites, or routers of a flat document, on a document is merged from parts, and its
// routers are a tree.
inline constexpr std::size_t kLarge = 257;

// So many sites, or members, are one part. Fewer cost Traefik less to compare and us less to pack;
// more pack better.
inline constexpr std::size_t kPartSize = 64;

// A map of a document, as "http/routers", whose members are in several parts: `"name":{…}` without
// the outer braces, joined by commas. "tls/certificates" is a list.
struct SectionShape {
  std::string_view name;
  std::size_t parts = 0;
};

// Tells the document from its beginning to its end: `text` for what is between the parts, `part`
// for each part, by the numbers of its section and of itself. Sections without parts are left out,
// since Traefik refuses empty ones; those of one protocol must follow each other.
void LayOut(std::span<const SectionShape> sections, Form form,
            const std::function<void(std::string_view)>& text,
            const std::function<void(std::size_t section, std::size_t part)>& part);

}  // namespace traefik
