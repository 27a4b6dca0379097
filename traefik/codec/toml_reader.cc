#include "traefik/codec/toml_reader.h"

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
