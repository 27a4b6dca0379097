#include "orchestrator/docker/container_client.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/docker/codec.h"

namespace orchestrator::docker {
namespace {

using nlohmann::json;

template <typename Read>
auto ReadBody(const Result<std::string>& body, Read&& read) -> Result<decltype(read(json()))> {
  if (!body) return Failure(body.error());
  try {
    return read(json::parse(*body));
  } catch (const json::exception& error) {
    return Failure(Error{ErrorKind::kInternal,
                         "the Docker engine's answer (containers) cannot be read", error.what()});
  }
}

json MountToJson(const Mount& mount) {
  if (mount.type == Mount::Type::kOther) return json::parse(mount.raw);
  json out{{"Target", mount.target}, {"ReadOnly", mount.read_only}};
  if (mount.type == Mount::Type::kTmpfs) {
    out["Type"] = "tmpfs";
    out["TmpfsOptions"] = {{"SizeBytes", mount.tmpfs_bytes}, {"Mode", mount.tmpfs_mode}};
  } else {
    out["Type"] = "bind";
    out["Source"] = mount.source;
  }
  return out;
}

json ToJson(const ContainerSpec& spec) {
  json mounts = json::array();
  for (const Mount& mount : spec.mounts) mounts.push_back(MountToJson(mount));
  json host{{"AutoRemove", true},
            {"Init", true},
            {"ReadonlyRootfs", spec.read_only_root},
            {"Mounts", std::move(mounts)},
            {"NanoCpus", spec.nano_cpus},
            {"Memory", spec.memory_bytes},
            {"NetworkMode", spec.network},
            {"LogConfig", {{"Type", "none"}}}};
  if (spec.most_processes > 0) host["PidsLimit"] = spec.most_processes;
  return {{"Image", spec.image},     {"Entrypoint", spec.entry_point},
          {"Cmd", json::array()},    {"Labels", spec.labels},
          {"Env", spec.environment}, {"WorkingDir", spec.working_directory},
          {"User", spec.user},       {"HostConfig", std::move(host)}};
}

// The keys at which an engine lets go of a terminal, whose shell goes on. It cannot be told to have
// none, and holds the first one back until the next comes: by itself that is Ctrl-P, which shells
// have for the line before. Nobody types these.
constexpr const char* kDetachKeys = "ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_";

// The engine writes names as paths.
std::string PlainName(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

}  // namespace

ContainerClient::ContainerClient(provider::http::Client& client, EngineAddress address,
                                 std::chrono::milliseconds timeout)
    : transport_(client, std::move(address), timeout) {}

Result<std::string> ContainerClient::Create(const ContainerSpec& spec,
                                            const std::stop_token& stop) {
  return ReadBody(
      transport_.Call(fmt::format("creating container {}", spec.name), "POST",
                      "/containers/create?name=" + Escape(spec.name), ToJson(spec).dump(), stop),
      [](const json& in) { return in.at("Id").get<std::string>(); });
}

Result<void> ContainerClient::Start(std::string_view id, const std::stop_token& stop) {
  return WithoutBody(transport_.Call(fmt::format("starting container {}", id), "POST",
                                     fmt::format("/containers/{}/start", Escape(id)), "", stop));
}

Result<void> ContainerClient::Remove(std::string_view id, const std::stop_token& stop) {
  const auto removed =
      WithoutBody(transport_.Call(fmt::format("removing container {}", id), "DELETE",
                                  fmt::format("/containers/{}?force=1&v=1", Escape(id)), "", stop));
  // A conflict says that it is being removed already.
  if (!removed && (removed.error().kind == ErrorKind::kNotFound ||
                   removed.error().kind == ErrorKind::kConflict)) {
    return {};
  }
  return removed;
}

Result<Container> ContainerClient::Find(std::string_view id, const std::stop_token& stop) {
  return ReadBody(transport_.Call(fmt::format("looking for container {}", id), "GET",
                                  fmt::format("/containers/{}/json", Escape(id)), "", stop),
                  [](const json& in) {
                    Container container;
                    container.id = in.at("Id").get<std::string>();
                    container.name = PlainName(in.value("Name", ""));
                    container.state = in.at("State").value("Status", "");
                    container.created_at = in.value("Created", "");
                    const json& labels = in.at("Config").at("Labels");
                    if (labels.is_object()) container.labels = labels.get<Labels>();
                    return container;
                  });
}

Result<std::vector<Container>> ContainerClient::List(std::string_view label,
                                                     const std::stop_token& stop) {
  return ReadBody(
      transport_.Call("listing containers", "GET",
                      "/containers/json?all=1&filters=" + Escape(FilterJson("label", label)), "",
                      stop),
      [](const json& list) {
        std::vector<Container> containers;
        for (const json& item : list) {
          Container container;
          container.id = item.at("Id").get<std::string>();
          container.state = item.value("State", "");
          container.labels = item.at("Labels").get<Labels>();
          if (!item.at("Names").empty()) {
            container.name = PlainName(item.at("Names").front().get<std::string>());
          }
          containers.push_back(std::move(container));
        }
        return containers;
      });
}

Result<std::int64_t> ContainerClient::WrittenBytes(std::string_view id,
                                                   const std::stop_token& stop) {
  return ReadBody(transport_.Call(fmt::format("measuring container {}", id), "GET",
                                  fmt::format("/containers/{}/json?size=1", Escape(id)), "", stop),
                  [](const json& in) { return in.value("SizeRw", std::int64_t{0}); });
}

Result<ContainerClient::Exec> ContainerClient::StartExec(
    std::string_view container, const std::vector<std::string>& command,
    const std::vector<std::string>& environment, TerminalSize size, const std::stop_token& stop) {
  const json order{{"AttachStdin", true},       {"AttachStdout", true}, {"AttachStderr", true},
                   {"DetachKeys", kDetachKeys}, {"Tty", true},          {"Cmd", command},
                   {"Env", environment}};
  auto id =
      MakeExec(fmt::format("opening a terminal in {}", container), container, order.dump(), stop);
  if (!id) return Failure(id.error());
  auto connection = transport_.Hijack(fmt::format("opening a terminal in {}", container),
                                      fmt::format("/exec/{}/start", Escape(*id)),
                                      json{{"Detach", false}, {"Tty", true}}.dump(), stop);
  if (!connection) return Failure(connection.error());
  // The engine knows the process only a moment after its answer; a size that comes too early is not
  // worth an error, since the client sends its own.
  static_cast<void>(ResizeExec(*id, size, stop));
  return Exec{*std::move(id), *std::move(connection)};
}

Result<void> ContainerClient::RunDetached(std::string_view container,
                                          const std::vector<std::string>& command,
                                          const std::stop_token& stop) {
  const std::string what = fmt::format("running a command in {}", container);
  const auto id = MakeExec(what, container, json{{"Cmd", command}}.dump(), stop);
  if (!id) return Failure(id.error());
  return WithoutBody(transport_.Call(what, "POST", fmt::format("/exec/{}/start", Escape(*id)),
                                     json{{"Detach", true}, {"Tty", false}}.dump(), stop));
}

Result<std::string> ContainerClient::MakeExec(std::string_view what, std::string_view container,
                                              std::string order, const std::stop_token& stop) {
  return ReadBody(
      transport_.Call(what, "POST", fmt::format("/containers/{}/exec", Escape(container)),
                      std::move(order), stop),
      [](const json& in) { return in.at("Id").get<std::string>(); });
}

Result<void> ContainerClient::ResizeExec(std::string_view exec, TerminalSize size,
                                         const std::stop_token& stop) {
  return WithoutBody(transport_.Call(
      "resizing a terminal", "POST",
      fmt::format("/exec/{}/resize?h={}&w={}", Escape(exec), size.rows, size.columns), "", stop));
}

Result<std::optional<int>> ContainerClient::ExitCode(std::string_view exec,
                                                     const std::stop_token& stop) {
  return ReadBody(transport_.Call("asking about a terminal", "GET",
                                  fmt::format("/exec/{}/json", Escape(exec)), "", stop),
                  [](const json& in) {
                    std::optional<int> code;
                    if (!in.value("Running", false) && in.at("ExitCode").is_number()) {
                      code = in.at("ExitCode").get<int>();
                    }
                    return code;
                  });
}

}  // namespace orchestrator::docker
