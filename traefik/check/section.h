#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"

namespace traefik::check {

using codec::IsTrue;
using codec::Member;
using codec::Object;
using codec::Path;
using codec::Problems;
using codec::TextOf;
using codec::Value;

// Named objects of one kind ("http", "routers") with where they are.
class Section {
 public:
  // `configuration` must live longer.
  Section(const Value& configuration, std::string_view protocol, std::string_view kind);
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  const Object& members() const { return *members_; }
  const Path& path() const { return path_; }
  bool Has(std::string_view name) const { return by_name_.contains(name); }
  const Value* Find(std::string_view name) const;

 private:
  Path root_;
  Path protocol_;
  Path path_;
  const Object* members_;
  std::map<std::string_view, const Value*> by_name_;
};

// A name that is another provider's business.
inline bool IsElsewhere(std::string_view name) { return name.find('@') != std::string_view::npos; }

void Fail(Problems& problems, const Path& path, std::string detail);

// The texts of a list option; none where it is not given.
std::vector<std::string_view> TextsOf(const Value& object, std::string_view option);

// Whether it is "404" or "500-599".
void CheckStatus(std::string_view status, const Path& path, Problems& problems);

// Of an option that is a list of them.
void CheckStatuses(const Value& owner, std::string_view option, const Path& path,
                   Problems& problems);

// Finds loops in "a needs b": the first one that starts and ends at each name, once.
class LoopFinder {
 public:
  void Add(std::string_view from, std::string_view to) { edges_[from].push_back(to); }
  // "a -> b -> a" by the name of one of its members.
  std::map<std::string_view, std::string> Loops() const;

 private:
  std::map<std::string_view, std::vector<std::string_view>> edges_;
};

}  // namespace traefik::check
