#include "provider/pool.h"

#include <algorithm>
#include <iterator>

namespace provider {

Pools::Pools(const std::vector<ConfiguredInstance>& configured,
             const std::vector<std::string>& others) {
  const auto add = [&](std::string name) {
    std::vector<ConfiguredInstance> own;
    std::ranges::copy_if(configured, std::back_inserter(own),
                         [&](const ConfiguredInstance& instance) { return instance.pool == name; });
    pools_.emplace_back(std::move(name), std::move(own));
  };
  add(std::string(kDefaultPool));
  for (const std::string& name : others) {
    if (name != kDefaultPool) add(name);
  }
}

Pool* Pools::Find(std::string_view name) {
  const auto found = std::ranges::find(pools_, name, &Pool::name);
  return found == pools_.end() ? nullptr : &*found;
}

const Pool* Pools::Find(std::string_view name) const {
  const auto found = std::ranges::find(pools_, name, &Pool::name);
  return found == pools_.end() ? nullptr : &*found;
}

void Pools::Close() {
  for (Pool& pool : pools_) pool.publisher.Close();
}

}  // namespace provider
