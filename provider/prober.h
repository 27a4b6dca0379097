#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "provider/http/client.h"
#include "provider/instances.h"
#include "provider/publisher.h"
#include "traefik/document.h"

namespace provider {

// Asks the data plane of every configured Traefik which revision it serves, and records the
// answers: often while a new revision is on its way, now and then otherwise.
//
// Owns one thread an instance. `client`, `instances` and `publisher` must live longer.
class Prober {
 public:
  Prober(http::Client& client, Instances& instances, const Publisher& publisher,
         traefik::RevisionProbe probe);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // One probe request for `path`: the value of `answer_header`, empty where the answer lacks it.
  // The error is a sentence. Blocks for a second at most.
  static std::expected<std::string, std::string> Ask(
      http::Client& client, const ConfiguredInstance& instance, const traefik::RevisionProbe& probe,
      const std::string& path, const std::string& answer_header, const std::stop_token& stop);

 private:
  void Watch(const ConfiguredInstance& instance, const std::stop_token& stop);

  http::Client& client_;
  Instances& instances_;
  const Publisher& publisher_;
  const traefik::RevisionProbe probe_;
  std::vector<std::jthread> threads_;
};

}  // namespace provider
