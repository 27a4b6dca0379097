#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/snapshot.h"
#include "traefik/document.h"

namespace provider {

// The fragments of the next document, by key. Building puts them together in the order of their
// keys, so that the same set gives the same bytes whatever the order of changes was.
//
// Not thread-safe: one writer owns it.
class Assembly {
 public:
  // `entry_points`: where the revision probe answers; empty for Traefik's default entry points.
  Assembly(traefik::RevisionProbe probe, std::vector<std::string> entry_points,
           traefik::Certificate default_certificate);

  // An empty fragment removes the key. True when the document changes by it.
  bool Set(std::uint64_t key, traefik::Fragment fragment);
  bool Remove(std::uint64_t key);

  std::size_t size() const { return fragments_.size(); }

  std::shared_ptr<const Snapshot> Build(std::uint64_t revision) const;

 private:
  traefik::RevisionProbe probe_;
  std::vector<std::string> entry_points_;
  std::optional<traefik::Certificate> default_certificate_;
  std::map<std::uint64_t, traefik::Fragment> fragments_;
};

}  // namespace provider
