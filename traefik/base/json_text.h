#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace traefik {

// Appends `text` to `out` as a JSON string that Traefik's decoder takes too. Traefik reads JSON as
// YAML 1.2 with yaml.v3, so this writes what both read alike: control characters, DEL, C1, U+2028,
// U+2029, U+FEFF, U+FFFE and U+FFFF as \uXXXX; everything else raw, never a surrogate pair, never
// "\/". Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

std::string JsonString(std::string_view text);

// Appends a list of them.
void AppendJsonStrings(std::string& out, std::span<const std::string> texts);

// Appends what may follow after a comma: nothing, or one or more members or items.
void AppendMembers(std::string& members, std::string_view more);

// Appends the member `"name":json`.
void AppendMember(std::string& members, std::string_view name, std::string_view json);

bool IsUtf8(std::string_view text);

// How many characters a text of UTF-8 has.
std::size_t CountCharacters(std::string_view text);

}  // namespace traefik
