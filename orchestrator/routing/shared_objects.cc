#include "orchestrator/routing/shared_objects.h"

#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"

namespace orchestrator::routing {
namespace {

using traefik::codec::Path;
using traefik::codec::Problem;
using traefik::codec::Problems;
using traefik::codec::Value;

// Traefik's own name for the options of connections that ask for none.
bool IsFixed(std::string_view kind, std::string_view name) {
  return kind == "options" && name == "default";
}

void Rename(Value& configuration) {
  traefik::codec::ForEachNamed(
      configuration, [](std::string_view, std::string_view kind, traefik::codec::Member& member) {
        if (!IsFixed(kind, member.name)) member.name = SharedName(member.name);
      });
  traefik::codec::ForEachReference(configuration, [](const traefik::codec::ReferenceTarget& target,
                                                     const Path&, std::string& name) {
    if (name.contains('@') || name.empty() || IsFixed(target.kind, name)) return;
    name = SharedName(name);
  });
}

}  // namespace

std::string SharedName(std::string_view name) { return fmt::format("shared-{}", name); }

Result<std::shared_ptr<const Value>> ReadSharedObjects(std::string_view text,
                                                       std::string_view file_name,
                                                       traefik::schema::Version target) {
  Problems problems;
  auto configuration = std::make_shared<Value>(
      traefik::codec::DecodeDocument(text, problems, traefik::codec::Source::kDocument, target));
  const Value* tls = configuration->Find("tls");
  if (tls && tls->Find("stores")) {
    problems.errors.push_back({"/tls/stores", "is made by the orchestrator: leave it out"});
  }
  if (problems.errors.empty()) {
    // What is nothing is not written, and could leave a block empty, at which Traefik refuses all.
    traefik::codec::DecodeDocument(traefik::codec::ToJson(*configuration), problems,
                                   traefik::codec::Source::kDocument, target);
    traefik::check::CheckConfiguration(*configuration, problems, target);
  }
  if (!problems.errors.empty()) {
    std::string message = fmt::format("routing.shared: {} cannot be used", file_name);
    for (const Problem& problem : problems.errors) {
      message += problem.line > 0
                     ? fmt::format("\n{}:{}:{}: ", file_name, problem.line, problem.column)
                     : fmt::format("\n{}: ", file_name);
      message += fmt::format("{} {}", problem.pointer, problem.detail);
    }
    return Failure(Error{ErrorKind::kInvalid, std::move(message)});
  }
  Rename(*configuration);
  return configuration;
}

Result<std::shared_ptr<const Value>> LoadSharedObjects(const std::filesystem::path& file,
                                                       traefik::schema::Version target) {
  if (file.empty()) return nullptr;
  std::ifstream in(file);
  std::stringstream text;
  if (!(text << in.rdbuf())) {
    return Failure(
        Error{ErrorKind::kInvalid,
              fmt::format("routing.shared: {} cannot be read, or is empty", file.string())});
  }
  return ReadSharedObjects(text.str(), file.string(), target);
}

}  // namespace orchestrator::routing
