#include "orchestrator/store/parsed_sites.h"

#include <utility>

#include "orchestrator/site/codec.h"

namespace orchestrator::store {

Result<site::Site> ParsedSites::Parse(const std::string& text) {
  if (const auto known = Find(text)) return *known;
  auto parsed = site::Parse(text);
  if (parsed) Keep(text, std::make_shared<const site::Site>(*parsed));
  return parsed;
}

std::shared_ptr<const site::Site> ParsedSites::Find(const std::string& text) {
  const std::lock_guard lock(mutex_);
  for (const Sites* const sites : {&recent_, &older_}) {
    if (const auto found = sites->find(text); found != sites->end()) return found->second;
  }
  return nullptr;
}

void ParsedSites::Keep(const std::string& text, std::shared_ptr<const site::Site> site) {
  Sites dropped;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  if (recent_.size() >= kMost / 2) {
    dropped = std::exchange(older_, std::exchange(recent_, {}));
  }
  recent_.insert_or_assign(text, std::move(site));
}

}  // namespace orchestrator::store
