#include "orchestrator/image/step_watch.h"

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
    CHECK(ContainerOf(message).empty());
  }
  CHECK(ContainerOf(R"({"stream": " ---> Running in 0123456789ab\n"})") == "0123456789ab");
}

}  // namespace
}  // namespace orchestrator::image
