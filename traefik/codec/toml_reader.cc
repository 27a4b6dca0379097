#include "traefik/codec/toml_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "traefik/codec/scalar.h"

namespace traefik::codec {
namespace {

Position PositionOf(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

// As YAML writes it, which Traefik's rules for fractions start from.
std::string FractionText(double value) {
  std::string text = fmt::format("{}", value);
  if (text.ends_with("inf") || text.ends_with("nan")) {
    text.insert(text.size() - 3, ".");
  } else if (text.find_first_of(".e") == std::string::npos) {
    text += ".0";
  }
  return text;
}

// What would take toml++ beyond the stack, or too long: it makes a table of each part of a key.
std::string TooMuch(std::string_view text) {
  constexpr std::size_t kLargest = std::size_t{1} << 20;
  constexpr int kMostDots = 32;
  if (text.size() > kLargest) return "is larger than 1 MiB: use YAML";
  int dots = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::string_view rest = text.substr(at);
      const std::string triple(3, c);
      const std::string_view quote = rest.starts_with(triple) ? triple : rest.substr(0, 1);
      std::size_t end = at + quote.size();
      while (end < text.size() && !text.substr(end).starts_with(quote)) {
        end += c == '"' && text[end] == '\\' ? 2 : 1;
      }
      at = end + quote.size() - 1;
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (c == '.') {
      if (++dots > kMostDots) return "has a key of too many parts";
    } else if (std::string_view("=,{}[]\n").contains(c)) {
      dots = 0;
    }
  }
  return {};
}

class Walker {
 public:
  Walker(RawBuilder& builder, Problems& problems) : builder_(builder), problems_(problems) {}

  void Walk(const toml::table& table) {
    builder_.StartMap(PositionOf(table.source()));
    for (const auto& [key, value] : table) {
      builder_.Key(std::string(key.str()), PositionOf(key.source()));
      Walk(value);
    }
    builder_.EndMap();
  }

 private:
  void Walk(const toml::node& node) {
    const Position at = PositionOf(node.source());
    if (const auto* table = node.as_table()) {
      Walk(*table);
    } else if (const auto* list = node.as_array()) {
      builder_.StartList(at);
      for (const toml::node& item : *list) Walk(item);
      builder_.EndList();
    } else if (const auto* text = node.as_string()) {
      builder_.Scalar(ItemKind::kText, text->get(), at);
    } else if (const auto* number = node.as_integer()) {
      builder_.Scalar(ItemKind::kNumber, std::to_string(number->get()), at);
    } else if (const auto* flag = node.as_boolean()) {
      builder_.Scalar(ItemKind::kFlag, flag->get() ? "true" : "false", at);
    } else if (const auto* fraction = node.as_floating_point()) {
      PlainScalar plain = ReadPlain(FractionText(fraction->get()));
      builder_.Scalar(plain.kind, std::move(plain.text), at);
    } else {
      problems_.errors.push_back(
          {"", "a date or time, which no option of Traefik takes: put it in quotes", at.line,
           at.column});
    }
  }

  RawBuilder& builder_;
  Problems& problems_;
};

}  // namespace

void ReadToml(std::string_view text, RawBuilder& builder, Problems& problems) {
  if (std::string wrong = TooMuch(text); !wrong.empty()) {
    problems.errors.push_back({"", std::move(wrong), 0, 0});
    return;
  }
  try {
    const toml::table root = toml::parse(text);
    Walker(builder, problems).Walk(root);
  } catch (const toml::parse_error& error) {
    const Position at = PositionOf(error.source());
    problems.errors.push_back(
        {"", fmt::format("cannot be read as TOML: {}", error.description()), at.line, at.column});
  }
}

}  // namespace traefik::codec
