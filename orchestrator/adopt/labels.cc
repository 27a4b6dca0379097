#include "orchestrator/adopt/labels.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace orchestrator::adopt {
namespace {

constexpr std::string_view kPrefix = "traefik.";

std::optional<bool> ReadBoolean(std::string_view value) {
  const std::string text = Lower(value);
  if (text == "true" || text == "t" || text == "1") return true;
  if (text == "false" || text == "f" || text == "0") return false;
  return {};
}

bool IsPlainAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte < 0x7f;
  });
}

// Puts "NAME.OPTION…" into the section. False: it is not of that form.
bool AddNamed(std::string_view rest, const Label& label, Section& section,
              std::vector<std::string>& problems) {
  const std::size_t dot = rest.find('.');
  if (dot == 0 || dot == std::string_view::npos || dot + 1 == rest.size()) return false;
  NamedOptions& named = section[Lower(rest.substr(0, dot))];
  if (named.name.empty()) named.name = rest.substr(0, dot);
  const auto [other, added] = named.options.emplace(Lower(rest.substr(dot + 1)), label);
  if (!added && other->second.value != label.value) {
    problems.push_back(fmt::format("the labels {} and {} differ in case only and contradict",
                                   other->second.key, label.key));
  }
  return true;
}

void ReadLabel(const Label& label, RoutingLabels& read) {
  const std::string key = Lower(label.key);
  if (!key.starts_with(kPrefix)) return;
  read.any = true;
  if (!label.key.starts_with(kPrefix) || !IsPlainAscii(label.key) ||
      key.find_first_of("[]") != std::string::npos) {
    read.problems.push_back(
        fmt::format("the label {} is not spelled in a way that Traefik reads", label.key));
    return;
  }
  if (key == "traefik.enable") {
    const auto enabled = ReadBoolean(label.value);
    if (!enabled) {
      read.problems.push_back(
          fmt::format("the label {} is '{}', neither true nor false", label.key, label.value));
    }
    read.enabled = enabled.value_or(true);
    return;
  }
  if (key == "traefik.swarm.network" || key == "traefik.docker.network") {
    // The swarm's own spelling comes later in byte order, and goes before the old one.
    read.network = label.value;
    return;
  }
  // Whether Traefik or the swarm chooses the task: by its name a service is asked in the second
  // way, which visitors cannot tell apart where nothing sticks to a task.
  if (key == "traefik.swarm.lbswarm" || key == "traefik.docker.lbswarm") return;
  struct {
    std::string_view prefix;
    Section& section;
  } const sections[] = {{"traefik.http.routers.", read.routers},
                        {"traefik.http.services.", read.services},
                        {"traefik.http.middlewares.", read.middlewares}};
  for (const auto& [prefix, section] : sections) {
    if (!key.starts_with(prefix)) continue;
    const std::string_view rest = std::string_view(label.key).substr(prefix.size());
    if (AddNamed(rest, label, section, read.problems)) return;
  }
  read.beyond_sites.push_back(label.key);
}

}  // namespace

RoutingLabels ReadLabels(const docker::Labels& labels) {
  RoutingLabels read;
  for (const auto& [key, value] : labels) ReadLabel({key, value}, read);
  return read;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::vector<std::string> SplitList(std::string_view value) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find(',', begin), value.size());
    const std::string item(Trim(value.substr(begin, end - begin)));
    if (!item.empty() && std::ranges::find(items, item) == items.end()) items.push_back(item);
    begin = end + 1;
  }
  return items;
}

std::string_view WithoutProvider(std::string_view name) {
  for (const std::string_view provider : {"@swarm", "@docker"}) {
    if (name.ends_with(provider)) return name.substr(0, name.size() - provider.size());
  }
  return name;
}

}  // namespace orchestrator::adopt
