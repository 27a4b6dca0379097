#include "orchestrator/cli/traefik_commands.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/cli/output.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/diff.h"
#include "traefik/codec/labels.h"
#include "traefik/codec/locate.h"
#include "traefik/compile.h"
#include "traefik/rules/rule_check.h"
#include "traefik/schema/schema.h"
#include "traefik/swarm/service_routes.h"

namespace orchestrator::cli {
namespace {

using Ordered = nlohmann::ordered_json;
using traefik::codec::Problem;
using traefik::codec::Problems;

std::string ReadInput() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

void Print(const Ordered& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, Ordered::error_handler_t::replace));
}

Ordered ToJson(const std::vector<Problem>& problems) {
  Ordered list = Ordered::array();
  for (const Problem& problem : problems) {
    Ordered item{{"pointer", problem.pointer}, {"detail", problem.detail}};
    if (problem.line > 0) {
      item["line"] = problem.line;
      item["column"] = problem.column;
    }
    list.push_back(std::move(item));
  }
  return list;
}

// Each on a line of its own: "traefik.http.…: must be …".
std::string Joined(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "\n", problem.pointer,
                        problem.pointer.empty() ? "" : ": ", problem.detail);
  }
  return text;
}

void Warn(const std::vector<Problem>& warnings) {
  for (const Problem& warning : warnings) {
    fmt::print(stderr, "warning: {}: {}\n", warning.pointer, warning.detail);
  }
}

std::optional<traefik::schema::Version> ParseTarget(const std::string& target) {
  auto version = traefik::schema::ParseVersion(target.empty() ? "3.7" : target);
  if (!version) {
    fmt::print(stderr, "--target must be a version of Traefik from 2.11 on, as 3.4\n");
  }
  return version;
}

int Refuse(const std::string& error) {
  Print({{"error", error}});
  return kFailed;
}

}  // namespace

int DecodeTraefikLabels(const LabelledService& service) {
  const Ordered input = Ordered::parse(ReadInput(), nullptr, /*allow_exceptions=*/false);
  if (!input.is_object()) return Refuse("the input must be a JSON object of labels");
  traefik::codec::Labels labels;
  for (const auto& [key, value] : input.items()) {
    if (!value.is_string()) return Refuse(fmt::format("{}: the value must be a text", key));
    labels[key] = value.get<std::string>();
  }
  Problems problems;
  traefik::codec::Value configuration;
  if (service.name.empty()) {
    configuration = traefik::codec::DecodeLabels(labels, problems);
  } else {
    traefik::swarm::ProviderOptions options;
    if (service.default_rule) options.default_rule = *service.default_rule;
    traefik::swarm::ServiceRoutes routes = traefik::swarm::RoutesOf(
        {.name = service.name, .labels = labels, .addresses = service.addresses}, options,
        problems);
    if (!routes.enabled) {
      problems.warnings.push_back({"traefik.enable", "is false: Traefik passes the service over"});
      routes.configuration.data = traefik::codec::Object();
    }
    configuration = std::move(routes.configuration);
  }
  Warn(problems.warnings);
  if (!problems.errors.empty()) return Refuse(Joined(problems.errors));
  Print(Ordered::parse(traefik::codec::ToJson(configuration)));
  return kDone;
}

int EncodeTraefikLabels() {
  Problems problems;
  const auto configuration =
      traefik::codec::DecodeDocument(ReadInput(), problems, traefik::codec::Source::kConfiguration);
  Warn(problems.warnings);
  if (!problems.errors.empty()) {
    Print({{"error", Joined(problems.errors)}, {"errors", ToJson(problems.errors)}});
    return kFailed;
  }
  const auto encoded = traefik::codec::EncodeLabels(configuration);
  if (encoded.lost.empty()) {
    Print(Ordered(encoded.labels));
    return kDone;
  }
  Print({{"error", "labels cannot say all of it"},
         {"lost", ToJson(encoded.lost)},
         {"labels", encoded.labels}});
  return kFailed;
}

int CheckTraefikDocument(const std::string& target, bool toml) {
  const auto version = ParseTarget(target);
  if (!version) return kUsage;
  Problems problems;
  const std::string text = ReadInput();
  auto document = toml ? traefik::codec::ReadTomlDocument(text, problems)
                       : traefik::codec::ReadDocument(text, problems);
  const auto configuration = traefik::codec::DecodeDocument(
      document, problems, traefik::codec::Source::kDocument, *version);
  if (problems.errors.empty()) {
    traefik::check::CheckConfiguration(configuration, problems, *version);
    traefik::codec::Locate(document, problems.errors);
    traefik::codec::Locate(document, problems.warnings);
  }
  const bool good = problems.errors.empty();
  Ordered out{{"ok", good}};
  if (good) {
    out["configuration"] = Ordered::parse(traefik::codec::ToJson(configuration));
  } else {
    out["errors"] = ToJson(problems.errors);
  }
  if (!problems.warnings.empty()) out["warnings"] = ToJson(problems.warnings);
  Print(out);
  return good ? kDone : kFailed;
}

int CompileTraefikDocument(const std::string& target, std::size_t large) {
  const auto version = ParseTarget(target);
  if (!version) return kUsage;
  Problems problems;
  auto document = traefik::codec::ReadDocument(ReadInput(), problems);
  const auto configuration = traefik::codec::DecodeDocument(
      document, problems, traefik::codec::Source::kDocument, *version);
  if (!problems.errors.empty()) {
    Print({{"ok", false}, {"errors", ToJson(problems.errors)}});
    return kFailed;
  }
  Warn(problems.warnings);
  fmt::print("{}\n", traefik::Compile(configuration, {.version = *version, .large = large}));
  return kDone;
}

int CheckTraefikRule(bool tcp, bool v2) {
  std::string rule = ReadInput();
  // The line's end of `echo` belongs to the shell.
  if (rule.ends_with('\n')) rule.pop_back();
  using namespace traefik::rules;
  const auto hosts =
      CheckRule(rule, tcp ? Protocol::kTcp : Protocol::kHttp, v2 ? Syntax::kV2 : Syntax::kV3);
  if (!hosts) {
    Print({{"ok", false}, {"error", hosts.error()}});
    return kFailed;
  }
  Print({{"ok", true}, {"hosts", *hosts}});
  return kDone;
}

int DiffTraefikDocuments(const std::string& before, const std::string& after, bool as_json) {
  std::vector<traefik::codec::Value> configurations;
  for (const std::string& name : {before, after}) {
    std::ifstream file(name, std::ios::binary);
    if (!file) {
      fmt::print(stderr, "cannot read {}\n", name);
      return kUsage;
    }
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    Problems problems;
    configurations.push_back(name.ends_with(".toml")
                                 ? traefik::codec::DecodeToml(text, problems)
                                 : traefik::codec::DecodeDocument(
                                       text, problems, traefik::codec::Source::kConfiguration));
    if (!problems.errors.empty()) {
      fmt::print(stderr, "{}: {}\n", name, Joined(problems.errors));
      return kUsage;
    }
  }
  const auto changes = traefik::codec::Diff(configurations[0], configurations[1]);
  fmt::print("{}", as_json ? traefik::codec::ToJson(changes) + "\n" : ToText(changes));
  return changes.empty() ? kDone : kFailed;
}

int PrintTraefikOptions() {
  using traefik::schema::Kind;
  constexpr const char* kKinds[] = {"text",
                                    "switch",
                                    "number",
                                    "duration",
                                    "list of texts",
                                    "texts by name",
                                    "numbers by name",
                                    "object",
                                    "list of objects",
                                    "objects by name",
                                    "plugins by name",
                                    "internal"};
  fmt::print("| option | kind | default | since | in labels |\n|---|---|---|---|---|\n");
  traefik::schema::ForEachOption(
      [&](const std::string& path, const traefik::schema::Option& option, auto since) {
        if (!option.in_files && !option.in_labels) return;
        fmt::print("| `{}` | {} | {} | {} | {} |\n", path,
                   kKinds[static_cast<std::size_t>(option.kind)],
                   option.kind == Kind::kOne ? "" : option.default_value, Name(since),
                   !option.in_labels           ? "no"
                   : option.label_name.empty() ? "yes"
                                               : fmt::format("one, as `{}`", option.label_name));
      });
  return kDone;
}

}  // namespace orchestrator::cli
