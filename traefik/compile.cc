#include "traefik/compile.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "traefik/base/json_text.h"
#include "traefik/layout.h"
#include "traefik/router_text.h"
#include "traefik/tree/router_tree.h"

namespace traefik {
namespace {

struct Section {
  std::string name;
  std::vector<std::string> parts;
};

// `append` adds one member to a part.
template <typename Item, typename Append>
std::vector<std::string> Parts(std::span<const Item> items, const Append& append) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (at % kPartSize == 0) parts.emplace_back();
    append(parts.back(), items[at]);
  }
  return parts;
}

std::vector<std::string> RouterParts(const codec::Object& objects, bool as_tree,
                                     const tree::Limits& limits) {
  std::vector<RouterText> routers;
  for (const codec::Member& router : objects) {
    routers.push_back(RenderRouter(router.name, router.value));
  }
  // One that has such a name is from a tree.
  const bool is_flat = std::ranges::none_of(
      routers, [](const RouterText& router) { return router.name.starts_with("tree-"); });
  if (!as_tree || !is_flat) return Parts(std::span<const RouterText>(routers), AppendRouter);

  tree::RouterTree tree(limits);
  tree::RouterTree::Key key = 0;
  for (const RouterText& router : routers) tree.Put(key++, std::span(&router, 1));
  tree.Update();
  std::vector<std::string> parts;
  for (const auto& [name, text] : tree.roots()) parts.push_back(*text);
  std::vector<std::string> own =
      Parts(std::span<const RouterText>(routers),
            [&](std::string& part, const RouterText& router) { tree.Append(part, router); });
  std::ranges::move(own, std::back_inserter(parts));
  return parts;
}

}  // namespace

std::string Compile(const codec::Value& flat, const CompileOptions& options) {
  const codec::Object& flat_routers = codec::ObjectsOf(flat, "http", "routers");
  const bool is_large = flat_routers.size() >= options.large;
  std::vector<Section> sections;
  for (const codec::Member& protocol : flat.object() ? *flat.object() : codec::Object()) {
    if (!protocol.value.object()) continue;
    for (const codec::Member& kind : *protocol.value.object()) {
      Section section{protocol.name + "/" + kind.name, {}};
      if (section.name == "http/routers") {
        section.parts =
            RouterParts(flat_routers, is_large && options.version >= schema::kV3_6, options.limits);
      } else if (const codec::Object* objects = kind.value.object()) {
        section.parts = Parts(std::span<const codec::Member>(*objects),
                              [](std::string& part, const codec::Member& member) {
                                AppendMember(part, member.name, codec::ToJson(member.value));
                              });
      } else if (const codec::List* list = kind.value.list()) {
        section.parts = Parts(std::span<const codec::Value>(*list),
                              [](std::string& part, const codec::Value& item) {
                                AppendMembers(part, codec::ToJson(item));
                              });
      }
      sections.push_back(std::move(section));
    }
  }

  std::vector<SectionShape> shapes;
  shapes.reserve(sections.size());
  for (const Section& section : sections) shapes.push_back({section.name, section.parts.size()});
  std::string out;
  LayOut(
      shapes, is_large ? Form::kMerged : Form::kJson, [&](std::string_view text) { out += text; },
      [&](std::size_t section, std::size_t part) { out += sections[section].parts[part]; });
  return out;
}

}  // namespace traefik
