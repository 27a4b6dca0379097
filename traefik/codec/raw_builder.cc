#include "traefik/codec/raw_builder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "traefik/base/json_text.h"

namespace traefik::codec {
namespace {

// libyaml's limit for a key that stands before its colon without "?".
constexpr std::size_t kLongestKey = 1022;

}  // namespace

void RawBuilder::StartMap(Position at) {
  Frame frame;
  frame.node.line = at.line;
  frame.node.column = at.column;
  frames_.push_back(std::move(frame));
}

void RawBuilder::StartList(Position at) {
  if (!frames_.empty() && frames_.back().is_list) {
    Fail("", "is a list in a list, which Traefik refuses", at);
  }
  StartMap(at);
  frames_.back().is_list = true;
}

void RawBuilder::Key(std::string name, Position at) {
  const std::size_t length = CountCharacters(name);
  if (length > kLongestKey) {
    Fail(name,
         fmt::format("has a name of {} characters; Traefik reads {} at most", length, kLongestKey),
         at);
  }
  frames_.back().key = std::move(name);
  frames_.back().key_at = at;
}

void RawBuilder::EndMap() {
  auto& children = frames_.back().node.children;
  std::ranges::stable_sort(children, {}, &RawNode::name);
  std::vector<std::string_view> names;
  names.reserve(children.size() + frames_.back().nulls.size());
  for (const RawNode& child : children) names.push_back(child.name);
  for (const std::string& name : frames_.back().nulls) names.push_back(name);
  if (!frames_.back().nulls.empty()) std::ranges::sort(names);
  const Position at{frames_.back().node.line, frames_.back().node.column};
  for (auto twice = std::ranges::adjacent_find(names); twice != names.end();
       twice = std::adjacent_find(twice + 1, names.end())) {
    Fail(*twice, "is given twice", at);
  }
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  Add(std::move(frame.node));
}

void RawBuilder::EndList() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  frame.node.text = JoinItems(frame);
  if (!frame.node.children.empty() && !frame.items.empty()) {
    Warn("", "has texts among objects, and Traefik uses only one of the two",
         {frame.node.line, frame.node.column});
  }
  Add(std::move(frame.node));
}

void RawBuilder::Scalar(ItemKind kind, std::string text, Position at) {
  if (!frames_.empty() && frames_.back().is_list) {
    Frame& list = frames_.back();
    ++list.count;
    list.kind = std::max(list.kind, kind);
    list.items.push_back(std::move(text));
    return;
  }
  RawNode node;
  node.text = std::move(text);
  node.line = at.line;
  node.column = at.column;
  Add(std::move(node));
}

void RawBuilder::Null(Position at) {
  if (frames_.empty()) {
    has_root_ = true;
    return;
  }
  Frame& frame = frames_.back();
  if (frame.is_list) {
    Fail(std::to_string(frame.count), "is null in a list, which Traefik refuses", at);
    ++frame.count;
  } else {
    frame.nulls.push_back(std::move(frame.key));
  }
}

void RawBuilder::Add(RawNode node) {
  if (frames_.empty()) {
    root_ = std::move(node);
    has_root_ = true;
    return;
  }
  Frame& frame = frames_.back();
  if (frame.is_list) {
    node.name = fmt::format("[{}]", frame.count++);
  } else {
    node.name = std::move(frame.key);
    node.line = frame.key_at.line;
    node.column = frame.key_at.column;
  }
  frame.node.children.push_back(std::move(node));
}

Problem RawBuilder::MakeProblem(std::string_view name, std::string detail, Position at) const {
  // The frames above the innermost one know their place by the key that is open in each.
  std::vector<Path> chain;
  chain.reserve(frames_.size() + 1);
  chain.emplace_back();
  std::vector<std::string> indices(frames_.size());
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const bool last = i + 1 == frames_.size();
    std::string_view part = frames_[i].key;
    if (frames_[i].is_list) part = indices[i] = std::to_string(frames_[i].count);
    if (last && !name.empty()) part = name;
    chain.push_back({&chain.back(), part});
  }
  return {chain.back().Pointer(), std::move(detail), at.line, at.column};
}

void RawBuilder::Fail(std::string_view name, std::string detail, Position at) {
  problems_.errors.push_back(MakeProblem(name, std::move(detail), at));
}

void RawBuilder::Warn(std::string_view name, std::string detail, Position at) {
  problems_.warnings.push_back(MakeProblem(name, std::move(detail), at));
}

std::string RawBuilder::JoinItems(const Frame& frame) {
  if (frame.items.empty()) return {};
  std::string text = fmt::format("{}{}", kItemSeparator, static_cast<int>(frame.kind));
  for (const std::string& item : frame.items) {
    text += kItemSeparator;
    text += item;
  }
  return text;
}

}  // namespace traefik::codec
