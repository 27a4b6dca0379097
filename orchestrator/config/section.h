#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "orchestrator/config/config.h"

// How the sections of the configuration file are read. Of this folder only.
namespace orchestrator::config {

// The error names the file.
Result<std::string> ReadFile(const std::string& name);

// A value with the words that tell where it was found.
struct Found {
  YAML::Node node;
  std::string where;
};

// What is shared by the readers of all sections.
struct Source {
  std::string_view file_name;
  const Environment& environment;
  std::vector<FieldProblem> problems;

  std::string Where(const YAML::Mark& mark) const;
  void Fail(std::string where, std::string detail) {
    problems.push_back({std::move(where), std::move(detail)});
  }
};

// Takes keys out of one mapping, each with its environment override, and refuses the rest.
class Section {
 public:
  Section(Source& source, const YAML::Node& node, std::string name);
  ~Section() { RefuseUnknown(); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  std::optional<Found> Find(const std::string& key);

  std::optional<std::string> Text(const std::string& key);
  template <typename T>
  void Text(const std::string& key, T& out) {
    if (auto text = Text(key)) out = *std::move(text);
  }
  std::optional<std::vector<std::string>> Texts(const std::string& key);
  std::optional<std::string> OneOf(const std::string& key, const std::vector<std::string>& allowed);
  void Count(const std::string& key, unsigned least, unsigned most, unsigned& out);
  void Seconds(const std::string& key, std::chrono::seconds& out);  // a duration, 1s at least

  // A problem with the value of `key`, wherever that came from.
  void Fail(const std::string& key, const std::string& detail);

 private:
  // The sections inside lists have no environment variables of their own.
  bool is_nested() const { return name_.contains('['); }

  std::string Label() const { return name_.empty() ? "the file" : name_; }
  std::string Label(const std::string& key) const;
  std::optional<Found> FromText(const std::string& text, const std::string& where);
  void RefuseUnknown();

  Source& source_;
  YAML::Node node_;
  const std::string name_;
  std::set<std::string> known_;
};

}  // namespace orchestrator::config
