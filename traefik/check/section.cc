#include "traefik/check/section.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace traefik::check {

Section::Section(const Value& configuration, std::string_view protocol, std::string_view kind)
    : protocol_{&root_, protocol}, path_{&protocol_, kind} {
  members_ = &codec::ObjectsOf(configuration, protocol, kind);
  for (const Member& member : *members_) by_name_[member.name] = &member.value;
}

const Value* Section::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void Fail(Problems& problems, const Path& path, std::string detail) {
  problems.errors.push_back({path.Pointer(), std::move(detail), 0, 0});
}

std::vector<std::string_view> TextsOf(const Value& object, std::string_view option) {
  std::vector<std::string_view> texts;
  const Value* value = object.Find(option);
  if (!value || !value->list()) return texts;
  for (const Value& item : *value->list()) {
    if (item.text()) texts.emplace_back(*item.text());
  }
  return texts;
}

void CheckStatus(std::string_view status, const Path& path, Problems& problems) {
  const auto is_number = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  const auto dash = status.find('-');
  const bool is_good = is_number(status.substr(0, dash)) &&
                       (dash == std::string_view::npos || is_number(status.substr(dash + 1)));
  if (is_good) return;
  Fail(problems, path, fmt::format("'{}' is neither a status nor a range as 500-599", status));
}

void CheckStatuses(const Value& owner, std::string_view option, const Path& path,
                   Problems& problems) {
  for (const std::string_view status : TextsOf(owner, option)) {
    CheckStatus(status, {&path, option}, problems);
  }
}

std::map<std::string_view, std::string> LoopFinder::Loops() const {
  std::map<std::string_view, std::string> loops;
  std::set<std::string_view> done;
  // A depth-first walk with a stack of its own: chains may be long.
  struct Step {
    std::string_view name;
    std::size_t next = 0;
  };
  for (const auto& [start, unused] : edges_) {
    if (done.contains(start)) continue;
    std::vector<Step> trail{{start}};
    std::set<std::string_view> on_trail{start};
    while (!trail.empty()) {
      Step& step = trail.back();
      const auto found = edges_.find(step.name);
      if (found == edges_.end() || step.next == found->second.size()) {
        done.insert(step.name);
        on_trail.erase(step.name);
        trail.pop_back();
        continue;
      }
      const std::string_view to = found->second[step.next++];
      if (on_trail.contains(to) && loops.contains(to)) continue;
      if (on_trail.contains(to)) {
        std::string text;
        const auto first = std::ranges::find(trail, to, &Step::name);
        for (auto member = first; member != trail.end(); ++member) {
          text += std::string(member->name) + " -> ";
        }
        loops.emplace(to, text + std::string(to));
      } else if (!done.contains(to)) {
        trail.push_back({to});
        on_trail.insert(to);
      }
    }
  }
  return loops;
}

}  // namespace traefik::check
