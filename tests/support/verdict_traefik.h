#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <nlohmann/json.hpp>

#include "provider/http/client.h"
#include "provider/http/server.h"
#include "tests/support/traefik_process.h"

namespace tests {

// A real Traefik that is asked what it makes of documents and labels. It polls documents from here,
// and reads services with labels from a Docker engine that is made up here, since what is asked is
// Traefik's opinion of thousands of services that need no tasks.
class VerdictTraefik {
 public:
  VerdictTraefik();
  ~VerdictTraefik();

  // Whether it takes the text, as its log and its next poll tell. Why not is in `Log`.
  bool Takes(const std::string& text);

  // All that it has, once it has applied a document that was taken with `document` and nothing
  // else; null when it refuses it. By the API's /api/rawdata.
  nlohmann::json ViewOf(nlohmann::json document);

  // The same of services with these labels, by the name of the service.
  nlohmann::json ViewOf(const std::map<std::string, std::map<std::string, std::string>>& services);

  std::string Log() const { return traefik_->Log(); }

 private:
  provider::http::ServerResponse Answer(const provider::http::ServerRequest& request);
  provider::http::ServerResponse AnswerAsEngine(const std::string& path);
  nlohmann::json RawData();
  std::size_t Refusals() const;

  std::mutex mutex_;
  std::string document_;         // guarded by mutex_
  std::string services_ = "[]";  // guarded by mutex_; as the engine lists them
  std::atomic<std::size_t> polls_ = 0;
  int marks_ = 0;
  provider::http::Server server_;
  std::unique_ptr<TraefikProcess> traefik_;
  provider::http::Client client_;
};

}  // namespace tests
