#include "orchestrator/image/ignore_file.h"

#include <algorithm>
#include <span>

#include <fnmatch.h>

#include "traefik/codec/scalar.h"

namespace orchestrator::image {
namespace {

using traefik::codec::TrimSpace;
using Parts = std::span<const std::string>;

// "a/./b/" → a, b; ".." takes back what is before it.
std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.emplace_back(part);
  }
  return parts;
}

// Whether the pattern stands for the path itself or for something that the path is in.
bool Matches(Parts pattern, Parts path) {
  // Row by row, so that no pattern takes long: which beginnings of the path are matched so far.
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (const std::string& part : pattern) {
    std::vector<bool> next(path.size() + 1, false);
    if (part == "**") {
      // At the end it stands for one part at least.
      const std::size_t least = &part == &pattern.back() ? 1 : 0;
      bool any = false;
      for (std::size_t i = 0; i <= path.size(); ++i) {
        if (i >= least) next[i] = any = any || reached[i - least];
      }
    } else {
      for (std::size_t i = 0; i < path.size(); ++i) {
        next[i + 1] = reached[i] && fnmatch(part.c_str(), path[i].c_str(), 0) == 0;
      }
    }
    reached = std::move(next);
  }
  reached[0] = false;  // the folder itself is nothing to exclude
  return std::ranges::find(reached, true) != reached.end();
}

}  // namespace

IgnoreFile::IgnoreFile(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    if (whole.starts_with('#')) continue;
    std::string_view line = TrimSpace(whole);
    Rule rule;
    rule.is_exception = line.starts_with('!');
    if (rule.is_exception) line = TrimSpace(line.substr(1));
    rule.parts = Split(line);
    if (rule.parts.empty()) continue;
    has_exceptions_ = has_exceptions_ || rule.is_exception;
    names_ += rule.parts.size();
    rules_.push_back(std::move(rule));
  }
}

bool IgnoreFile::Excludes(std::string_view path) const {
  const std::vector<std::string> parts = Split(path);
  bool excluded = false;
  for (const Rule& rule : rules_) {
    if (rule.is_exception == excluded && Matches(rule.parts, parts)) excluded = !rule.is_exception;
  }
  return excluded;
}

}  // namespace orchestrator::image
