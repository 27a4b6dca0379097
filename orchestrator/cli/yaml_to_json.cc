#include "orchestrator/cli/yaml_to_json.h"

#include <charconv>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace orchestrator::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kDeepest = 64;

template <typename T>
bool ParseWhole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

ordered_json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::int64_t integer = 0;
  if (ParseWhole(text, integer)) return integer;
  double number = 0;
  const bool looks_like_number = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (looks_like_number && ParseWhole(text, number)) return number;
  return text;
}

ordered_json Convert(const YAML::Node& node, int depth) {
  if (depth > kDeepest) throw YAML::Exception(node.Mark(), "nested too deep");
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return nullptr;
    case YAML::NodeType::Scalar:
      return Scalar(node);
    case YAML::NodeType::Sequence: {
      ordered_json list = ordered_json::array();
      for (const YAML::Node& item : node) list.push_back(Convert(item, depth + 1));
      return list;
    }
    case YAML::NodeType::Map: {
      ordered_json object = ordered_json::object();
      for (const auto& item : node) {
        const std::string key = item.first.Scalar();
        if (object.contains(key)) {
          throw YAML::Exception(item.first.Mark(), fmt::format("key '{}' is given twice", key));
        }
        object[key] = Convert(item.second, depth + 1);
      }
      return object;
    }
  }
  return nullptr;
}

}  // namespace

Result<std::vector<std::string>> YamlToJson(std::string_view yaml, std::string_view file_name) {
  try {
    std::vector<std::string> documents;
    for (const YAML::Node& node : YAML::LoadAll(std::string(yaml))) {
      if (node.IsDefined() && !node.IsNull()) documents.push_back(Convert(node, 0).dump());
    }
    return documents;
  } catch (const YAML::Exception& error) {
    return Failure(
        Error{ErrorKind::kInvalid, fmt::format("{}:{}:{}: {}", file_name, error.mark.line + 1,
                                               error.mark.column + 1, error.msg)});
  } catch (const ordered_json::exception& error) {
    return Failure(Error{ErrorKind::kInvalid, fmt::format("{}: {}", file_name, error.what())});
  }
}

}  // namespace orchestrator::cli
