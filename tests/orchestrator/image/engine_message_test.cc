#include "orchestrator/image/engine_message.h"

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::image {
namespace {

TEST_CASE("Only the engine's own words name a container") {
  for (const char* message :
       {"", "{", "[]", R"({"stream": 5})", R"({"status": " ---> Running in 0123456789ab"})",
        R"({"stream": "Running in 0123456789ab"})", R"({"stream": " ---> Running in "})",
        R"({"stream": " ---> Running in ../../etc"})", R"({"stream": " ---> Running in db"})",
        R"({"stream": " ---> Running in 0123456789abc"})",
        R"({"stream": " ---> Running in 0123 456"})"}) {
    INFO(message);
    CHECK(ReadMessage(message).container.empty());
  }
  CHECK(ReadMessage(R"({"stream": " ---> Running in 0123456789ab\n"})").container ==
        "0123456789ab");
  CHECK(ReadMessage(R"({"stream": " ---> 0123456789ab\n"})").made == "0123456789ab");
  CHECK(ReadMessage(R"({"aux": {"ID": "sha256:01"}})").built == "sha256:01");
  CHECK(ReadMessage(R"({"aux": {"ID": 5}})").built.empty());
}

}  // namespace
}  // namespace orchestrator::image
