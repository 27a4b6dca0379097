#pragma once

#include <cstdint>
#include <span>
#include <string_view>

// What Traefik's dynamic configuration may hold, as data: one `Option` each. Everything that reads,
// writes, checks or documents a configuration goes by it. Source of names, kinds, defaults and
// versions: Traefik's own structs of 2.11 and 3.0 … 3.7 (pkg/config/dynamic, pkg/tls).
namespace traefik::schema {

// Minor versions of Traefik, oldest first.
enum class Version : std::uint8_t {
  kV2_11,
  kV3_0,
  kV3_1,
  kV3_2,
  kV3_3,
  kV3_4,
  kV3_5,
  kV3_6,
  kV3_7,
};
using enum Version;

inline constexpr Version kNewest = kV3_7;

enum class Kind : std::uint8_t {
  kText,
  kFlag,
  kNumber,     // a whole number of 64 bits
  kTime,       // a duration; a bare number counts seconds
  kTexts,      // a list of texts
  kTextMap,    // texts by name
  kNumberMap,  // whole numbers by name
  kOne,        // an object
  kMany,       // a list of objects
  kNamed,      // objects by name
  kPlugins,    // free configuration by the plugin's name
  kAnything,   // internal to Traefik: taken and ignored
};

struct Struct;

struct Option {
  std::string_view name;  // as Traefik's documentation spells it; readers ignore case
  Kind kind = Kind::kText;
  const Struct* type = nullptr;  // of kOne, kMany and kNamed

  bool optional = false;  // "not given" differs from false, zero and empty
  bool may_be_empty =
      false;  // `{}` means something; in labels `true`, and all else means "not given"
  bool fills_defaults = true;  // of kOne: whether Traefik fills in what the object leaves out
  bool in_labels = true;
  bool in_files = true;
  std::string_view label_name = {};  // in labels one object of the list, by this name
  std::string_view default_value =
      {};                  // as a text of its kind; "{}": an object with its own defaults
  Version since = kV2_11;  // an object's options are at least as new as the object

  constexpr Option Optional() const {
    return With([](Option& o) { o.optional = true; });
  }
  constexpr Option MayBeEmpty() const {
    return With([](Option& o) { o.may_be_empty = true; });
  }
  constexpr Option WithoutDefaults() const {
    return With([](Option& o) { o.fills_defaults = false; });
  }
  constexpr Option NotInLabels() const {
    return With([](Option& o) { o.in_labels = false; });
  }
  constexpr Option NotInFiles() const {
    return With([](Option& o) { o.in_files = false; });
  }
  // Set by other providers of Traefik only: taken and ignored everywhere.
  constexpr Option Internal() const { return NotInLabels().NotInFiles(); }
  constexpr Option InLabels(std::string_view as) const {
    return With([&](Option& o) { o.label_name = as; });
  }
  constexpr Option Default(std::string_view value) const {
    return With([&](Option& o) { o.default_value = value; });
  }
  constexpr Option Since(Version version) const {
    return With([&](Option& o) { o.since = version; });
  }

 private:
  template <typename Change>
  constexpr Option With(Change change) const {
    Option copy = *this;
    change(copy);
    return copy;
  }
};

struct Struct {
  std::string_view name;
  std::span<const Option> options;
};

constexpr Option Text(std::string_view name) { return {.name = name, .kind = Kind::kText}; }
constexpr Option Flag(std::string_view name) { return {.name = name, .kind = Kind::kFlag}; }
constexpr Option Number(std::string_view name) { return {.name = name, .kind = Kind::kNumber}; }
constexpr Option Time(std::string_view name) { return {.name = name, .kind = Kind::kTime}; }
constexpr Option Texts(std::string_view name) { return {.name = name, .kind = Kind::kTexts}; }
constexpr Option TextMap(std::string_view name) { return {.name = name, .kind = Kind::kTextMap}; }
constexpr Option NumberMap(std::string_view name) {
  return {.name = name, .kind = Kind::kNumberMap};
}
constexpr Option One(std::string_view name, const Struct& type) {
  return {.name = name, .kind = Kind::kOne, .type = &type};
}
constexpr Option Many(std::string_view name, const Struct& type) {
  return {.name = name, .kind = Kind::kMany, .type = &type};
}
constexpr Option Named(std::string_view name, const Struct& type) {
  return {.name = name, .kind = Kind::kNamed, .type = &type};
}
constexpr Option Plugins(std::string_view name) { return {.name = name, .kind = Kind::kPlugins}; }
constexpr Option Anything(std::string_view name) { return {.name = name, .kind = Kind::kAnything}; }

}  // namespace traefik::schema
