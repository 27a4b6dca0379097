#include "traefik/codec/diff.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "traefik/base/json_text.h"
#include "traefik/codec/problem.h"

namespace traefik::codec {
namespace {

using Kind = Change::Kind;

void Compare(const Value& before, const Value& after, const Path& path,
             std::vector<Change>& changes) {
  if (before == after) return;
  if (!before.object() || !after.object()) {
    const Kind kind = !before.is_set()  ? Kind::kAdded
                      : !after.is_set() ? Kind::kRemoved
                                        : Kind::kChanged;
    changes.push_back({kind, path.Pointer(), before, after});
    return;
  }
  static const Value kNothing;
  std::map<std::string_view, std::pair<const Value*, const Value*>> members;
  for (const Member& member : *before.object()) members[member.name] = {&member.value, &kNothing};
  for (const Member& member : *after.object()) {
    auto& both = members[member.name];
    if (!both.first) both.first = &kNothing;
    both.second = &member.value;
  }
  for (const auto& [name, both] : members) {
    Compare(*both.first, *both.second, {&path, name}, changes);
  }
}

const char* Name(Kind kind) {
  switch (kind) {
    case Kind::kAdded:
      return "added";
    case Kind::kRemoved:
      return "removed";
    case Kind::kChanged:
      return "changed";
  }
  return "?";
}

}  // namespace

std::vector<Change> Diff(const Value& before, const Value& after) {
  std::vector<Change> changes;
  Compare(before, after, {}, changes);
  return changes;
}

std::string ToText(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    switch (change.kind) {
      case Kind::kAdded:
        text += "+ " + change.pointer + " " + ToJson(change.after);
        break;
      case Kind::kRemoved:
        text += "- " + change.pointer + " " + ToJson(change.before);
        break;
      case Kind::kChanged:
        text +=
            "~ " + change.pointer + ": " + ToJson(change.before) + " -> " + ToJson(change.after);
        break;
    }
    text += '\n';
  }
  return text;
}

std::string ToJson(const std::vector<Change>& changes) {
  std::string text = "[";
  for (const Change& change : changes) {
    if (text.size() > 1) text += ',';
    text += std::string(R"({"change":")") + Name(change.kind) + R"(","pointer":)" +
            JsonString(change.pointer);
    if (change.before.is_set()) text += R"(,"before":)" + ToJson(change.before);
    if (change.after.is_set()) text += R"(,"after":)" + ToJson(change.after);
    text += '}';
  }
  return text + "]";
}

}  // namespace traefik::codec
