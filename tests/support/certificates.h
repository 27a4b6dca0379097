#pragma once

#include <filesystem>
#include <string>

namespace tests {

// PEM files for two sides of a TLS connection, made by openssl.
class Certificates {
 public:
  explicit Certificates(std::filesystem::path directory);

  // NAME.pem and NAME-key.pem, signed by the authority NAME, which is made where it is missing.
  void Make(const std::string& name, const std::string& authority) const;

  // NAME-key.pem alone.
  void MakeRsaKey(const std::string& name) const;

  std::filesystem::path certificate(const std::string& name) const {
    return directory_ / (name + ".pem");
  }
  std::filesystem::path key(const std::string& name) const {
    return directory_ / (name + "-key.pem");
  }

 private:
  const std::filesystem::path directory_;
};

}  // namespace tests
