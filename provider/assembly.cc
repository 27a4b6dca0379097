#include "provider/assembly.h"

#include <utility>

#include <zlib.h>

#include "provider/base/spread.h"
#include "traefik/base/json_text.h"

namespace provider {
namespace {

constexpr std::string_view kTransports = "http/serversTransports";

bool HasRest(const traefik::Fragment& fragment) {
  return !fragment.servers_transports.empty() || !fragment.others.empty();
}

// The routers of a fragment, which they keep alive.
std::vector<std::shared_ptr<const traefik::RouterText>> RoutersOf(
    const std::shared_ptr<const traefik::Fragment>& fragment) {
  std::vector<std::shared_ptr<const traefik::RouterText>> routers;
  for (const traefik::RouterText& router : fragment->routers) {
    routers.emplace_back(fragment, &router);
  }
  return routers;
}

std::shared_ptr<const PackedText> PackOrNothing(std::string text) {
  return text.empty() ? nullptr : Pack(std::move(text));
}

}  // namespace

Assembly::Assembly(traefik::RevisionProbe probe, std::vector<std::string> entry_points,
                   const traefik::Certificate& default_certificate, Routers routers)
    : probe_(std::move(probe)),
      entry_points_(std::move(entry_points)),
      default_store_(Pack(traefik::RenderDefaultStore(default_certificate))),
      routers_(routers) {}

bool Assembly::Set(std::uint64_t key, traefik::Fragment fragment) {
  if (fragment == traefik::Fragment{}) return Remove(key);
  Shard& shard = shards_[ShardOf(key)];
  const auto [place, is_new] = shard.fragments.try_emplace(key);
  if (!is_new && *place->second == fragment) return false;
  Take(fragment);
  if (is_new) {
    ++size_;
  } else {
    Drop(*place->second);
  }
  place->second = std::make_shared<const traefik::Fragment>(std::move(fragment));
  if (tree_) tree_->Put(key, RoutersOf(place->second));
  shard.is_stale = true;
  return true;
}

bool Assembly::Remove(std::uint64_t key) {
  const auto shard = shards_.find(ShardOf(key));
  if (shard == shards_.end()) return false;
  const auto place = shard->second.fragments.find(key);
  if (place == shard->second.fragments.end()) return false;
  Drop(*place->second);
  if (tree_) tree_->Put(key, std::span<const traefik::RouterText>());
  shard->second.fragments.erase(place);
  shard->second.is_stale = true;
  --size_;
  if (shard->second.fragments.empty()) shards_.erase(shard);
  return true;
}

void Assembly::Take(const traefik::Fragment& fragment) {
  rest_is_stale_ = rest_is_stale_ || HasRest(fragment);
  for (const auto& [name, value] : fragment.middlewares) {
    Bucket& bucket = BucketOf(name);
    Middleware& middleware = bucket.middlewares[name];
    ++middleware.uses;
    if (middleware.value == value) continue;
    middleware.value = value;
    bucket.is_stale = true;
  }
}

void Assembly::Drop(const traefik::Fragment& fragment) {
  rest_is_stale_ = rest_is_stale_ || HasRest(fragment);
  for (const auto& [name, unused] : fragment.middlewares) {
    Bucket& bucket = BucketOf(name);
    const auto middleware = bucket.middlewares.find(name);
    if (--middleware->second.uses > 0) continue;
    bucket.middlewares.erase(middleware);
    bucket.is_stale = true;
  }
}

Assembly::Bucket& Assembly::BucketOf(const std::string& middleware) {
  const auto hash =
      crc32_z(0, reinterpret_cast<const Bytef*>(middleware.data()), middleware.size());
  return buckets_[hash % kBuckets];
}

bool Assembly::IsLarge() const { return size_ >= traefik::kLarge; }

// Makes the tree, or gives it up, as the size demands; then lets it take in what changed.
void Assembly::FreshenTree() {
  const bool wanted = routers_ == Routers::kTree && IsLarge();
  if (wanted != tree_.has_value()) {
    tree_.reset();
    roots_.clear();
    if (wanted) tree_.emplace();
    for (auto& [number, shard] : shards_) {
      shard.is_stale = true;
      if (!wanted) continue;
      for (const auto& [key, fragment] : shard.fragments) tree_->Put(key, RoutersOf(fragment));
    }
  }
  if (!tree_) return;
  for (const std::uint64_t key : tree_->Update()) {
    if (const auto shard = shards_.find(ShardOf(key)); shard != shards_.end()) {
      shard->second.is_stale = true;
    }
  }
  std::map<std::string, Root> before = std::exchange(roots_, {});
  std::vector<Root*> changed;
  for (const auto& [name, text] : tree_->roots()) {
    const auto old = before.find(name);
    const bool same = old != before.end() && old->second.text == text;
    Root& root = roots_[name] = same ? std::move(old->second) : Root{text, nullptr};
    if (!same) changed.push_back(&root);
  }
  Spread(changed.size(), [&](std::size_t i) { changed[i]->part = Pack(*changed[i]->text); });
}

void Assembly::Freshen(Shard& shard) const {
  std::string routers;
  std::string services;
  shard.rest.clear();
  for (const auto& [key, shared] : shard.fragments) {
    const traefik::Fragment& fragment = *shared;
    for (const traefik::RouterText& router : fragment.routers) {
      if (tree_) {
        tree_->Append(routers, router);
      } else {
        traefik::AppendRouter(routers, router);
      }
    }
    traefik::AppendMembers(services, fragment.services);
    if (!HasRest(fragment)) continue;
    traefik::AppendMembers(shard.rest[std::string(kTransports)], fragment.servers_transports);
    for (const auto& [section, members] : fragment.others) {
      traefik::AppendMembers(shard.rest[section], members);
    }
  }
  if (!shard.routers || shard.routers->plain != routers) {
    shard.routers = PackOrNothing(std::move(routers));
  }
  if (!shard.services || shard.services->plain != services) {
    shard.services = PackOrNothing(std::move(services));
  }
  shard.built = std::make_shared<const Fragments>(shard.fragments);
  shard.is_stale = false;
}

void Assembly::FreshenRest() {
  std::map<std::string, std::string> rest;
  for (const auto& [number, shard] : shards_) {
    for (const auto& [section, members] : shard.rest)
      traefik::AppendMembers(rest[section], members);
  }
  rest_.clear();
  for (auto& [section, members] : rest) {
    if (!members.empty()) rest_[section] = Pack(std::move(members));
  }
  rest_is_stale_ = false;
}

void Assembly::Freshen() {
  FreshenTree();
  std::vector<Shard*> stale;
  for (auto& [number, shard] : shards_) {
    if (shard.is_stale) stale.push_back(&shard);
  }
  Spread(stale.size(), [&](std::size_t i) { Freshen(*stale[i]); });
  for (Bucket& bucket : buckets_) {
    if (!bucket.is_stale) continue;
    std::map<std::string, std::string> middlewares;
    for (const auto& [name, middleware] : bucket.middlewares) {
      middlewares.emplace(name, middleware.value);
    }
    bucket.part = PackOrNothing(traefik::RenderMiddlewares(middlewares));
    bucket.is_stale = false;
  }
  if (rest_is_stale_) FreshenRest();
}

std::vector<Section> Assembly::Sections(std::uint64_t revision) const {
  const traefik::Fragment probe =
      traefik::RenderFragment(traefik::ProbeConfiguration(probe_, revision, entry_points_));
  std::string probe_router;
  for (const traefik::RouterText& router : probe.routers) {
    traefik::AppendRouter(probe_router, router);
  }
  Section routers{"http/routers", {Pack(std::move(probe_router))}};
  for (const auto& [name, root] : roots_) routers.parts.push_back(root.part);
  Section services{"http/services", {}};
  for (const auto& [number, shard] : shards_) {
    if (shard.routers) routers.parts.push_back(shard.routers);
    if (shard.services) services.parts.push_back(shard.services);
  }
  Section middlewares{"http/middlewares", {Pack(traefik::RenderMiddlewares(probe.middlewares))}};
  for (const Bucket& bucket : buckets_) {
    if (bucket.part) middlewares.parts.push_back(bucket.part);
  }
  std::vector<Section> sections{std::move(routers), std::move(services), std::move(middlewares)};
  // By name, so that those of one protocol are together: http, tcp, tls, udp.
  std::map<std::string, Part> rest = rest_;
  rest["tls/stores"] = default_store_;
  for (auto& [name, part] : rest) sections.push_back({name, {std::move(part)}});
  return sections;
}

const traefik::Fragment* Assembly::Find(std::uint64_t key) const {
  const auto shard = shards_.find(ShardOf(key));
  if (shard == shards_.end()) return nullptr;
  const auto place = shard->second.fragments.find(key);
  return place == shard->second.fragments.end() ? nullptr : place->second.get();
}

DocumentState Assembly::State() const {
  DocumentState state;
  state.shards.reserve(shards_.size());
  for (const auto& [number, shard] : shards_) {
    if (shard.built) state.shards.push_back({number, shard.built});
  }
  return state;
}

std::shared_ptr<const Snapshot> Assembly::Build(std::uint64_t revision) {
  Freshen();
  return std::make_shared<const Snapshot>(
      revision, Sections(revision), IsLarge() ? traefik::Form::kMerged : traefik::Form::kJson);
}

}  // namespace provider
