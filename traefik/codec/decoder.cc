#include "traefik/codec/decoder.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "traefik/base/json_text.h"
#include "traefik/codec/plugin_decoder.h"
#include "traefik/codec/scalar.h"
#include "traefik/schema/schema.h"

namespace traefik::codec {
namespace {

using schema::Kind;
using schema::Option;
using schema::Struct;

// Whether a value may as well not be given.
bool IsRedundant(const Option& option, const Value& value) {
  if (option.optional || !option.default_value.empty()) return false;
  if (option.kind == Kind::kTime) return *value.text() == FormatTime(0);
  if (const auto* flag = std::get_if<bool>(&value.data)) return !*flag;
  if (const auto* number = value.number()) return *number == 0;
  if (const auto* text = value.text()) return text->empty();
  if (const auto* list = value.list()) return list->empty();
  return !value.is_set();
}

List SplitItems(std::string_view text, std::string_view separator) {
  List items;
  for (;;) {
    const auto end = text.find(separator);
    items.push_back({std::string(TrimSpace(text.substr(0, end)))});
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + separator.size());
  }
}

Value DefaultOf(const Option& option, schema::Version target);

// Every option's value: a default as far as `target` knows the option, or that of `given`.
std::vector<Value> Slots(const Struct& type, const Value& given, schema::Version target) {
  std::vector<Value> slots(type.options.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Option& option = type.options[i];
    if (given.is_set()) {
      if (const Value* value = given.Find(option.name)) slots[i] = *value;
    } else if (!option.default_value.empty() && option.since <= target) {
      slots[i] = DefaultOf(option, target);
    }
  }
  return slots;
}

Value Assemble(const Struct& type, std::vector<Value> slots) {
  Object members;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Option& option = type.options[i];
    if (!slots[i].is_set() || IsRedundant(option, slots[i])) continue;
    members.push_back({std::string(option.name), std::move(slots[i])});
  }
  return {std::move(members)};
}

// An object that says no more than that it is there, for one that may not be empty. Nothing where
// there is no such: without members it means nothing.
Value SomethingOf(const Struct& type) {
  for (const Option& option : type.options) {
    if (option.optional || !option.in_files) continue;
    const std::string name(option.name);
    switch (option.kind) {
      case Kind::kText:
        return {Object{{name, {std::string()}}}};
      case Kind::kFlag:
        return {Object{{name, {false}}}};
      case Kind::kNumber:
        return {Object{{name, {std::int64_t{0}}}}};
      case Kind::kTime:
        return {Object{{name, {FormatTime(0)}}}};
      case Kind::kTexts:
      case Kind::kMany:
        return {Object{{name, {List{}}}}};
      default:
        continue;
    }
  }
  return {};
}

Value DefaultOf(const Option& option, schema::Version target) {
  const std::string_view text = option.default_value;
  switch (option.kind) {
    case Kind::kFlag:
      return {ParseFlag(text).value_or(false)};
    case Kind::kNumber:
      return {ParseNumber(text).value_or(0)};
    case Kind::kTexts:
      return {SplitItems(text, ",")};
    case Kind::kOne:
      return Assemble(*option.type, Slots(*option.type, {}, target));
    default:
      return {std::string(text)};
  }
}

class Decoder {
 public:
  Decoder(Source source, schema::Version target, Problems& problems)
      : source_(source), target_(target), problems_(problems) {}

  // An object with defaults, or the one that is there already, and what the node says.
  void FillStruct(const Struct& type, const RawNode& node, const Path& path, Value& out) {
    std::vector<Value> slots = Slots(type, out, target_);
    for (const RawNode& child : node.children) {
      const Path place{&path, child.name};
      const Option* option = FindOption(type, child.name);
      if (!option) {
        Fail(child, place, fmt::format("is no option of Traefik here ({})", type.name));
      } else if (option->since > target_) {
        Fail(child, place,
             fmt::format("needs Traefik {} or newer, and the target is {}", Name(option->since),
                         Name(target_)));
      } else if (!IsReadable(*option)) {
        CheckIgnored(*option, child, place);
        Warn(child, place,
             source_ == Source::kLabels ? "is ignored by Traefik in labels"
                                        : "is ignored by Traefik in documents");
      } else {
        Fill(*option, child, place, slots[static_cast<std::size_t>(option - type.options.data())]);
      }
    }
    out = Assemble(type, std::move(slots));
  }

 private:
  const Option* FindOption(const Struct& type, std::string_view name) const {
    for (const Option& option : type.options) {
      const bool renamed = source_ == Source::kLabels && !option.label_name.empty();
      if (EqualFold(renamed ? option.label_name : option.name, name)) return &option;
    }
    return nullptr;
  }

  bool IsReadable(const Option& option) const {
    switch (source_) {
      case Source::kDocument:
        return option.in_files;
      case Source::kLabels:
        return option.in_labels;
      case Source::kConfiguration:
        return option.in_files || option.in_labels;
    }
    return false;
  }

  // Below what is ignored, names and shapes are still looked at.
  void CheckIgnored(const Option& option, const RawNode& node, const Path& path) {
    if (node.children.empty()) return;
    switch (option.kind) {
      case Kind::kOne:
        CheckIgnoredStruct(*option.type, node, path);
        return;
      case Kind::kMany:
        if (source_ == Source::kLabels && !option.label_name.empty()) {
          CheckIgnoredStruct(*option.type, node, path);
          return;
        }
        [[fallthrough]];
      case Kind::kNamed:
        for (const RawNode& child : node.children) {
          CheckIgnoredStruct(*option.type, child, {&path, child.name});
        }
        return;
      case Kind::kTextMap:
      case Kind::kNumberMap:
      case Kind::kPlugins:
        return;
      case Kind::kTexts:
        CheckNoMembers(node, path);
        return;
      case Kind::kAnything:
        Fail(node, path, "is internal to Traefik: leave it out");
        return;
      default:
        Fail(node, path, "must be a single value, not an object");
    }
  }

  void CheckIgnoredStruct(const Struct& type, const RawNode& node, const Path& path) {
    for (const RawNode& child : node.children) {
      const Path place{&path, child.name};
      const Option* option = FindOption(type, child.name);
      if (!option) {
        Fail(child, place, fmt::format("is no option of Traefik here ({})", type.name));
        continue;
      }
      const bool needs_members = option->kind == Kind::kOne || option->kind == Kind::kNamed ||
                                 option->kind == Kind::kTextMap ||
                                 option->kind == Kind::kNumberMap || option->kind == Kind::kPlugins;
      if (needs_members && !option->may_be_empty && IsReadable(*option)) {
        NeedsMembers(child, place);
      }
      CheckIgnored(*option, child, place);
    }
  }

  // The elements of a list of texts may be odd, but have no members.
  void CheckNoMembers(const RawNode& node, const Path& path) {
    for (const RawNode& child : node.children) {
      for (const RawNode& member : child.children) {
        const Path inner{&path, child.name};
        Fail(member, {&inner, member.name}, "is no option of Traefik here (a list of texts)");
      }
    }
  }

  void Fill(const Option& option, const RawNode& node, const Path& path, Value& out) {
    switch (option.kind) {
      case Kind::kText:
      case Kind::kFlag:
      case Kind::kNumber:
      case Kind::kTime:
        FillScalar(option, node, path, out);
        return;
      case Kind::kTexts:
        FillTexts(node, path, out);
        return;
      case Kind::kTextMap:
      case Kind::kNumberMap:
        if (!NeedsMembers(node, path)) FillMap(option, node, path, out);
        return;
      case Kind::kOne:
        FillOne(option, node, path, out);
        return;
      case Kind::kMany:
        FillMany(option, node, path, out);
        return;
      case Kind::kNamed:
        if (!NeedsMembers(node, path)) FillNamed(option, node, path, out);
        return;
      case Kind::kPlugins:
        if (!NeedsMembers(node, path)) {
          out = DecodePlugins(node, source_ != Source::kLabels, path, problems_);
        }
        return;
      case Kind::kAnything:
        return;
    }
  }

  void FillScalar(const Option& option, const RawNode& node, const Path& path, Value& out) {
    if (!node.children.empty()) {
      Fail(node, path, "must be a single value, not an object");
      return;
    }
    const std::string& text = node.text;
    if (option.kind == Kind::kText) {
      if (source_ != Source::kLabels && text.starts_with(kItemSeparator)) {
        Warn(node, path, "is a list where a text belongs: Traefik reads it as one odd text");
      }
      out = {text};
    } else if (option.kind == Kind::kFlag) {
      const auto flag = ParseFlag(text);
      if (flag) {
        out = {*flag};
      } else {
        Fail(node, path, fmt::format("must be true or false, not '{}'", Shown(text)));
      }
    } else if (option.kind == Kind::kNumber) {
      const auto number = ParseNumber(text);
      if (number) {
        out = {*number};
      } else {
        Fail(node, path, fmt::format("must be a whole number of 64 bits, not '{}'", Shown(text)));
      }
    } else {
      FillTime(node, path, out);
    }
  }

  void FillTime(const RawNode& node, const Path& path, Value& out) {
    const auto time = ParseTime(node.text);
    if (!time) {
      Fail(
          node, path,
          fmt::format("must be a duration as '10s', '1m30s' or a whole number of seconds, not '{}'",
                      Shown(node.text)));
      return;
    }
    constexpr std::int64_t kMostSeconds = 9'223'372'036;
    const auto seconds = ParseNumber(node.text);
    if (seconds && (*seconds > kMostSeconds || *seconds < -kMostSeconds)) {
      Warn(node, path, "is more seconds than Traefik can count: it uses another number");
    }
    out = {FormatTime(*time)};
  }

  void FillTexts(const RawNode& node, const Path& path, Value& out) {
    CheckNoMembers(node, path);
    if (!node.children.empty()) Warn(node, path, "must be a list of texts; Traefik ignores this");
    if (node.text.empty()) return;
    if (source_ != Source::kLabels && node.text.find(kItemSeparator) != std::string::npos) {
      List items = SplitItems(node.text, kItemSeparator);
      // The first two are the start of the text and the kind of the items.
      items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(
                                                     std::min<std::size_t>(2, items.size())));
      out = {std::move(items)};
    } else {
      out = {SplitItems(node.text, ",")};
    }
  }

  void FillMap(const Option& option, const RawNode& node, const Path& path, Value& out) {
    std::map<std::string, Value> entries;
    if (const Object* given = out.object()) {
      for (const Member& member : *given) entries[member.name] = member.value;
    }
    for (const RawNode& child : node.children) {
      const Path place{&path, child.name};
      if (option.kind == Kind::kTextMap) {
        AddTexts(child, place, child.name, entries);
      } else if (const auto number = ParseNumber(child.text)) {
        entries[child.name] = {*number};
      } else {
        Fail(child, place, fmt::format("must be a whole number, not '{}'", Shown(child.text)));
      }
    }
    out = FromMap(std::move(entries));
  }

  // A nested name is one with a dot.
  void AddTexts(const RawNode& node, const Path& path, const std::string& name,
                std::map<std::string, Value>& entries) {
    if (node.children.empty()) {
      entries[name] = {node.text};
      return;
    }
    if (!node.text.empty()) Warn(node, path, "is lost: a longer name begins with this one");
    for (const RawNode& child : node.children) {
      AddTexts(child, {&path, child.name}, name + "." + child.name, entries);
    }
  }

  static Value FromMap(std::map<std::string, Value> entries) {
    Object members;
    members.reserve(entries.size());
    for (auto& [name, value] : entries) members.push_back({name, std::move(value)});
    return {std::move(members)};
  }

  void FillOne(const Option& option, const RawNode& node, const Path& path, Value& out) {
    const bool is_off = option.may_be_empty && !node.text.empty() && !EqualFold(node.text, "true");
    if (is_off) {
      CheckIgnored(option, node, path);
      Warn(
          node, path,
          fmt::format("counts as not given: '{}' is neither true nor an object", Shown(node.text)));
      return;
    }
    if (node.children.empty() && !option.may_be_empty) {
      Fail(node, path, "must be an object with at least one option; leave it out for none");
      return;
    }
    if (!out.is_set() && !option.fills_defaults) out = {Object{}};
    FillStruct(*option.type, node, path, out);
    if (!option.may_be_empty && out.object()->empty()) out = SomethingOf(*option.type);
  }

  void FillMany(const Option& option, const RawNode& node, const Path& path, Value& out) {
    const bool one = source_ == Source::kLabels && !option.label_name.empty();
    if (one) {
      if (node.children.empty()) {
        Fail(node, path, "must have at least one option");
        return;
      }
      Value element;
      FillStruct(*option.type, node, path, element);
      out = {List{std::move(element)}};
      return;
    }
    if (node.children.empty() && !node.text.empty()) {
      Warn(node, path, "must be a list of objects; Traefik ignores this");
    }
    List elements;
    std::size_t index = 0;
    for (const RawNode& child : node.children) {
      const std::string number = std::to_string(index++);
      const Path place{&path, source_ == Source::kLabels ? std::string_view(child.name)
                                                         : std::string_view(number)};
      elements.emplace_back();
      FillStruct(*option.type, child, place, elements.back());
    }
    out = {std::move(elements)};
  }

  void FillNamed(const Option& option, const RawNode& node, const Path& path, Value& out) {
    Object members;
    if (Object* given = std::get_if<Object>(&out.data)) members = std::move(*given);
    const std::size_t given_count = members.size();
    members.reserve(given_count + node.children.size());
    for (const RawNode& child : node.children) {
      const Path place{&path, child.name};
      if (!child.text.empty()) Warn(child, place, "must be an object; Traefik ignores its value");
      const auto end = members.begin() + static_cast<std::ptrdiff_t>(given_count);
      const auto found = std::find_if(
          members.begin(), end, [&](const Member& member) { return member.name == child.name; });
      if (found != end) {
        FillStruct(*option.type, child, place, found->value);
        continue;
      }
      members.push_back({child.name, {}});
      FillStruct(*option.type, child, place, members.back().value);
    }
    // Labels come by the order of their keys, in which a dot is after a dash.
    if (given_count > 0 || source_ == Source::kLabels) {
      std::ranges::sort(members, {}, &Member::name);
    }
    out = {std::move(members)};
  }

  bool NeedsMembers(const RawNode& node, const Path& path) {
    if (!node.children.empty()) return false;
    Fail(node, path, "must have at least one member; leave it out for none");
    return true;
  }

  static std::string Shown(std::string_view text) {
    std::string shown = JsonString(text.substr(0, 80));
    return shown.substr(1, shown.size() - 2);
  }

  void Fail(const RawNode& node, const Path& path, std::string detail) {
    problems_.errors.push_back({path.Pointer(), std::move(detail), node.line, node.column});
  }
  void Warn(const RawNode& node, const Path& path, std::string detail) {
    problems_.warnings.push_back({path.Pointer(), std::move(detail), node.line, node.column});
  }

  const Source source_;
  const schema::Version target_;
  Problems& problems_;
};

}  // namespace

Value Defaults(const schema::Struct& type) {
  return Assemble(type, Slots(type, {}, schema::kNewest));
}

Value Decode(const schema::Struct& type, const RawNode& root, Source source, Problems& problems,
             schema::Version target) {
  Value value;
  const Path path;
  Decoder(source, target, problems).FillStruct(type, root, path, value);
  return value;
}

Value DecodeDocument(RawNode& root, Problems& problems, Source source, schema::Version target) {
  if (!problems.errors.empty()) return {};
  // Other names at the top are the one thing that Traefik ignores without a word.
  std::erase_if(root.children, [&](const RawNode& child) {
    const bool known = std::ranges::any_of(
        schema::Configuration().options,
        [&](const Option& option) { return EqualFold(option.name, child.name); });
    if (!known) {
      const Path top;
      problems.warnings.push_back({Path{&top, child.name}.Pointer(),
                                   "is ignored by Traefik: only http, tcp, udp and tls are read",
                                   child.line, child.column});
    }
    return !known;
  });
  Value value = Decode(schema::Configuration(), root, source, problems, target);
  if (problems.errors.empty() && value.object()->empty()) {
    problems.errors.push_back({"",
                               "says nothing in http, tcp, udp or tls: Traefik would take it for "
                               "a configuration without routes, and drop all it has",
                               0, 0});
  }
  return value;
}

Value DecodeDocument(std::string_view text, Problems& problems, Source source,
                     schema::Version target) {
  RawNode root = ReadDocument(text, problems);
  return DecodeDocument(root, problems, source, target);
}

Value DecodeToml(std::string_view text, Problems& problems, schema::Version target) {
  RawNode root = ReadTomlDocument(text, problems);
  return DecodeDocument(root, problems, Source::kDocument, target);
}

}  // namespace traefik::codec
