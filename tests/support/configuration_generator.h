#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

namespace tests {

// Makes configurations that Traefik takes, at random but the same for the same seed: any options of
// the schema with values of their kind. Names start with `prefix`, so that several can be put into
// one document.
class ConfigurationGenerator {
 public:
  // The values of texts and numbers, where the usual ones are not wanted.
  struct Values {
    std::vector<std::string> texts = {"a",   "b-1",   "x y", "http://10.0.0.1:80",
                                      "ünï", "\"q\"", "`",   "1m"};
    std::vector<std::int64_t> numbers = {0, 1, 5, 42, -1, 65535};
  };

  explicit ConfigurationGenerator(unsigned seed) : ConfigurationGenerator(seed, {}) {}
  ConfigurationGenerator(unsigned seed, Values values)
      : values_(std::move(values)), random_(seed) {}

  // With one object of the kind ("http", "routers"), or with some of all kinds.
  traefik::codec::Value Object(std::string_view protocol, std::string_view kind,
                               const std::string& name);
  traefik::codec::Value Some(const std::string& prefix);

  // One of the first `count` numbers.
  std::size_t Choose(std::size_t count);

 private:
  traefik::codec::Value Struct(const traefik::schema::Struct& type, int depth);
  traefik::codec::Value Any(const traefik::schema::Option& option, int depth);

  const Values values_;
  std::mt19937 random_;
};

}  // namespace tests
