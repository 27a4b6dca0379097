#include "provider/assembly.h"

#include <utility>

#include "provider/gzip.h"
#include "provider/secret.h"

namespace provider {

Assembly::Assembly(traefik::RevisionProbe probe, std::vector<std::string> entry_points,
                   traefik::Certificate default_certificate)
    : probe_(std::move(probe)),
      entry_points_(std::move(entry_points)),
      default_certificate_(std::move(default_certificate)) {}

bool Assembly::Set(std::uint64_t key, traefik::Fragment fragment) {
  if (fragment == traefik::Fragment{}) return Remove(key);
  traefik::Fragment& current = fragments_[key];
  if (current == fragment) return false;
  current = std::move(fragment);
  return true;
}

bool Assembly::Remove(std::uint64_t key) { return fragments_.erase(key) > 0; }

std::shared_ptr<const Snapshot> Assembly::Build(std::uint64_t revision) const {
  const traefik::Fragment probe =
      traefik::RenderFragment(traefik::ProbeConfiguration(probe_, revision, entry_points_));
  std::vector<const traefik::Fragment*> parts{&probe};
  parts.reserve(fragments_.size() + 1);
  for (const auto& [key, fragment] : fragments_) parts.push_back(&fragment);

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision = revision;
  snapshot->plain =
      std::make_shared<const std::string>(traefik::RenderDocument(parts, default_certificate_));
  snapshot->gzip = std::make_shared<const std::string>(Gzip(*snapshot->plain));
  snapshot->etag = Sha256Hex(*snapshot->plain).substr(0, 32);
  return snapshot;
}

}  // namespace provider
