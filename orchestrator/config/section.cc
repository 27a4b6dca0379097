#include "orchestrator/config/section.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/site/units.h"

namespace orchestrator::config {
namespace {

constexpr std::string_view kVariablePrefix = "ORCHESTRATOR";

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '.') c = '_';  // of a section inside another
  }
  return upper;
}

}  // namespace

Result<std::string> ReadFile(const std::string& name) {
  std::error_code unknown;
  if (std::filesystem::is_directory(name, unknown)) {
    return Failure(Error{ErrorKind::kInvalid, fmt::format("cannot read {}: it is a folder", name)});
  }
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    return Failure(
        Error{ErrorKind::kInvalid, fmt::format("cannot read {}: {}", name, std::strerror(errno))});
  }
  return std::move(text).str();
}

std::string Source::Where(const YAML::Mark& mark) const {
  if (mark.is_null()) return std::string(file_name);
  return fmt::format("{}:{}:{}", file_name, mark.line + 1, mark.column + 1);
}

Section::Section(Source& source, const YAML::Node& node, std::string name)
    : source_(source), node_(node), name_(std::move(name)) {
  if (!node_ || node_.IsNull() || node_.IsMap()) return;
  source_.Fail(source_.Where(node_.Mark()),
               fmt::format("{} must be a mapping of keys to values", Label()));
  node_ = YAML::Node();
}

std::optional<Found> Section::Find(const std::string& key) {
  known_.insert(key);
  const std::string variable =
      name_.empty() ? fmt::format("{}_{}", kVariablePrefix, Upper(key))
                    : fmt::format("{}_{}_{}", kVariablePrefix, Upper(name_), Upper(key));
  if (!is_nested()) {
    if (auto text = source_.environment(variable)) return FromText(*text, variable);
    if (auto file = source_.environment(variable + "_FILE")) {
      auto text = ReadFile(*file);
      if (text) {
        while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
        return FromText(*text, variable + "_FILE");
      }
      source_.Fail(variable + "_FILE", text.error().message);
      return {};
    }
  }
  if (!node_ || !node_.IsMap()) return {};
  const YAML::Node value = node_[key];
  if (!value) return {};
  return Found{value, source_.Where(value.Mark())};
}

std::optional<std::string> Section::Text(const std::string& key) {
  const auto found = Find(key);
  if (!found || found->node.IsNull()) return {};
  if (found->node.IsScalar()) return found->node.Scalar();
  source_.Fail(found->where, fmt::format("{} must be one value", Label(key)));
  return {};
}

std::optional<std::vector<std::string>> Section::Texts(const std::string& key) {
  const auto found = Find(key);
  if (!found || found->node.IsNull()) return {};
  std::vector<std::string> texts;
  if (found->node.IsScalar()) {  // one value alone is a list of one
    texts.push_back(found->node.Scalar());
    return texts;
  }
  if (found->node.IsSequence() &&
      std::ranges::all_of(found->node, [](const YAML::Node& item) { return item.IsScalar(); })) {
    for (const YAML::Node& item : found->node) texts.push_back(item.Scalar());
    return texts;
  }
  source_.Fail(found->where, fmt::format("{} must be a list of texts", Label(key)));
  return {};
}

std::optional<std::string> Section::OneOf(const std::string& key,
                                          const std::vector<std::string>& allowed) {
  auto text = Text(key);
  if (!text || std::ranges::find(allowed, *text) != allowed.end()) return text;
  Fail(key, fmt::format("is '{}'; it must be one of {}", *text, fmt::join(allowed, ", ")));
  return {};
}

void Section::Count(const std::string& key, unsigned least, unsigned most, unsigned& out) {
  const auto text = Text(key);
  if (!text) return;
  unsigned count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc{} || end != text->data() + text->size() || count < least || count > most) {
    return Fail(key, fmt::format("must be from {} to {}", least, most));
  }
  out = count;
}

void Section::Seconds(const std::string& key, std::chrono::seconds& out) {
  const auto text = Text(key);
  if (!text) return;
  const auto duration = site::ParseDuration(*text);
  if (!duration || *duration < std::chrono::seconds(1)) {
    return Fail(key, duration ? "must be at least 1s" : duration.error());
  }
  out = std::chrono::duration_cast<std::chrono::seconds>(*duration);
}

void Section::Fail(const std::string& key, const std::string& detail) {
  const auto found = Find(key);
  source_.Fail(found ? found->where : std::string(source_.file_name),
               fmt::format("{} {}", Label(key), detail));
}

std::string Section::Label(const std::string& key) const {
  return name_.empty() ? key : fmt::format("{}.{}", name_, key);
}

std::optional<Found> Section::FromText(const std::string& text, const std::string& where) {
  try {
    return Found{YAML::Load(text), where};
  } catch (const YAML::Exception& error) {
    source_.Fail(where, fmt::format("is not a value in YAML: {}", error.msg));
    return {};
  }
}

void Section::RefuseUnknown() {
  if (!node_ || !node_.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& item : node_) {
    const std::string key = item.first.IsScalar() ? item.first.Scalar() : "?";
    const std::string where = source_.Where(item.first.Mark());
    if (!known_.contains(key)) {
      source_.Fail(where, fmt::format("{} is not a known key; known are: {}", Label(key),
                                      fmt::join(known_, ", ")));
    } else if (!seen.insert(key).second) {
      source_.Fail(where, fmt::format("{} is given a second time", Label(key)));
    }
  }
}

}  // namespace orchestrator::config
