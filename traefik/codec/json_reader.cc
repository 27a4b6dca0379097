#include "traefik/codec/json_reader.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "traefik/base/json_text.h"
#include "traefik/codec/scalar.h"

namespace traefik::codec {
namespace {

using nlohmann::json;

// Deeper than any configuration, and far from the end of the stack.
constexpr int kDeepest = 100;

class Handler final : public nlohmann::json_sax<json> {
 public:
  explicit Handler(RawBuilder& builder) : builder_(builder) {}

  bool null() override {
    builder_.Null({});
    return true;
  }
  bool boolean(bool value) override { return Scalar(ItemKind::kFlag, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return Scalar(ItemKind::kNumber, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    const bool large = value > static_cast<number_unsigned_t>(INT64_MAX);
    return Scalar(large ? ItemKind::kLarge : ItemKind::kNumber, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    PlainScalar plain = ReadPlain(text);
    return Scalar(plain.kind, std::move(plain.text));
  }
  bool string(string_t& value) override { return Scalar(ItemKind::kText, std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    builder_.StartMap({});
    return ++depth_ <= kDeepest;
  }
  bool key(string_t& name) override {
    builder_.Key(std::move(name), {});
    return true;
  }
  bool end_object() override {
    --depth_;
    builder_.EndMap();
    return true;
  }
  bool start_array(std::size_t) override {
    builder_.StartList({});
    return ++depth_ <= kDeepest;
  }
  bool end_array() override {
    --depth_;
    builder_.EndList();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool Scalar(ItemKind kind, std::string text) {
    builder_.Scalar(kind, std::move(text), {});
    return true;
  }

  RawBuilder& builder_;
  int depth_ = 0;
};

// Where a byte is, for people.
Position PositionOf(std::string_view text, std::size_t at) {
  Position position{1, 1};
  for (const char c : text.substr(0, at)) {
    ++position.column;
    if (c == '\n') position = {position.line + 1, 1};
  }
  return position;
}

std::uint32_t CodePointAt(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  if (byte(0) >= 0xF0) {
    return (byte(0) & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
  }
  if (byte(0) >= 0xE0) return (byte(0) & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
  return (byte(0) & 31) << 6 | (byte(1) & 63);
}

// What is wrong with the character that starts here, in yaml.v3's eyes; empty when nothing is.
std::string WrongCharacter(std::string_view rest) {
  const auto first = static_cast<unsigned char>(rest[0]);
  if (first < 0x80) {
    const bool control = (first < 0x20 && first != '\t' && first != '\n' && first != '\r');
    return control || first == 0x7F ? fmt::format("the control character U+{:04X}", first) : "";
  }
  if (first < 0xC2) return "";
  const std::uint32_t point = CodePointAt(rest);
  const bool wrong = (point >= 0x80 && point <= 0x9F) || point == 0xFFFE || point == 0xFFFF;
  return wrong ? fmt::format("the character U+{:04X}", point) : "";
}

// What yaml.v3 does not take of the escape that starts after its backslash; empty for nothing.
std::string WrongEscape(std::string_view rest) {
  if (rest[0] == '/') {
    return "the escape \\/ is refused by Traefik, which reads JSON as YAML: write /";
  }
  const bool surrogate =
      rest.size() > 2 && rest[0] == 'u' && (rest[1] | 0x20) == 'd' && rest[2] > '7';
  if (!surrogate) return {};
  return "a surrogate pair is refused by Traefik, which reads JSON as YAML: write the character "
         "itself";
}

// A key stands on one line with its colon, and not too far before it. Empty for other texts.
std::string WrongKey(std::string_view text, std::size_t start, std::size_t end) {
  constexpr std::size_t kFurthest = 1024;  // characters, as written
  const auto colon = text.find_first_not_of(" \t\r\n", end + 1);
  if (colon == std::string_view::npos || text[colon] != ':') return {};
  const std::string_view key = text.substr(start, colon - start);
  if (CountCharacters(key) > kFurthest) {
    return "a name is too long as it is written: Traefik reads 1022 characters at most";
  }
  const bool one_line = key.find_first_of("\r\n") == std::string_view::npos &&
                        key.find("\xE2\x80\xA8") == std::string_view::npos &&
                        key.find("\xE2\x80\xA9") == std::string_view::npos;
  if (one_line) return {};
  return "a line ends between a name and its colon, which Traefik refuses";
}

}  // namespace

bool ReadJson(std::string_view text, RawBuilder& builder) {
  Handler handler(builder);
  return json::sax_parse(text, &handler, json::input_format_t::json, /*strict=*/true);
}

void CheckCharacters(std::string_view text, bool is_json, Problems& problems) {
  const auto fail = [&](std::size_t at, std::string detail) {
    const Position position = PositionOf(text, at);
    problems.errors.push_back({"", std::move(detail), position.line, position.column});
  };
  std::size_t string_start = std::string_view::npos;  // of the one that we are in
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (std::string wrong = WrongCharacter(text.substr(at)); !wrong.empty()) {
      return fail(at, wrong + " must be escaped: Traefik, which reads YAML, refuses it raw");
    }
    if (!is_json) {
      if (at > 0 && text.substr(at).starts_with("\xEF\xBB\xBF")) {
        return fail(at, "a byte order mark (U+FEFF) is in the middle of the text: type it anew");
      }
      continue;
    }
    if (text[at] == '"') {
      if (string_start == std::string_view::npos) {
        string_start = at;
        continue;
      }
      if (std::string wrong = WrongKey(text, string_start, at); !wrong.empty()) {
        return fail(string_start, wrong);
      }
      string_start = std::string_view::npos;
    }
    if (text[at] != '\\' || at + 1 == text.size()) continue;
    ++at;
    if (std::string wrong = WrongEscape(text.substr(at)); !wrong.empty())
      return fail(at - 1, wrong);
  }
}

}  // namespace traefik::codec
