#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "traefik/codec/decoder.h"
#include "traefik/codec/labels.h"
#include "traefik/codec/scalar.h"
#include "traefik/schema/schema.h"

namespace traefik::codec {
namespace {

using schema::Kind;
using schema::Option;
using schema::Struct;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return lower;
}

// Why a name cannot be a part of a label's key; empty when it can.
std::string NameProblem(std::string_view name, bool may_have_dots) {
  std::string_view rest = name;
  for (;;) {
    const auto dot = may_have_dots ? rest.find('.') : std::string_view::npos;
    const std::string_view part = rest.substr(0, dot);
    if (part.empty()) return "labels cannot name it: a part of its name is empty";
    if (part.starts_with('[') || part.ends_with(']')) {
      return "labels cannot name it: '[' and ']' count elements there";
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (!may_have_dots && name.find('.') != std::string_view::npos) {
    return "labels cannot name it: a dot ends a part of a label's key";
  }
  return {};
}

using NamesByFold = std::multimap<std::string, std::string_view>;

NamesByFold NamesOf(const Object& members) {
  NamesByFold names;
  for (const Member& member : members) names.emplace(Fold(member.name), member.name);
  return names;
}

class LabelWriter {
 public:
  void WriteStruct(const Struct& type, const Value& value, const std::string& key,
                   const Path& path) {
    const Value defaults = Defaults(type);
    for (const Option& option : type.options) {
      const Value* const given = value.Find(option.name);
      const Value* const by_default = defaults.Find(option.name);
      if (!given || (by_default && *given == *by_default)) continue;
      const Path place{&path, option.name};
      if (!option.in_labels) {
        Lose(place, "labels cannot say it");
        continue;
      }
      const std::string_view name = option.label_name.empty() ? option.name : option.label_name;
      Write(option, *given, key + "." + Lower(name), place);
    }
  }

  EncodedLabels Take() { return std::move(out_); }

 private:
  void Write(const Option& option, const Value& value, const std::string& key, const Path& path) {
    switch (option.kind) {
      case Kind::kText:
      case Kind::kTime:
      case Kind::kFlag:
      case Kind::kNumber:
        out_.labels[key] = ScalarText(value);
        return;
      case Kind::kTexts:
        WriteTexts(*value.list(), key, path);
        return;
      case Kind::kTextMap:
      case Kind::kNumberMap:
        for (const auto names = NamesOf(*value.object()); const Member& member : *value.object()) {
          const Path place{&path, member.name};
          if (IsSayable(member, names, /*may_have_dots=*/true, place)) {
            out_.labels[key + "." + member.name] = ScalarText(member.value);
          }
        }
        return;
      case Kind::kOne:
        WriteOne(option, value, key, path);
        return;
      case Kind::kMany:
        WriteMany(option, *value.list(), key, path);
        return;
      case Kind::kNamed:
        WriteNamed(option, *value.object(), key, path);
        return;
      case Kind::kPlugins:
        for (const auto names = NamesOf(*value.object()); const Member& plugin : *value.object()) {
          const Path place{&path, plugin.name};
          if (!IsSayable(plugin, names, /*may_have_dots=*/false, place)) continue;
          WritePlugin(plugin.value, key + "." + plugin.name, place);
        }
        return;
      case Kind::kAnything:
        return;
    }
  }

  static std::string ScalarText(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value.data)) return *flag ? "true" : "false";
    if (const auto* number = value.number()) return std::to_string(*number);
    const auto* text = value.text();
    return text ? *text : std::string();
  }

  void WriteTexts(const List& items, const std::string& key, const Path& path) {
    std::string joined;
    for (const Value& item : items) {
      const std::string& text = *item.text();
      if (text.find(',') != std::string::npos) {
        Lose(path, fmt::format("labels cannot say '{}': they split lists at commas", text));
        return;
      }
      if (!joined.empty() || &item != &items.front()) joined += ',';
      joined += text;
    }
    if (joined.empty() && !items.empty()) {
      Lose(path, "labels cannot say a list of one empty text");
    } else {
      out_.labels[key] = std::move(joined);
    }
  }

  // Labels that say nothing of an object would not say that it is there.
  void WriteOne(const Option& option, const Value& value, const std::string& key,
                const Path& path) {
    const std::size_t before = out_.labels.size() + out_.lost.size();
    WriteStruct(*option.type, value, key, path);
    if (out_.labels.size() + out_.lost.size() > before) return;
    if (option.may_be_empty) {
      out_.labels[key] = "true";
    } else if (!SayDefault(*option.type, key)) {
      Lose(path, "labels cannot say that it is there: it has no options");
    }
  }

  // One option with the value that it has anyway.
  bool SayDefault(const Struct& type, const std::string& key) {
    const Value defaults = Defaults(type);
    for (const Option& option : type.options) {
      const Value* const value = defaults.Find(option.name);
      if (!option.in_labels || option.type || option.optional) continue;
      if (value && option.kind == Kind::kTexts) continue;
      if (value) {
        out_.labels[key + "." + Lower(option.name)] = ScalarText(*value);
        return true;
      }
      if (option.kind == Kind::kText || option.kind == Kind::kTexts) {
        out_.labels[key + "." + Lower(option.name)] = "";
        return true;
      }
      if (option.kind == Kind::kFlag || option.kind == Kind::kNumber) {
        out_.labels[key + "." + Lower(option.name)] = option.kind == Kind::kFlag ? "false" : "0";
        return true;
      }
    }
    return false;
  }

  void WriteElement(const Struct& type, const Value& element, const std::string& key,
                    const Path& path) {
    const std::size_t before = out_.labels.size() + out_.lost.size();
    WriteStruct(type, element, key, path);
    if (out_.labels.size() + out_.lost.size() == before && !SayDefault(type, key)) {
      Lose(path, "labels cannot say an element without options");
    }
  }

  void WriteMany(const Option& option, const List& elements, const std::string& key,
                 const Path& path) {
    if (!option.label_name.empty()) {
      if (elements.size() > 1) {
        Lose(path, fmt::format("labels can say one of them, not {}", elements.size()));
      } else if (!elements.empty()) {
        WriteElement(*option.type, elements.front(), key, {&path, "0"});
      }
      return;
    }
    if (elements.empty()) out_.labels[key] = "";
    // Traefik orders them by the bytes of their keys, so all numbers are as long as the last.
    const std::size_t width = std::to_string(elements.size() - 1).size();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const std::string index = std::to_string(i);
      WriteElement(*option.type, elements[i], fmt::format("{}[{:0>{}}]", key, index, width),
                   {&path, index});
    }
  }

  void WriteNamed(const Option& option, const Object& members, const std::string& key,
                  const Path& path) {
    const NamesByFold names = NamesOf(members);
    for (const Member& member : members) {
      const Path place{&path, member.name};
      if (!IsSayable(member, names, /*may_have_dots=*/false, place)) continue;
      if (key == "traefik.tls.stores" && member.name != "default") {
        Lose(place, "labels can say the store 'default' only");
        continue;
      }
      const std::size_t before = out_.labels.size() + out_.lost.size();
      const std::string own_key = key + "." + member.name;
      WriteStruct(*option.type, member.value, own_key, place);
      if (out_.labels.size() + out_.lost.size() == before) out_.labels[own_key] = "";
    }
  }

  void WritePlugin(const Value& value, const std::string& key, const Path& path) {
    if (const auto* text = value.text()) {
      out_.labels[key] = *text;
    } else if (const auto* list = value.list()) {
      const std::size_t width = std::to_string(list->size()).size();
      for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string index = std::to_string(i);
        const Path place{&path, index};
        if (!(*list)[i].object() || (*list)[i].object()->empty()) {
          Lose(place, "labels cannot say lists of values in the configuration of a plugin");
          return;
        }
        WritePlugin((*list)[i], fmt::format("{}[{:0>{}}]", key, index, width), place);
      }
    } else if (const auto* members = value.object()) {
      if (members->empty()) out_.labels[key] = "";
      const NamesByFold names = NamesOf(*members);
      for (const Member& member : *members) {
        const Path place{&path, member.name};
        if (!IsSayable(member, names, /*may_have_dots=*/false, place)) continue;
        WritePlugin(member.value, key + "." + member.name, place);
      }
    } else {
      Lose(path, "labels can say texts only in the configuration of a plugin");
    }
  }

  bool IsSayable(const Member& member, const NamesByFold& names, bool may_have_dots,
                 const Path& path) {
    if (std::string problem = NameProblem(member.name, may_have_dots); !problem.empty()) {
      Lose(path, std::move(problem));
      return false;
    }
    const auto [same, end] = names.equal_range(Fold(member.name));
    for (auto other = same; other != end; ++other) {
      if (other->second == member.name) continue;
      Lose(path, fmt::format("labels cannot tell it from {}: they ignore case", other->second));
      return false;
    }
    return true;
  }

  void Lose(const Path& path, std::string why) {
    out_.lost.push_back({path.Pointer(), std::move(why), 0, 0});
  }

  EncodedLabels out_;
};

}  // namespace

EncodedLabels EncodeLabels(const Value& configuration) {
  LabelWriter writer;
  const Path path;
  writer.WriteStruct(schema::Configuration(), configuration, "traefik", path);
  EncodedLabels encoded = writer.Take();
  if (encoded.lost.empty()) {
    // What was written is only right when it is read back to the same.
    Problems problems;
    const Value back = DecodeLabels(encoded.labels, problems);
    if (!problems.errors.empty() || !(back == configuration)) {
      encoded.lost.push_back({"", "labels are read back to another configuration", 0, 0});
    }
  }
  return encoded;
}

}  // namespace traefik::codec
