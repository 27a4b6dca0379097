#include "provider/default_certificate.h"

#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace provider {
namespace {

using Memory = std::unique_ptr<BIO, int (*)(BIO*)>;
using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using X509Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Memory Reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

X509Certificate ReadCertificate(const traefik::Certificate& pair) {
  return {PEM_read_bio_X509(Reader(pair.certificate_pem).get(), nullptr, nullptr, nullptr),
          X509_free};
}

Key ReadKey(const traefik::Certificate& pair) {
  return {PEM_read_bio_PrivateKey(Reader(pair.key_pem).get(), nullptr, nullptr, nullptr),
          EVP_PKEY_free};
}

TEST_CASE("The default certificate is signed by its own P-256 key") {
  const traefik::Certificate pair = MakeDefaultCertificate();
  const X509Certificate certificate = ReadCertificate(pair);
  const Key key = ReadKey(pair);
  REQUIRE(certificate);
  REQUIRE(key);
  CHECK(X509_check_private_key(certificate.get(), key.get()) == 1);
  CHECK(X509_verify(certificate.get(), key.get()) == 1);

  char group[32] = "";
  std::size_t size = 0;
  REQUIRE(EVP_PKEY_get_group_name(key.get(), group, sizeof group, &size) == 1);
  CHECK(std::string(group) == "prime256v1");
}

TEST_CASE("The default certificate is valid now and for years") {
  const X509Certificate certificate = ReadCertificate(MakeDefaultCertificate());
  REQUIRE(certificate);
  CHECK(X509_cmp_current_time(X509_get0_notBefore(certificate.get())) < 0);
  int days = 0;
  int seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) == 1);
  CHECK(days > 9 * 365);
}

TEST_CASE("Two default certificates have nothing in common") {
  const traefik::Certificate first = MakeDefaultCertificate();
  const traefik::Certificate second = MakeDefaultCertificate();
  CHECK(first.key_pem != second.key_pem);
  CHECK(first.certificate_pem != second.certificate_pem);
}

}  // namespace
}  // namespace provider
