#include "orchestrator/api/preconditions.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <strings.h>

namespace orchestrator::api {
namespace {

constexpr std::string_view kSpace = " \t";

void SkipAny(std::string_view& text, std::string_view characters) {
  text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
}

Failure BadHeader(const std::string& detail) {
  return Failure(Error{ErrorKind::kInvalid, detail, {}, {{"", detail}}});
}

// All headers of this name as one list; nothing where there is none.
std::optional<std::string> Join(const Request& request, const char* name) {
  std::optional<std::string> joined;
  for (const auto& [key, value] : request.headers) {
    if (strcasecmp(key.c_str(), name) != 0) continue;
    joined = joined ? *joined + ", " + value : value;
  }
  return joined;
}

struct Tag {
  bool weak = false;
  std::string text;
};

// Takes the first tag off the list; nothing when it is none.
std::optional<Tag> TakeTag(std::string_view& list) {
  const bool weak = list.starts_with("W/");
  if (weak) list.remove_prefix(2);
  const bool quoted = list.starts_with('"');
  if (quoted) list.remove_prefix(1);
  const std::size_t end =
      quoted ? list.find('"') : std::min(list.find_first_of(" \t,"), list.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = list.substr(0, end);
  if (!quoted && (text.empty() || text == "*" || text.contains('"'))) return std::nullopt;
  list.remove_prefix(end + (quoted ? 1 : 0));
  SkipAny(list, kSpace);
  if (!list.empty() && list.front() != ',') return std::nullopt;
  return Tag{weak, std::string(text)};
}

Result<std::optional<files::EntityTags>> ReadTags(const Request& request, const char* name,
                                                  bool with_weak) {
  const auto header = Join(request, name);
  if (!header) return std::optional<files::EntityTags>();
  std::string_view list = *header;
  SkipAny(list, kSpace);
  files::EntityTags tags;
  if (list.starts_with('*') && list.find_first_not_of(kSpace, 1) == std::string_view::npos) {
    tags.any = true;
    return std::optional(std::move(tags));
  }
  const auto malformed = [&] {
    return BadHeader(fmt::format(
        "{} must be * or a list of entity tags in double quotes, as in \"a\", \"b\"", name));
  };
  if (list.empty()) return malformed();
  while (true) {
    SkipAny(list, " \t,");
    if (list.empty()) return std::optional(std::move(tags));
    auto tag = TakeTag(list);
    if (!tag) return malformed();
    if (!tag->weak || with_weak) tags.tags.push_back(std::move(tag->text));
  }
}

}  // namespace

Result<Preconditions> ReadPreconditions(const Request& request) {
  auto if_match = ReadTags(request, "If-Match", /*with_weak=*/false);
  if (!if_match) return Failure(if_match.error());
  auto if_none_match = ReadTags(request, "If-None-Match", /*with_weak=*/true);
  if (!if_none_match) return Failure(if_none_match.error());
  return Preconditions{*std::move(if_match), *std::move(if_none_match)};
}

Result<files::Precondition> ReadPreconditionOfChange(const Request& request) {
  auto wanted = ReadPreconditions(request);
  if (!wanted) return Failure(wanted.error());
  if (wanted->if_none_match && !wanted->if_none_match->any) {
    return BadHeader("If-None-Match may only be * here: nothing may be there");
  }
  return files::Precondition{std::move(wanted->if_match), wanted->if_none_match.has_value()};
}

}  // namespace orchestrator::api
