#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "provider/http/client.h"

namespace tests {

// The test engine without anything of ours in between.
class RawEngine {
 public:
  // The answer's JSON; throws what the engine says when it refuses.
  nlohmann::json Call(const std::string& method, const std::string& path,
                      const std::string& body = {});

 private:
  provider::http::Client client_;
};

}  // namespace tests
