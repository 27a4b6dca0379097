#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/document_state.h"
#include "provider/packed_text.h"
#include "provider/snapshot.h"
#include "traefik/document.h"
#include "traefik/tree/router_tree.h"

namespace provider {

// The fragments of the next document, by key. A document is a pure function of them: the same set
// gives the same bytes, whatever the order of changes was.
//
// Fragments of neighbouring keys are one shard, which is rendered and compressed again only when
// one of them changes; so the cost of a change hardly depends on how many there are.
//
// Not thread-safe: one writer owns it.
class Assembly {
 public:
  // Whether routers may become a tree (Traefik 3.6), see traefik::tree::RouterTree.
  enum class Routers : std::uint8_t { kFlat, kTree };

  // `entry_points`: where the revision probe answers; empty for Traefik's default entry points.
  Assembly(traefik::RevisionProbe probe, std::vector<std::string> entry_points,
           const traefik::Certificate& default_certificate, Routers routers);

  // An empty fragment removes the key. True when the document changes by it.
  bool Set(std::uint64_t key, traefik::Fragment fragment);
  bool Remove(std::uint64_t key);

  std::size_t size() const { return size_; }
  // Null where there is none.
  const traefik::Fragment* Find(std::uint64_t key) const;

  std::shared_ptr<const Snapshot> Build(std::uint64_t revision);

  // What the document of the last Build was made of.
  DocumentState State() const;

 private:
  using Part = std::shared_ptr<const PackedText>;

  struct Shard {
    Fragments fragments;
    std::shared_ptr<const Fragments> built;  // as they were at the last Build
    Part routers;
    Part services;
    std::map<std::string, std::string> rest;  // members by section, of what few fragments have
    bool is_stale = true;
  };

  // Middlewares may be in several fragments, so they are kept by their names.
  struct Middleware {
    std::string value;
    std::size_t uses = 0;
  };
  struct Bucket {
    std::map<std::string, Middleware> middlewares;
    Part part;
    bool is_stale = false;
  };

  void Take(const traefik::Fragment& fragment);
  void Drop(const traefik::Fragment& fragment);
  Bucket& BucketOf(const std::string& middleware);
  bool IsLarge() const;
  void FreshenTree();
  void Freshen();
  void Freshen(Shard& shard) const;
  void FreshenRest();
  std::vector<Section> Sections(std::uint64_t revision) const;

  traefik::RevisionProbe probe_;
  std::vector<std::string> entry_points_;
  Part default_store_;
  const Routers routers_;
  std::size_t size_ = 0;
  std::map<std::uint64_t, Shard> shards_;
  static constexpr std::size_t kBuckets = 256;
  std::array<Bucket, kBuckets> buckets_;
  std::map<std::string, Part> rest_;  // by section
  bool rest_is_stale_ = false;

  std::optional<traefik::tree::RouterTree> tree_;  // of large documents
  struct Root {
    std::shared_ptr<const std::string> text;
    Part part;
  };
  std::map<std::string, Root> roots_;  // of the tree
};

}  // namespace provider
