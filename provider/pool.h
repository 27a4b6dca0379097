#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "provider/instances.h"
#include "provider/publisher.h"

namespace provider {

inline constexpr std::string_view kDefaultPool = "default";

// Traefiks that are given the same document, which those of other pools are not.
struct Pool {
  Pool(std::string pool_name, std::vector<ConfiguredInstance> configured)
      : name(std::move(pool_name)), instances(std::move(configured)) {}

  const std::string name;
  Publisher publisher;
  Instances instances;
};

// All pools that there are, the default one first. Which these are does not change, so that it is
// thread-safe.
class Pools {
 public:
  // The default pool and these `others`, each with those instances that name it.
  explicit Pools(const std::vector<ConfiguredInstance>& configured,
                 const std::vector<std::string>& others = {});

  // Null where there is none of this name.
  Pool* Find(std::string_view name);
  const Pool* Find(std::string_view name) const;

  Pool& Default() { return pools_.front(); }

  auto begin() { return pools_.begin(); }
  auto end() { return pools_.end(); }
  auto begin() const { return pools_.begin(); }
  auto end() const { return pools_.end(); }

  // See Publisher::Close.
  void Close();

 private:
  std::deque<Pool> pools_;
};

}  // namespace provider
