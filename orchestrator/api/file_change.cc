#include "orchestrator/api/file_change.h"

#include <charconv>
#include <expected>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/file_href.h"
#include "orchestrator/json/reader.h"

namespace orchestrator::api {
namespace {

using Action = FileChange::Action;

std::optional<Action> ParseAction(std::string_view text) {
  if (text == "mkdir") return Action::kMakeFolder;
  if (text == "move") return Action::kMove;
  if (text == "chmod") return Action::kChangeMode;
  return std::nullopt;
}

// JSON has no text for a name that is not UTF-8, so where it goes may be an address, too.
std::optional<files::RelativePath> ReadTarget(json::ObjectReader& reader, site::SiteId id,
                                              bool needed) {
  const auto text = reader.String("to");
  const auto href = reader.String("to_href");
  if (text && href) {
    reader.Fail("to_href", "must not be given together with to");
    return std::nullopt;
  }
  if (!text && !href) {
    if (needed) reader.Fail("to", "or to_href is needed");
    return std::nullopt;
  }
  auto path = text ? files::RelativePath::Parse(*text) : ParseFileHref(id, *href);
  if (path) return *std::move(path);
  reader.Fail(text ? "to" : "to_href", path.error());
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> ParseMode(std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && mode <= 07777 ? std::optional(mode) : std::nullopt;
}

Result<FileChange> ReadFileChange(const Request& request, site::SiteId id) {
  const auto value = json::Parse(request.body);
  if (!value) return Failure(value.error());
  std::vector<FieldProblem> problems;
  json::ObjectReader reader(*value, "", problems);
  FileChange change;
  const auto action = ParseAction(reader.String("action").value_or(""));
  if (action) {
    change.action = *action;
  } else {
    reader.Fail("action", "must be mkdir, move or chmod");
  }
  if (const auto text = reader.String("mode")) {
    change.mode = ParseMode(*text);
    if (!change.mode) reader.Fail("mode", "must be octal digits, as in \"0755\"");
  }
  if (action == Action::kChangeMode && !change.mode && problems.empty()) {
    reader.Fail("mode", "is needed");
  }
  if (auto to = ReadTarget(reader, id, action == Action::kMove)) change.to = *std::move(to);
  change.parents = reader.Boolean("parents").value_or(false);
  change.replace = reader.Boolean("replace").value_or(false);
  reader.RefuseUnknown();
  if (problems.empty()) return change;
  const std::string message =
      fmt::format("{} {}", problems.front().pointer, problems.front().detail);
  return Failure(Error{ErrorKind::kInvalid, message, {}, std::move(problems)});
}

}  // namespace orchestrator::api
