#include "orchestrator/adopt/label_import.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "orchestrator/site/site.h"
#include "traefik/codec/edit.h"

namespace orchestrator::adopt {
namespace {

using traefik::codec::Member;
using traefik::codec::Object;
using traefik::codec::Problem;
using traefik::codec::Problems;
using traefik::codec::Value;

Failure Bad(const YAML::Mark& mark, const std::string& what) {
  std::string message = mark.is_null()
                            ? fmt::format("the stack file {}", what)
                            : fmt::format("the stack file, line {}: {}", mark.line + 1, what);
  return Failure(Error{ErrorKind::kInvalid, message, {}, {{"", message}}});
}

// A map, or a list of "key=value".
Result<std::map<std::string, std::string>> ReadLabels(const YAML::Node& node) {
  std::map<std::string, std::string> labels;
  if (!node.IsDefined() || node.IsNull()) return labels;
  if (!node.IsMap() && !node.IsSequence())
    return Bad(node.Mark(), "labels must be a map or a list");
  for (const auto& item : node) {
    if (node.IsMap()) {
      if (!item.first.IsScalar() || !(item.second.IsScalar() || item.second.IsNull())) {
        return Bad(item.first.Mark(), "a label must be a text");
      }
      labels[item.first.Scalar()] = item.second.IsNull() ? "" : item.second.Scalar();
      continue;
    }
    if (!item.IsScalar()) return Bad(item.Mark(), "a label must be a text as key=value");
    const std::string& text = item.Scalar();
    const std::size_t equals = text.find('=');
    labels[text.substr(0, equals)] = equals == text.npos ? "" : text.substr(equals + 1);
  }
  for (auto& [key, value] : labels) {
    for (std::size_t at = 0; (at = value.find('$', at)) != value.npos; ++at) {
      // How such a file writes a dollar sign.
      if (value.compare(at, 2, "$$") != 0) {
        return Bad(node.Mark(),
                   fmt::format("the label {} has a variable: import what `docker stack "
                               "config` prints, or write $$ for a dollar sign",
                               key));
      }
      value.erase(at, 1);
    }
  }
  return labels;
}

Result<std::vector<traefik::swarm::Service>> Read(const YAML::Node& root, std::string_view stack) {
  std::vector<traefik::swarm::Service> services;
  if (!root.IsMap() || !root["services"].IsDefined() || !root["services"].IsMap()) {
    return Bad(root.Mark(), "has no services");
  }
  for (const auto& item : root["services"]) {
    const YAML::Node& node = item.second;
    if (!item.first.IsScalar() || !node.IsMap()) {
      return Bad(item.first.Mark(), "a service must be a map");
    }
    traefik::swarm::Service service;
    service.name =
        stack.empty() ? item.first.Scalar() : fmt::format("{}_{}", stack, item.first.Scalar());
    const YAML::Node deploy = node["deploy"];
    for (const YAML::Node& map : {node, deploy, node["labels"]}) {
      if (map.IsDefined() && map.IsMap() && map["<<"].IsDefined()) {
        return Bad(map.Mark(),
                   "has a merge (<<), which is not read here: import what `docker stack config` "
                   "prints");
      }
    }
    auto labels =
        ReadLabels(deploy.IsDefined() && deploy.IsMap() ? deploy["labels"] : YAML::Node());
    if (labels && labels->empty()) labels = ReadLabels(node["labels"]);
    if (!labels) return Failure(labels.error());
    service.labels = *std::move(labels);
    service.addresses = {service.name};
    services.push_back(std::move(service));
  }
  return services;
}

struct ReadService {
  const std::string* name;
  Value configuration;
};

// Objects that services define differently: Traefik drops them, for all.
std::set<std::string> Conflicts(std::vector<ReadService>& services) {
  std::map<std::string, Value> first;
  std::set<std::string> conflicts;
  for (ReadService& service : services) {
    traefik::codec::ForEachNamed(service.configuration, [&](std::string_view protocol,
                                                            std::string_view kind, Member& member) {
      const std::string name = fmt::format("{}.{}.{}", protocol, kind, member.name);
      const auto [found, is_first] = first.emplace(name, member.value);
      if (!is_first && !(found->second == member.value)) conflicts.insert(name);
    });
  }
  return conflicts;
}

std::string ConflictOf(Value& configuration, const std::set<std::string>& conflicts) {
  std::string conflict;
  traefik::codec::ForEachNamed(
      configuration, [&](std::string_view protocol, std::string_view kind, Member& member) {
        std::string name = fmt::format("{}.{}.{}", protocol, kind, member.name);
        if (conflicts.contains(name)) conflict = std::move(name);
      });
  return conflict;
}

}  // namespace

Result<std::vector<traefik::swarm::Service>> ReadStackFile(std::string_view yaml,
                                                           std::string_view stack) {
  try {
    return Read(YAML::Load(std::string(yaml)), stack);
  } catch (const YAML::Exception& error) {
    return Bad(error.mark, error.msg);
  }
}

std::vector<traefik::swarm::Service> LabelledServices(
    const std::vector<docker::Service>& services) {
  std::vector<traefik::swarm::Service> labelled;
  for (const docker::Service& service : services) {
    if (site::ParseServiceName(service.spec.name)) continue;
    traefik::swarm::Service one{service.spec.name, {}, {service.spec.name}};
    for (const auto& [key, value] : service.spec.labels) one.labels[key] = value;
    labelled.push_back(std::move(one));
  }
  std::ranges::sort(labelled, {}, &traefik::swarm::Service::name);
  return labelled;
}

LabelRoutes RoutesOfLabels(const std::vector<traefik::swarm::Service>& services,
                           traefik::schema::Version version) {
  LabelRoutes all;
  std::vector<ReadService> read;
  for (const traefik::swarm::Service& service : services) {
    // Traefik would give it its default rule, unless it is told not to by exposedByDefault.
    const bool is_meant = std::ranges::any_of(
        service.labels, [](const auto& label) { return label.first.starts_with("traefik."); });
    if (!is_meant) {
      all.remarks.push_back(service.name + ": passed over: it has no label of Traefik");
      continue;
    }
    Problems problems;
    traefik::swarm::ServiceRoutes routes =
        traefik::swarm::RoutesOf(service, {.version = version}, problems);
    for (const auto* list : {&problems.errors, &problems.warnings}) {
      for (const Problem& problem : *list) {
        all.remarks.push_back(
            fmt::format("{}: {} {}", service.name, problem.pointer, problem.detail));
      }
    }
    if (!problems.errors.empty() || !routes.enabled) continue;
    read.push_back({&service.name, std::move(routes.configuration)});
  }
  const std::set<std::string> conflicts = Conflicts(read);
  for (ReadService& service : read) {
    const std::string conflict = ConflictOf(service.configuration, conflicts);
    if (conflict.empty()) {
      traefik::codec::Merge(all.configuration, service.configuration);
      continue;
    }
    all.remarks.push_back(fmt::format(
        "{}: left out: {} is defined otherwise by another service, and Traefik drops it "
        "for both",
        *service.name, conflict));
  }
  return all;
}

}  // namespace orchestrator::adopt
