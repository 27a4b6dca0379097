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

// The token of "Authorization: Bearer TOKEN", or an empty text.
std::string_view BearerToken(std::string_view authorization);

}  // namespace provider
