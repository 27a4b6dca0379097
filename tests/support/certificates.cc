#include "tests/support/certificates.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/support/process.h"

namespace tests {

Certificates::Certificates(std::filesystem::path directory) : directory_(std::move(directory)) {}

void Certificates::Make(const std::string& name, const std::string& authority) const {
  const bool is_authority = name == authority;
  if (!is_authority && !std::filesystem::exists(certificate(authority))) {
    Make(authority, authority);
  }
  std::vector<std::string> command{"openssl",
                                   "req",
                                   "-x509",
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-nodes",
                                   "-subj",
                                   "/CN=" + name,
                                   "-days",
                                   "2",
                                   "-out",
                                   certificate(name).string(),
                                   "-keyout",
                                   key(name).string()};
  if (is_authority) {
    command.insert(command.end(), {"-addext", "keyUsage=critical,keyCertSign"});
  } else {
    command.insert(
        command.end(),
        {"-CA", certificate(authority).string(), "-CAkey", key(authority).string(), "-addext",
         "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"});
  }
  const Finished made = RunProgram(command);
  if (made.status != 0) throw std::runtime_error("openssl: " + made.output);
}

void Certificates::MakeRsaKey(const std::string& name) const {
  const Finished made = RunProgram({"openssl", "genrsa", "-out", key(name).string(), "2048"});
  if (made.status != 0) throw std::runtime_error("openssl: " + made.output);
}

}  // namespace tests
