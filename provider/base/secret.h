#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace provider {

// SHA-256 as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

// `bytes` random bytes from the system's generator, as hexadecimal digits.
std::string RandomHex(std::size_t bytes);

// Compares in a time that depends on neither text's content.
bool EqualSecrets(std::string_view a, std::string_view b);

// A token of which only the hash is known: "sha256:" and 64 hexadecimal digits.
inline constexpr std::string_view kHashedToken = "sha256:";
bool IsHashedToken(std::string_view text);

// Whether `given` is the token `known`, or has its hash. As EqualSecrets.
bool MatchesToken(std::string_view known, std::string_view given);

// The token of "Authorization: Bearer TOKEN", or an empty text.
std::string_view BearerToken(std::string_view authorization);

}  // namespace provider
