#include "traefik/tree/partition.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace traefik::tree {
namespace {

// Hosts that continue a common beginning with the same character.
struct Group {
  std::optional<char> next;  // none: the beginning itself is the host
  Indices hosts;
};

struct Division {
  std::string beginning;
  std::vector<Group> large;
  std::vector<Group> small;
};

std::string CommonBeginning(std::string_view first, std::string_view last) {
  const auto [a, b] = std::ranges::mismatch(first, last);
  return std::string(first.begin(), a);
}

Division Divide(Hosts hosts, const Indices& range, std::size_t small) {
  Division division;
  division.beginning = CommonBeginning(hosts[range.front()], hosts[range.back()]);
  const std::size_t length = division.beginning.size();
  const auto next_of = [&](std::uint32_t index) {
    const std::string_view host = hosts[index];
    return host.size() > length ? std::optional(host[length]) : std::nullopt;
  };
  for (auto at = range.begin(); at != range.end();) {
    const auto next = next_of(*at);
    const auto end =
        std::partition_point(at, range.end(), [&](auto index) { return next_of(index) <= next; });
    Group group{next, Indices(at, end)};
    (group.hosts.size() > small ? division.large : division.small).push_back(std::move(group));
    at = end;
  }
  return division;
}

Indices Joined(const std::vector<Group>& groups) {
  Indices all;
  for (const Group& group : groups) all.insert(all.end(), group.hosts.begin(), group.hosts.end());
  return all;
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '.') out += '\\';
    out += c;
  }
  return out;
}

// The hosts of `groups`, each also with a dot at its end, as requests may have it. So a dot alone
// does not yet mean a longer host.
std::string Pattern(std::string_view beginning, const std::vector<Group>& groups) {
  std::vector<std::string> alternatives;
  std::string characters;
  for (const Group& group : groups) {
    if (!group.next) {
      alternatives.emplace_back("\\.?$");
    } else if (*group.next == '.') {
      alternatives.emplace_back("\\..");
    } else {
      characters += *group.next;
    }
  }
  if (characters.size() > 1) {
    // A hyphen between two characters would be a range.
    if (std::erase(characters, '-') > 0) characters += '-';
    characters = "[" + characters + "]";
  }
  if (!characters.empty()) alternatives.push_back(std::move(characters));
  std::string pattern = "^" + Escaped(beginning);
  if (alternatives.size() == 1) return pattern + alternatives.front();
  pattern += "(?:";
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    if (i > 0) pattern += '|';
    pattern += alternatives[i];
  }
  return pattern + ")";
}

std::string Path(std::string_view beginning, const Group& group) {
  std::string path(beginning);
  path += group.next.value_or('$');
  return path;
}

std::string SmallPath(std::string_view beginning) { return std::string(beginning) + "+"; }

Indices AllOf(Hosts hosts) {
  Indices all(hosts.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void DivideIntoRoots(Hosts hosts, const Limits& limits, std::string path, Indices range,
                     std::vector<RootPart>& out) {
  if (range.size() <= limits.root_hosts) {
    out.push_back({std::move(path), std::move(range)});
    return;
  }
  Division division = Divide(hosts, range, limits.root_hosts / 16);
  for (Group& group : division.large) {
    DivideIntoRoots(hosts, limits, Path(division.beginning, group), std::move(group.hosts), out);
  }
  if (!division.small.empty()) {
    out.push_back({SmallPath(division.beginning), Joined(division.small)});
  }
}

class RootBuilder {
 public:
  RootBuilder(Hosts hosts, const Limits& limits, RootLayout& layout)
      : hosts_(hosts), leaf_hosts_(limits.leaf_hosts), layout_(layout) {
    layout_.leaves.resize(hosts.size());
  }

  // Appends the rule of these hosts, for use in a disjunction, and makes their branches.
  void Add(const Indices& range, std::optional<std::size_t> parent, std::string& rule) {
    const Division division =
        range.size() > leaf_hosts_ ? Divide(hosts_, range, leaf_hosts_ / 4) : Division();
    if (division.large.empty()) {
      for (const auto index : range) layout_.leaves[index] = parent;
      return AddHosts(range, rule);
    }
    for (const Group& group : division.large) {
      const std::size_t branch = AddBranch(Path(division.beginning, group),
                                           Pattern(division.beginning, {group}), parent, rule);
      Add(group.hosts, branch, rule);
      rule += ')';
    }
    if (division.small.empty()) return;
    const std::size_t branch = AddBranch(SmallPath(division.beginning),
                                         Pattern(division.beginning, division.small), parent, rule);
    const Indices few = Joined(division.small);
    for (const auto index : few) layout_.leaves[index] = branch;
    AddHosts(few, rule);
    rule += ')';
  }

 private:
  static void AppendOr(std::string& rule) {
    if (!rule.empty() && !rule.ends_with('(')) rule += " || ";
  }

  void AddHosts(const Indices& range, std::string& rule) {
    for (const auto index : range) {
      AppendOr(rule);
      rule += "Host(`";
      rule += hosts_[index];
      rule += "`)";
    }
  }

  std::size_t AddBranch(std::string path, std::string pattern, std::optional<std::size_t> parent,
                        std::string& rule) {
    AppendOr(rule);
    rule += "HostRegexp(`" + pattern + "`) && (";
    layout_.branches.push_back({std::move(path), std::move(pattern), parent});
    return layout_.branches.size() - 1;
  }

  Hosts hosts_;
  std::size_t leaf_hosts_;
  RootLayout& layout_;
};

}  // namespace

std::vector<RootPart> DivideIntoRoots(Hosts hosts, const Limits& limits) {
  std::vector<RootPart> roots;
  if (!hosts.empty()) DivideIntoRoots(hosts, limits, "", AllOf(hosts), roots);
  return roots;
}

RootLayout LayOutRoot(Hosts hosts, const Limits& limits) {
  RootLayout layout;
  RootBuilder builder(hosts, limits, layout);
  std::string alternatives;
  builder.Add(AllOf(hosts), std::nullopt, alternatives);
  const std::string beginning = CommonBeginning(hosts.front(), hosts.back());
  if (beginning.empty() || hosts.size() == 1) {
    layout.rule = std::move(alternatives);
  } else {
    layout.rule = "HostRegexp(`^" + Escaped(beginning) + "`) && (" + alternatives + ")";
  }
  return layout;
}

}  // namespace traefik::tree
