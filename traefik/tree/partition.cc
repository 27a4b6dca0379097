#include "traefik/tree/partition.h"

#include <algorithm>
#include <utility>

namespace traefik::tree {
namespace {

// Hosts that continue a common beginning with the same character.
struct Group {
  std::optional<char> next;  // none: the beginning itself is the host
  Range range;
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

Division Divide(Hosts hosts, const Range& range, std::size_t small) {
  Division division;
  division.beginning = CommonBeginning(hosts[range.begin], hosts[range.end - 1]);
  const std::size_t length = division.beginning.size();
  const auto next_of = [&](std::string_view host) {
    return host.size() > length ? std::optional(host[length]) : std::nullopt;
  };
  const auto all_end = hosts.begin() + static_cast<std::ptrdiff_t>(range.end);
  for (std::size_t at = range.begin; at != range.end;) {
    const auto next = next_of(hosts[at]);
    const auto end =
        std::partition_point(hosts.begin() + static_cast<std::ptrdiff_t>(at), all_end,
                             [&](std::string_view host) { return next_of(host) <= next; });
    const Group group{next, {at, static_cast<std::size_t>(end - hosts.begin())}};
    (group.range.size() > small ? division.large : division.small).push_back(group);
    at = group.range.end;
  }
  return division;
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

void DivideIntoRoots(Hosts hosts, const Limits& limits, std::string path, const Range& range,
                     std::vector<RootPart>& out) {
  if (range.size() <= limits.root_hosts) {
    out.push_back({std::move(path), {range}});
    return;
  }
  const Division division = Divide(hosts, range, limits.root_hosts / 16);
  for (const Group& group : division.large) {
    DivideIntoRoots(hosts, limits, Path(division.beginning, group), group.range, out);
  }
  if (division.small.empty()) return;
  RootPart& rest = out.emplace_back(SmallPath(division.beginning), std::vector<Range>());
  for (const Group& group : division.small) rest.ranges.push_back(group.range);
}

class RootBuilder {
 public:
  RootBuilder(Hosts hosts, const Limits& limits, RootLayout& layout)
      : hosts_(hosts), leaf_hosts_(limits.leaf_hosts), layout_(layout) {
    layout_.leaves.resize(hosts.size());
  }

  // Appends the rule of these hosts, for use in a disjunction, and makes their branches.
  void Add(const Range& range, std::optional<std::size_t> parent, std::string& rule) {
    const Division division =
        range.size() > leaf_hosts_ ? Divide(hosts_, range, leaf_hosts_ / 4) : Division();
    if (division.large.empty()) {
      return AddLeaf(range, parent, rule);
    }
    for (const Group& group : division.large) {
      const std::size_t branch = AddBranch(Path(division.beginning, group),
                                           Pattern(division.beginning, {group}), parent, rule);
      Add(group.range, branch, rule);
      rule += ')';
    }
    if (division.small.empty()) return;
    const std::size_t branch = AddBranch(SmallPath(division.beginning),
                                         Pattern(division.beginning, division.small), parent, rule);
    for (const Group& group : division.small) AddLeaf(group.range, branch, rule);
    rule += ')';
  }

 private:
  static void AppendOr(std::string& rule) {
    if (!rule.empty() && !rule.ends_with('(')) rule += " || ";
  }

  void AddLeaf(const Range& range, const std::optional<std::size_t>& leaf, std::string& rule) {
    for (std::size_t index = range.begin; index != range.end; ++index) {
      layout_.leaves[index] = leaf;
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
  if (!hosts.empty()) DivideIntoRoots(hosts, limits, "", Range{0, hosts.size()}, roots);
  return roots;
}

RootLayout LayOutRoot(Hosts hosts, const Limits& limits) {
  RootLayout layout;
  RootBuilder builder(hosts, limits, layout);
  std::string alternatives;
  builder.Add(Range{0, hosts.size()}, std::nullopt, alternatives);
  const std::string beginning = CommonBeginning(hosts.front(), hosts.back());
  if (beginning.empty() || hosts.size() == 1) {
    layout.rule = std::move(alternatives);
  } else {
    layout.rule = "HostRegexp(`^" + Escaped(beginning) + "`) && (" + alternatives + ")";
  }
  return layout;
}

}  // namespace traefik::tree
