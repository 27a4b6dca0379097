#include "traefik/check/version_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "traefik/codec/decoder.h"
#include "traefik/schema/schema.h"

namespace traefik::check {
namespace {

using codec::Member;
using codec::Path;
using codec::Value;
using schema::Option;
using schema::Struct;

class VersionChecker {
 public:
  VersionChecker(schema::Version target, codec::Problems& problems)
      : target_(target), problems_(problems) {}

  void Check(const Struct& type, const Value& object, const Path& path) {
    if (!object.object()) return;
    const Value defaults = codec::Defaults(type);
    for (const Member& member : *object.object()) {
      const auto option = std::ranges::find(type.options, member.name, &Option::name);
      if (option == type.options.end()) continue;
      // What is filled in is not said, so an older version does not have to know it.
      const Value* const by_default = defaults.Find(member.name);
      if (by_default && *by_default == member.value) continue;
      const Path place{&path, member.name};
      if (option->since > target_) {
        problems_.errors.push_back({place.Pointer(),
                                    fmt::format("needs Traefik {} or newer, and the target is {}",
                                                Name(option->since), Name(target_)),
                                    0, 0});
      } else if (option->type) {
        CheckBelow(*option, member.value, place);
      }
    }
  }

 private:
  void CheckBelow(const Option& option, const Value& value, const Path& path) {
    if (option.kind == schema::Kind::kOne) {
      Check(*option.type, value, path);
    } else if (const auto* list = value.list()) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string index = std::to_string(i);
        Check(*option.type, (*list)[i], {&path, index});
      }
    } else if (const auto* named = value.object()) {
      for (const Member& member : *named) Check(*option.type, member.value, {&path, member.name});
    }
  }

  const schema::Version target_;
  codec::Problems& problems_;
};

}  // namespace

void CheckVersion(const Value& configuration, schema::Version target, codec::Problems& problems) {
  VersionChecker(target, problems).Check(schema::Configuration(), configuration, {});
}

}  // namespace traefik::check
