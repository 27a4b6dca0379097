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

// What an expression gives: its text, and whether `if` takes it for true.
struct Value {
  Value(std::string value) : text(std::move(value)), is_true(!text.empty()) {}
  explicit Value(bool truth) : text(truth ? "true" : "false"), is_true(truth) {}

  std::string text;
  bool is_true;
};

using Arguments = std::vector<Value>;
using Result = std::expected<Value, std::string>;

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

// `%s` and `%v`; nothing for other verbs, and where arguments are too few or too many.
std::optional<std::string> Format(const Arguments& arguments) {
  const std::string& format = arguments[0].text;
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    if (++i == format.size()) return std::nullopt;
    if (format[i] == '%') {
      out += '%';
    } else if ((format[i] == 's' || format[i] == 'v') && next < arguments.size()) {
      out += arguments[next++].text;
    } else {
      return std::nullopt;
    }
  }
  if (next != arguments.size()) return std::nullopt;
  return out;
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  std::optional<Value> (*call)(const Arguments&);  // nothing: what is given cannot be
};

constexpr std::size_t kAnyNumber = 20;

// The last argument is what comes from a pipe.
const Function kFunctions[] = {
    {"normalize", 1, 1, [](const auto& a) { return std::optional(Value(Normalize(a[0].text))); }},
    {"lower", 1, 1,
     [](const auto& a) { return std::optional(Value(Cased(a[0].text, std::tolower))); }},
    {"upper", 1, 1,
     [](const auto& a) { return std::optional(Value(Cased(a[0].text, std::toupper))); }},
    {"trim", 1, 1,
     [](const auto& a) {
       return std::optional(Value(std::string(TrimmedLeft(TrimmedRight(a[0].text)))));
     }},
    {"trimPrefix", 2, 2,
     [](const auto& a) {
       const std::string& text = a[1].text;
       return std::optional(
           Value(text.starts_with(a[0].text) ? text.substr(a[0].text.size()) : text));
     }},
    {"trimSuffix", 2, 2,
     [](const auto& a) {
       const std::string& text = a[1].text;
       const bool has = text.ends_with(a[0].text);
       return std::optional(Value(has ? text.substr(0, text.size() - a[0].text.size()) : text));
     }},
    {"replace", 3, 3,
     [](const auto& a) { return std::optional(Value(Replaced(a[2].text, a[0].text, a[1].text))); }},
    {"default", 2, 2, [](const auto& a) { return std::optional(a[1].is_true ? a[1] : a[0]); }},
    {"contains", 2, 2,
     [](const auto& a) { return std::optional(Value(a[1].text.contains(a[0].text))); }},
    {"hasPrefix", 2, 2,
     [](const auto& a) { return std::optional(Value(a[1].text.starts_with(a[0].text))); }},
    {"hasSuffix", 2, 2,
     [](const auto& a) { return std::optional(Value(a[1].text.ends_with(a[0].text))); }},
    {"eq", 2, kAnyNumber,
     [](const auto& a) {
       return std::optional(Value(std::any_of(
           a.begin() + 1, a.end(), [&](const Value& other) { return other.text == a[0].text; })));
     }},
    {"ne", 2, 2, [](const auto& a) { return std::optional(Value(a[0].text != a[1].text)); }},
    {"not", 1, 1, [](const auto& a) { return std::optional(Value(!a[0].is_true)); }},
    {"and", 1, kAnyNumber,
     [](const auto& a) {
       const auto found = std::ranges::find(a, false, &Value::is_true);
       return std::optional(found == a.end() ? a.back() : *found);
     }},
    {"or", 1, kAnyNumber,
     [](const auto& a) {
       const auto found = std::ranges::find(a, true, &Value::is_true);
       return std::optional(found == a.end() ? a.back() : *found);
     }},
    {"printf", 1, kAnyNumber,
     [](const auto& a) -> std::optional<Value> {
       auto text = Format(a);
       if (!text) return std::nullopt;
       return Value(*std::move(text));
     }},
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

  Result Command(std::optional<Value> piped, int depth) {
    Skip();
    if (rest_.empty() || !std::isalpha(static_cast<unsigned char>(rest_.front()))) {
      if (piped) return Unknown();
      return Operand(depth);
    }
    const std::string_view before = rest_;
    const std::string_view name = Word();
    if (name == "index" && !piped && Take(".Labels")) {
      const auto key = Operand(depth);
      return key ? Result(Label(key->text)) : key;
    }
    const auto* function = std::ranges::find(kFunctions, name, &Function::name);
    if (function == std::end(kFunctions)) {
      rest_ = before;
      return Unknown();
    }
    Arguments arguments;
    const std::size_t piped_count = piped ? 1 : 0;
    while (arguments.size() + piped_count < function->most && MayBeOperand()) {
      auto argument = Operand(depth);
      if (!argument) return argument;
      arguments.push_back(*std::move(argument));
    }
    if (piped) arguments.push_back(*std::move(piped));
    auto value = arguments.size() < function->least ? std::nullopt : function->call(arguments);
    if (value) return *std::move(value);
    rest_ = before;
    return Unknown();
  }

  bool MayBeOperand() {
    Skip();
    return !rest_.empty() && std::string_view("(.`\"").contains(rest_.front());
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
    if (Take(".Name")) return Value(data_.name);
    if (Take(".Labels.")) {
      const std::string_view key = Word();
      const auto found = data_.labels.find(std::string(key));
      // As Go prints what a map does not have.
      return Value(found == data_.labels.end() ? "<no value>" : found->second);
    }
    if (Take("`")) {
      const std::size_t end = rest_.find('`');
      if (end == rest_.npos) return Unknown();
      std::string text(rest_.substr(0, end));
      rest_.remove_prefix(end + 1);
      return Value(std::move(text));
    }
    Skip();
    if (!rest_.starts_with('"')) return Unknown();
    const std::size_t end = rest_.find('"', 1);
    const std::string_view text = rest_.substr(1, end == rest_.npos ? end : end - 1);
    if (end == rest_.npos || text.contains('\\')) return Unknown();
    rest_.remove_prefix(end + 1);
    return Value(std::string(text));
  }

  std::string_view rest_;
  const TemplateData& data_;
};

// The text of a template while it is read: what is in a branch that is not taken is read, too, so
// that what is wrong there is found, and left out.
class Output {
 public:
  explicit Output(const TemplateData& data) : data_(data) {}

  void Add(std::string_view text) {
    if (IsActive()) text_ += text;
  }

  // The error is a sentence.
  std::optional<std::string> Run(std::string_view action) {
    action = TrimmedRight(TrimmedLeft(action));
    if (action == "end") {
      if (branches_.empty()) return "has an {{ end }} without its {{ if }}";
      branches_.pop_back();
      return std::nullopt;
    }
    if (const auto condition = After(action, "if")) {
      branches_.push_back({.outer_is_active = IsActive()});
      return Branch(*condition);
    }
    if (const auto rest = After(action, "else")) {
      if (branches_.empty() || branches_.back().has_else) {
        return "has an {{ else }} without its {{ if }}";
      }
      const auto condition = After(TrimmedLeft(*rest), "if");
      if (condition) return Branch(*condition);
      if (!TrimmedLeft(*rest).empty()) return "has something after {{ else";
      Branches& branches = branches_.back();
      branches.has_else = true;
      branches.is_active = !branches.is_taken;
      return std::nullopt;
    }
    const auto value = Action(action, data_).Evaluate();
    if (!value) return value.error();
    Add(value->text);
    return std::nullopt;
  }

  std::expected<std::string, std::string> Finish() {
    if (!branches_.empty()) return std::unexpected("has an {{ if }} without its {{ end }}");
    return std::move(text_);
  }

 private:
  struct Branches {
    bool outer_is_active = true;
    bool is_active = false;  // the one that we are in
    bool is_taken = false;   // one was
    bool has_else = false;
  };

  // What follows a word of Go's templates, which is alone or followed by a space.
  static std::optional<std::string_view> After(std::string_view action, std::string_view word) {
    if (!action.starts_with(word)) return std::nullopt;
    action.remove_prefix(word.size());
    if (!action.empty() && !kSpace.contains(action[0])) return std::nullopt;
    return action;
  }

  std::optional<std::string> Branch(std::string_view condition) {
    const auto value = Action(condition, data_).Evaluate();
    if (!value) return value.error();
    Branches& branches = branches_.back();
    branches.is_active = !branches.is_taken && value->is_true;
    branches.is_taken = branches.is_taken || branches.is_active;
    return std::nullopt;
  }

  bool IsActive() const {
    return branches_.empty() || (branches_.back().outer_is_active && branches_.back().is_active);
  }

  const TemplateData& data_;
  std::vector<Branches> branches_;
  std::string text_;
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

std::expected<std::string, std::string> Evaluate(std::string_view text, const TemplateData& data) {
  Output out(data);
  bool trim_next = false;
  for (;;) {
    const std::size_t open = text.find("{{");
    std::string_view plain = text.substr(0, open);
    if (trim_next) plain = TrimmedLeft(plain);
    if (open == text.npos) {
      out.Add(plain);
      return out.Finish();
    }
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
    out.Add(plain);
    if (IsComment(action)) continue;
    if (auto wrong = out.Run(action)) return std::unexpected(*std::move(wrong));
  }
}

}  // namespace traefik::swarm
