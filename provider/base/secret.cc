#include "provider/base/secret.h"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace provider {
namespace {

std::string Hex(std::span<const unsigned char> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::array<unsigned char, SHA256_DIGEST_LENGTH> Sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) { return Hex(Sha256(bytes)); }

std::string RandomHex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
  return Hex(random);
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  const auto left = Sha256(a);
  const auto right = Sha256(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

bool IsHashedToken(std::string_view text) {
  if (!text.starts_with(kHashedToken)) return false;
  text.remove_prefix(kHashedToken.size());
  return text.size() == std::size_t{2} * SHA256_DIGEST_LENGTH &&
         std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool MatchesToken(std::string_view known, std::string_view given) {
  if (given.empty()) return false;  // whatever is known
  if (!IsHashedToken(known)) return EqualSecrets(known, given);
  std::string hash(known.substr(kHashedToken.size()));
  for (char& c : hash) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return EqualSecrets(hash, Sha256Hex(given));
}

std::string_view BearerToken(std::string_view authorization) {
  static constexpr std::string_view kScheme = "bearer ";  // in any case: RFC 9110, 11.1
  const auto same = [](char given, char wanted) {
    return (given | 0x20) == wanted || given == wanted;
  };
  if (authorization.size() < kScheme.size() ||
      !std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, same)) {
    return {};
  }
  return authorization.substr(kScheme.size());
}

}  // namespace provider
