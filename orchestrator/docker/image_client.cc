#include "orchestrator/docker/image_client.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/docker/codec.h"
#include "orchestrator/docker/streams.h"

namespace orchestrator::docker {
namespace {

using nlohmann::json;

constexpr std::int64_t kCpuPeriod = 100'000;  // microseconds, the engine's default
constexpr std::int64_t kNanoPerCpu = 1'000'000'000;

Image FromJson(const json& in) {
  Image image;
  image.id = in.value("Id", "");
  image.size = in.value("Size", std::int64_t{0});
  if (const auto tags = in.find("RepoTags"); tags != in.end() && tags->is_array()) {
    image.tags = tags->get<std::vector<std::string>>();
  }
  // A list has the labels at the top, an inspection in the configuration.
  const json* owner = &in;
  if (const auto config = in.find("Config"); config != in.end() && config->is_object()) {
    owner = &*config;
  }
  if (const auto labels = owner->find("Labels"); labels != owner->end() && labels->is_object()) {
    image.labels = labels->get<Labels>();
  }
  return image;
}

template <typename Read>
auto ReadImages(const std::string& body, Read&& read) -> Result<decltype(read(json()))> {
  try {
    return read(json::parse(body));
  } catch (const json::exception& error) {
    return Failure(Error{ErrorKind::kInternal, "the Docker engine's answer (images) cannot be read",
                         error.what()});
  }
}

}  // namespace

ImageClient::ImageClient(provider::http::Client& client, EngineAddress address,
                         std::chrono::milliseconds timeout)
    : transport_(client, std::move(address), timeout) {}

Result<Image> ImageClient::Find(std::string_view name, const std::stop_token& stop) {
  const auto body = transport_.Call(fmt::format("reading image {}", name), "GET",
                                    fmt::format("/images/{}/json", Escape(name)), "", stop);
  if (!body) return Failure(body.error());
  return ReadImages(*body, FromJson);
}

Result<std::vector<Image>> ImageClient::List(std::string_view label, const std::stop_token& stop) {
  const auto body =
      transport_.Call("listing images", "GET",
                      "/images/json?filters=" + Escape(FilterJson("label", label)), "", stop);
  if (!body) return Failure(body.error());
  return ReadImages(*body, [](const json& list) {
    std::vector<Image> images;
    for (const json& item : list) images.push_back(FromJson(item));
    return images;
  });
}

Result<std::vector<Layer>> ImageClient::History(std::string_view name,
                                                const std::stop_token& stop) {
  const auto body = transport_.Call(fmt::format("reading image {}", name), "GET",
                                    fmt::format("/images/{}/history", Escape(name)), "", stop);
  if (!body) return Failure(body.error());
  return ReadImages(*body, [](const json& list) {
    std::vector<Layer> layers;
    for (const json& item : list) {
      layers.push_back({item.value("Id", ""), item.value("Created", std::int64_t{0}),
                        item.value("Size", std::int64_t{0})});
    }
    return layers;
  });
}

Result<void> ImageClient::Remove(std::string_view name, const std::stop_token& stop) {
  return WithoutBody(transport_.Call(fmt::format("removing image {}", name), "DELETE",
                                     fmt::format("/images/{}", Escape(name)), "", stop));
}

Result<void> ImageClient::RemoveOnly(std::string_view id, const std::stop_token& stop) {
  return WithoutBody(transport_.Call(fmt::format("removing image {}", id), "DELETE",
                                     fmt::format("/images/{}?noprune=1", Escape(id)), "", stop));
}

Result<void> ImageClient::Build(const BuildOrder& order, const ReadContext& read_context,
                                const std::function<bool(std::string_view json)>& on_message,
                                const std::stop_token& stop) {
  // Containers of failed steps are removed too (forcerm).
  std::string target =
      fmt::format("/build?t={}&dockerfile={}&rm=1&forcerm=1&labels={}", Escape(order.tag),
                  Escape(order.dockerfile), Escape(json(order.labels).dump()));
  if (order.memory_bytes > 0) target += fmt::format("&memory={}", order.memory_bytes);
  if (order.swap_bytes != 0) target += fmt::format("&memswap={}", order.swap_bytes);
  if (order.nano_cpus > 0) {
    target += fmt::format("&cpuperiod={}&cpuquota={}", kCpuPeriod,
                          order.nano_cpus * kCpuPeriod / kNanoPerCpu);
  }
  LineSplitter lines;
  bool wanted = true;
  return transport_.Stream(fmt::format("building {}", order.tag), "POST", target,
                           "application/x-tar",
                           {.read_body = read_context,
                            .on_body =
                                [&](std::string_view bytes) {
                                  lines.Add(bytes, [&](std::string_view line) {
                                    if (wanted && !line.empty()) wanted = on_message(line);
                                  });
                                  return wanted;
                                }},
                           stop);
}

}  // namespace orchestrator::docker
