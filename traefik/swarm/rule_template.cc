#include "traefik/swarm/rule_template.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace traefik::swarm {
namespace {

using Result = std::expected<std::string, std::string>;

constexpr std::string_view kSpace = " \t\r\n";
constexpr int kDeepest = 50;

std::string_view TrimmedLeft(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

std::string_view TrimmedRight(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpace);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

std::string Cased(std::string text, int (*convert)(int)) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) c = static_cast<char>(convert(byte));
  }
  return text;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  if (from.empty()) return text;
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

struct Function {
  std::string_view name;
  std::size_t arguments;
  std::string (*call)(const std::vector<std::string>&);
};

// The last argument is what comes from a pipe.
constexpr Function kFunctions[] = {
    {"normalize", 1, [](const auto& a) { return Normalize(a[0]); }},
    {"lower", 1, [](const auto& a) { return Cased(a[0], std::tolower); }},
    {"upper", 1, [](const auto& a) { return Cased(a[0], std::toupper); }},
    {"trim", 1, [](const auto& a) { return std::string(TrimmedLeft(TrimmedRight(a[0]))); }},
    {"trimPrefix", 2,
     [](const auto& a) { return a[1].starts_with(a[0]) ? a[1].substr(a[0].size()) : a[1]; }},
    {"trimSuffix", 2,
     [](const auto& a) {
       return a[1].ends_with(a[0]) ? a[1].substr(0, a[1].size() - a[0].size()) : a[1];
     }},
    {"replace", 3, [](const auto& a) { return Replaced(a[2], a[0], a[1]); }},
    {"default", 2, [](const auto& a) { return a[1].empty() ? a[0] : a[1]; }},
};

// One `{{ … }}`.
class Action {
 public:
  Action(std::string_view text, const TemplateData& data) : rest_(text), data_(data) {}

  Result Evaluate() {
    auto value = Pipeline(0);
    Skip();
    if (value && !rest_.empty()) return Unknown();
    return value;
  }

 private:
  std::unexpected<std::string> Unknown() const {
    return std::unexpected(
        fmt::format("has in its template what is not known here: {}", rest_.substr(0, 40)));
  }

  void Skip() { rest_ = TrimmedLeft(rest_); }

  bool Take(std::string_view token) {
    Skip();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  Result Pipeline(int depth) {
    if (depth > kDeepest) return Unknown();
    auto value = Command(std::nullopt, depth);
    while (value && Take("|")) value = Command(*value, depth);
    return value;
  }

  std::string_view Word() {
    Skip();
    const auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
    std::size_t size = 0;
    while (size < rest_.size() && is_word(static_cast<unsigned char>(rest_[size]))) ++size;
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

  Result Command(std::optional<std::string> piped, int depth) {
    Skip();
    if (rest_.empty() || !std::isalpha(static_cast<unsigned char>(rest_.front()))) {
      if (piped) return Unknown();
      return Operand(depth);
    }
    const std::string_view before = rest_;
    const std::string_view name = Word();
    if (name == "index" && !piped && Take(".Labels")) {
      const auto key = Operand(depth);
      return key ? Result(Label(*key)) : key;
    }
    const auto* function = std::ranges::find(kFunctions, name, &Function::name);
    if (function == std::end(kFunctions)) {
      rest_ = before;
      return Unknown();
    }
    std::vector<std::string> arguments;
    while (arguments.size() + (piped ? 1 : 0) < function->arguments) {
      auto argument = Operand(depth);
      if (!argument) return argument;
      arguments.push_back(*std::move(argument));
    }
    if (piped) arguments.push_back(*std::move(piped));
    return function->call(arguments);
  }

  std::string Label(const std::string& key) const {
    const auto found = data_.labels.find(key);
    return found == data_.labels.end() ? "" : found->second;
  }

  Result Operand(int depth) {
    if (Take("(")) {
      auto value = Pipeline(depth + 1);
      if (value && !Take(")")) return Unknown();
      return value;
    }
    if (Take(".Name")) return data_.name;
    if (Take(".Labels.")) {
      const std::string_view key = Word();
      const auto found = data_.labels.find(std::string(key));
      // As Go prints what a map does not have.
      return found == data_.labels.end() ? "<no value>" : found->second;
    }
    if (Take("`")) {
      const std::size_t end = rest_.find('`');
      if (end == rest_.npos) return Unknown();
      std::string text(rest_.substr(0, end));
      rest_.remove_prefix(end + 1);
      return text;
    }
    Skip();
    if (!rest_.starts_with('"')) return Unknown();
    const std::size_t end = rest_.find('"', 1);
    const std::string_view text = rest_.substr(1, end == rest_.npos ? end : end - 1);
    if (end == rest_.npos || text.contains('\\')) return Unknown();
    rest_.remove_prefix(end + 1);
    return std::string(text);
  }

  std::string_view rest_;
  const TemplateData& data_;
};

bool IsComment(std::string_view action) {
  return action.starts_with("/*") && action.ends_with("*/");
}

}  // namespace

std::string Normalize(std::string_view name) {
  std::string out;
  bool gap = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte)) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out += '-';
    gap = false;
    out += c;
  }
  return out;
}

Result Evaluate(std::string_view text, const TemplateData& data) {
  std::string out;
  bool trim_next = false;
  for (;;) {
    const std::size_t open = text.find("{{");
    std::string_view plain = text.substr(0, open);
    if (trim_next) plain = TrimmedLeft(plain);
    if (open == text.npos) return out + std::string(plain);
    const std::size_t close = text.find("}}", open);
    if (close == text.npos) return std::unexpected("has a template without its }}");
    std::string_view action = text.substr(open + 2, close - open - 2);
    text.remove_prefix(close + 2);
    if (action.size() > 1 && action[0] == '-' && kSpace.contains(action[1])) {
      plain = TrimmedRight(plain);
      action.remove_prefix(2);
    }
    trim_next =
        action.size() > 1 && action.back() == '-' && kSpace.contains(action[action.size() - 2]);
    if (trim_next) action.remove_suffix(2);
    out += plain;
    if (IsComment(action)) continue;
    const auto value = Action(action, data).Evaluate();
    if (!value) return value;
    out += *value;
  }
}

}  // namespace traefik::swarm
