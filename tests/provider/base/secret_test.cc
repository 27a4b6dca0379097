#include "provider/base/secret.h"

#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>

namespace provider {
namespace {

TEST_CASE("Sha256Hex gives the known digests") {
  CHECK(Sha256Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("RandomHex gives two digits a byte and never the same text twice") {
  CHECK(RandomHex(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = RandomHex(16);
    CHECK(text.size() == 32);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(seen.insert(text).second);
  }
}

TEST_CASE("EqualSecrets compares whole texts") {
  struct Case {
    const char* sentence;
    std::string a;
    std::string b;
    bool equal;
  };
  const Case cases[] = {
      {"should take equal texts", "secret", "secret", true},
      {"should take two empty texts", "", "", true},
      {"should refuse another text", "secret", "secreT", false},
      {"should refuse a beginning", "secret", "secre", false},
      {"should refuse an empty text", "secret", "", false},
      {"should look behind a NUL", std::string("a\0b", 3), std::string("a\0c", 3), false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(EqualSecrets(c.a, c.b) == c.equal);
  }
}

TEST_CASE("BearerToken reads the header's token") {
  struct Case {
    const char* sentence;
    std::string header;
    std::string token;
  };
  const Case cases[] = {
      {"should find nothing in an empty header", "", ""},
      {"should find nothing in the scheme alone", "Bearer", ""},
      {"should find nothing in another scheme", "Basic YTpi", ""},
      {"should find nothing without a space", "Bearertoken", ""},
      {"should read the token", "Bearer token", "token"},
      {"should read the scheme in any case (RFC 9110, 11.1)", "bearer token", "token"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(BearerToken(c.header) == c.token);
  }
}

TEST_CASE("A token is known by itself or by its hash") {
  const std::string token = "token-of-a-traefik-1";
  const std::string hash = "sha256:" + Sha256Hex(token);
  std::string upper = hash;
  for (char& c : upper) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  }
  upper.replace(0, 7, "sha256:");
  struct Case {
    const char* sentence;
    std::string known;
    std::string given;
    bool matches;
  };
  const Case cases[] = {
      {"should take the token", token, token, true},
      {"should take the token for its hash", hash, token, true},
      {"should take it for a hash in upper case", upper, token, true},
      {"should refuse another", token, token + "x", false},
      {"should refuse another for a hash", hash, token + "x", false},
      {"should refuse the hash for a hash", hash, hash, false},
      {"should refuse the digits of the hash", hash, hash.substr(7), false},
      {"should refuse nothing", hash, "", false},
      {"should refuse nothing for the hash of nothing", "sha256:" + Sha256Hex(""), "", false},
      {"should refuse nothing for nothing", "", "", false},
      {"should compare a broken hash as a token", "sha256:abc", "abc", false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(MatchesToken(c.known, c.given) == c.matches);
  }
  CHECK(IsHashedToken(hash));
  CHECK(IsHashedToken(upper));
  CHECK_FALSE(IsHashedToken(hash + "0"));
  CHECK_FALSE(IsHashedToken(hash.substr(0, 70)));
  CHECK_FALSE(IsHashedToken("sha256:" + std::string(64, 'g')));
  CHECK_FALSE(IsHashedToken(token));
}

}  // namespace
}  // namespace provider
