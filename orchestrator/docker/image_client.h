#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/transport.h"
#include "orchestrator/docker/types.h"

namespace orchestrator::docker {

struct Image {
  std::string id;  // sha256:…, which names exactly this content
  std::vector<std::string> tags;
  Labels labels;
  std::int64_t size = 0;  // bytes
};

// A step of those that made an image.
struct Layer {
  std::string id;            // of the image that the step made; <missing> where the engine lacks it
  std::int64_t created = 0;  // Unix time in seconds, by the engine's clock
  std::int64_t size = 0;     // bytes
};

struct BuildOrder {
  std::string tag;
  std::string dockerfile;  // its path in the context
  Labels labels;
  std::int64_t memory_bytes = 0;  // 0: no limit
  std::int64_t swap_bytes = 0;    // memory and swap together; 0: the engine's default
  std::int64_t nano_cpus = 0;     // 0: no limit
};

// The images of an engine. Thread-safe; `client` must live longer.
class ImageClient {
 public:
  ImageClient(provider::http::Client& client, EngineAddress address,
              std::chrono::milliseconds timeout = std::chrono::seconds(60));

  Result<Image> Find(std::string_view name, const std::stop_token& stop);
  Result<std::vector<Image>> List(std::string_view label, const std::stop_token& stop);

  // What the image is made of, the last step first.
  Result<std::vector<Layer>> History(std::string_view name, const std::stop_token& stop);

  // An image that a container uses is a kConflict.
  Result<void> Remove(std::string_view name, const std::stop_token& stop);

  // As Remove, but what it was made from stays, even if it has no name.
  Result<void> RemoveOnly(std::string_view id, const std::stop_token& stop);

  // Builds from a context, which `read_context` gives as a tar. Every message of the engine goes to
  // `on_message` as the JSON object that it is; false ends the build. The result is what the engine
  // says of its transport: whether the build was good is in the messages.
  using ReadContext = std::function<std::optional<std::size_t>(char* buffer, std::size_t size)>;
  Result<void> Build(const BuildOrder& order, const ReadContext& read_context,
                     const std::function<bool(std::string_view json)>& on_message,
                     const std::stop_token& stop);

 private:
  Transport transport_;
};

}  // namespace orchestrator::docker
