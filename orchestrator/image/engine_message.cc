#include "orchestrator/image/engine_message.h"

#include <nlohmann/json.hpp>

namespace orchestrator::image {
namespace {

using nlohmann::json;

constexpr std::size_t kIdSize = 12;
constexpr std::string_view kRunning = " ---> Running in ";
constexpr std::string_view kMade = " ---> ";

std::string TextAt(const json& value, const char* pointer) {
  const json::json_pointer at(pointer);
  return value.contains(at) && value.at(at).is_string() ? value.at(at).get<std::string>() : "";
}

// What follows `start`, if it is the short id of something.
std::string IdAfter(std::string_view start, std::string_view text) {
  if (!text.starts_with(start)) return {};
  std::string id(text.substr(start.size()));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  // Anything shorter might be a name, or the beginning of many ids.
  const bool good =
      id.size() == kIdSize && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? id : std::string();
}

}  // namespace

EngineMessage ReadMessage(std::string_view message) {
  const json value = json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return {};
  const std::string text = TextAt(value, "/stream");
  return {.error = TextAt(value, "/error"),
          .built = TextAt(value, "/aux/ID"),
          .container = IdAfter(kRunning, text),
          .made = IdAfter(kMade, text)};
}

}  // namespace orchestrator::image
