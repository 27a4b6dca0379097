#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "traefik/codec/raw_node.h"

namespace traefik::codec {

struct Position {
  unsigned line = 0;
  unsigned column = 0;
};

// Builds the tree of a document from the events of a JSON or YAML reader. Adds to `problems` what
// Traefik refuses or ignores: doubled keys, lists in lists, nulls in lists.
class RawBuilder {
 public:
  explicit RawBuilder(Problems& problems) : problems_(problems) {}

  void StartMap(Position at);
  void EndMap();
  void StartList(Position at);
  void EndList();
  void Key(std::string name, Position at);
  void Scalar(ItemKind kind, std::string text, Position at);
  void Null(Position at);

  bool has_root() const { return has_root_; }
  bool root_is_map() const { return root_is_map_; }
  RawNode TakeRoot() { return std::move(root_); }

 private:
  struct Frame {
    RawNode node;
    bool is_list = false;
    std::string key;  // of the member that comes next
    Position key_at;
    std::vector<std::string> nulls;  // keys whose value is null: they count as keys only
    std::vector<std::string> items;
    ItemKind kind = ItemKind::kFlag;
    std::size_t count = 0;
  };

  void Add(RawNode node);
  void Fail(std::string_view name, std::string detail, Position at);
  void Warn(std::string_view name, std::string detail, Position at);
  Problem MakeProblem(std::string_view name, std::string detail, Position at) const;
  static std::string JoinItems(const Frame& frame);

  Problems& problems_;
  std::vector<Frame> frames_;
  RawNode root_;
  bool has_root_ = false;
  bool root_is_map_ = false;
};

}  // namespace traefik::codec
