#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/error.h"

// The engine's JSON, the one place where its names are known.
namespace orchestrator::docker {

std::string ServiceToJson(const ServiceSpec& spec);
std::string TaskToJson(const TaskTemplate& task);

// `current.raw_spec` with every managed field as `wanted` has it. The task template stays byte for
// byte where it is the same already.
std::string MergedServiceJson(const Service& current, const ServiceSpec& wanted);

std::string OverlayNetworkJson(const Overlay& overlay);

// {"label": ["…"]} and the like, for the query `filters`.
std::string FilterJson(std::string_view kind, std::string_view value);
std::string FilterJson(std::string_view kind, std::span<const std::string> values);
std::string FilterJson(const std::map<std::string, std::string>& values);  // by kind

// Readers of answers. What cannot be read is a kInternal error: the engine broke its promise.
Result<Service> ReadService(std::string_view json);
Result<std::vector<Service>> ReadServices(std::string_view json);
Result<std::vector<Task>> ReadTasks(std::string_view json);
Result<std::vector<Task>> ReadTasksWithTemplates(std::string_view json);
Result<std::string> ReadNetworkId(std::string_view json, std::string_view name);

struct VersionAnswer {
  std::string engine_version;
  std::string newest_api;
  std::string oldest_api;
};
Result<VersionAnswer> ReadVersion(std::string_view json);
Result<EngineInfo> ReadInfo(std::string_view json);

// One line of /events; nothing where it is none.
std::optional<Event> ReadEvent(std::string_view json);

// The text of an engine's error answer.
std::string ReadErrorMessage(std::string_view json);

}  // namespace orchestrator::docker
