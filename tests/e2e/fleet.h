#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/swarm_system.h"
#include "tests/support/web.h"

namespace tests {

struct FleetOptions {
  std::size_t traefiks = 1;
  std::string upstream = {};  // set: external sites that all have this one, first in the document
  bool tls = false;           // they answer with TLS alone, and have a middleware of their own
};

// Sites behind one or two Traefiks: static ones, in label mode; each has a text of its own.
class Fleet {
 public:
  // Their ids go up from `first_id`.
  Fleet(int first_id, std::size_t count, const FleetOptions& options = {});

  // Where visitors come in.
  std::string url(std::size_t traefik = 0) const {
    return has_tls_ ? system.tls_url() : system.traefik_url(traefik);
  }
  bool AllAnswer(std::size_t traefik = 0);
  // The containers of its sites.
  std::set<std::string> Containers() const;
  std::size_t CountIn(const char* phase);

  nlohmann::json Order(nlohmann::json order);
  nlohmann::json Newest();  // migration
  bool Becomes(const char* state, std::chrono::milliseconds limit = std::chrono::seconds(120));
  // `orchestrator routing mode TO` for all of it, and prints how long that took.
  void Move(const char* to);

  // The folder that a static site serves.
  std::filesystem::path Public(int id);

  SwarmSystem system;
  std::vector<std::string> hosts;
  std::vector<std::string> texts;  // what is in their answers

 private:
  const int first_id_;
  const bool is_external_;
  const bool has_tls_;
};

// Waits until so many more visits were paid.
void Pass(const Load& load, std::size_t visits);

}  // namespace tests
