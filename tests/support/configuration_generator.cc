#include "tests/support/configuration_generator.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "traefik/schema/schema.h"

namespace tests {
namespace {

using traefik::codec::List;
using traefik::codec::Member;
using traefik::codec::Value;
using traefik::schema::Kind;
using traefik::schema::Option;

constexpr const char* kTimes[] = {"10s", "1m30s", "100ms", "0s", "2h0m0s", "1.5s"};

const Option& Find(const traefik::schema::Struct& type, std::string_view name) {
  const auto found = std::ranges::find(type.options, name, &Option::name);
  if (found == type.options.end()) throw std::invalid_argument(std::string(name));
  return *found;
}

}  // namespace

std::size_t ConfigurationGenerator::Choose(std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
}

Value ConfigurationGenerator::Object(std::string_view protocol, std::string_view kind,
                                     const std::string& name) {
  const Option& section = Find(traefik::schema::Configuration(), protocol);
  const Option& objects = Find(*section.type, kind);
  Value object = Struct(*objects.type, 0);
  Value named{traefik::codec::Object{Member{name, std::move(object)}}};
  Value of_kind{traefik::codec::Object{Member{std::string(kind), std::move(named)}}};
  return {traefik::codec::Object{Member{std::string(protocol), std::move(of_kind)}}};
}

Value ConfigurationGenerator::Some(const std::string& prefix) {
  traefik::codec::Object protocols;
  for (const Option& protocol : traefik::schema::Configuration().options) {
    traefik::codec::Object kinds;
    for (const Option& kind : protocol.type->options) {
      if (kind.kind != Kind::kNamed || !kind.in_files || Choose(2) == 0) continue;
      traefik::codec::Object named;
      for (std::size_t i = 0; i <= Choose(2); ++i) {
        named.push_back({prefix + std::to_string(i), Struct(*kind.type, 0)});
      }
      kinds.push_back({std::string(kind.name), {std::move(named)}});
    }
    if (!kinds.empty()) protocols.push_back({std::string(protocol.name), {std::move(kinds)}});
  }
  if (protocols.empty()) return Object("http", "routers", prefix + "0");
  return {std::move(protocols)};
}

Value ConfigurationGenerator::Struct(const traefik::schema::Struct& type, int depth) {
  // What is deep in the tree gets fewer options, so that it ends.
  std::map<std::size_t, Value> chosen;
  const std::size_t count = type.options.empty() ? 0 : 1 + Choose(depth > 2 ? 1 : 3);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = Choose(type.options.size());
    const Option& option = type.options[index];
    if (!option.in_files) continue;
    chosen[index] = Any(option, depth + 1);
  }
  traefik::codec::Object members;
  for (auto& [index, value] : chosen) {
    members.push_back({std::string(type.options[index].name), std::move(value)});
  }
  return {std::move(members)};
}

Value ConfigurationGenerator::Any(const Option& option, int depth) {
  switch (option.kind) {
    case Kind::kText:
      return {values_.texts[Choose(values_.texts.size())]};
    case Kind::kFlag:
      return {Choose(2) == 1};
    case Kind::kNumber:
      return {values_.numbers[Choose(values_.numbers.size())]};
    case Kind::kTime:
      return {std::string(kTimes[Choose(std::size(kTimes))])};
    case Kind::kTexts: {
      List items;
      for (std::size_t i = 0; i <= Choose(3); ++i) {
        items.push_back({values_.texts[Choose(values_.texts.size())]});
      }
      return {std::move(items)};
    }
    case Kind::kTextMap:
      return {traefik::codec::Object{{"X-One", {std::string("1")}}, {"x-two", {std::string("b")}}}};
    case Kind::kNumberMap:
      return {traefik::codec::Object{{"404", {std::int64_t{503}}}}};
    case Kind::kOne: {
      Value object = Struct(*option.type, depth);
      // One that may not be empty says at least one thing.
      while (!option.may_be_empty && object.object()->empty()) object = Struct(*option.type, depth);
      return object;
    }
    case Kind::kMany: {
      List elements;
      for (std::size_t i = 0; i <= Choose(2); ++i) elements.push_back(Struct(*option.type, depth));
      return {std::move(elements)};
    }
    case Kind::kNamed:
      return {traefik::codec::Object{{"n", Struct(*option.type, depth)}}};
    case Kind::kPlugins:
      return {traefik::codec::Object{
          {"p",
           {traefik::codec::Object{
               {"key", {std::string("value")}},
               {"nested", {traefik::codec::Object{{"deep", {std::string("1")}}}}}}}}}};
    case Kind::kAnything:
      return {std::string("x")};
  }
  return {};
}

}  // namespace tests
