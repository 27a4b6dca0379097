#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/docker/container_client.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/store/store.h"
#include "orchestrator/terminal/session.h"

namespace orchestrator::terminal {

struct TerminalOptions {
  deploy::ServiceOptions service;
  docker::Overlay network;
  std::string owner;  // of the containers: those of another orchestrator on this engine stay
  std::size_t per_site = 4;
  std::size_t in_all = 100;
  std::chrono::seconds idle{1800};     // without input until a session ends
  std::chrono::seconds reconnect{60};  // without a viewer until it does
};

struct SessionStatus {
  std::string id;
  std::chrono::seconds idle{0};
  bool attached = false;
};

// Interactive shells for sites: one container a site, with the image, mounts, network and limits of
// its deployment (of a static site: those that a dynamic one would have), and a session a terminal.
// After a change of the site, new sessions get a new one; a container goes with its last session.
// Those that a crash left are removed at the start.
//
// Owns its threads; all references must live longer. Thread-safe.
class Terminals {
 public:
  Terminals(store::Store& store, docker::Engine& engine, docker::ContainerClient& containers,
            TerminalOptions options);
  ~Terminals();
  Terminals(const Terminals&) = delete;
  Terminals& operator=(const Terminals&) = delete;

  // kConflict at the site's limit, kUnavailable at that of all sites, or where no thread can be
  // made.
  Result<std::shared_ptr<Session>> Open(site::SiteId id, docker::TerminalSize size,
                                        const std::stop_token& stop);
  // kNotFound when it has ended.
  Result<std::shared_ptr<Session>> Find(site::SiteId id, const std::string& session) const;
  std::vector<SessionStatus> List(site::SiteId id) const;

  // Ends all terminals of a site. Whether none is left, with its container, in this process or from
  // before a crash; asked again while not. One that is opened later goes by the record that is in
  // the store now.
  Result<bool> EndAll(site::SiteId id, std::string_view reason, const std::stop_token& stop);

  // The container that a new session of this site runs in, but for its name.
  docker::ContainerSpec WantedContainer(const store::SiteRecord& record) const;

 private:
  struct OpenSession {
    std::shared_ptr<Session> session;
    std::string container;
  };
  struct SiteTerminals {
    std::string container;              // of new sessions, by its id; empty: to be made
    docker::ContainerSpec made_of;      // what that is made of
    std::vector<std::string> outdated;  // other containers, which go with their last sessions
    std::vector<OpenSession> sessions;
    std::size_t opening = 0;
  };

  // Counts a terminal that Reserve let in, until it is open or its opening has ended otherwise.
  class Opening {
   public:
    Opening(Terminals& terminals, site::SiteId id) : terminals_(terminals), id_(id) {}
    ~Opening();
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;

    void Finish(OpenSession opened);

   private:
    Terminals& terminals_;
    const site::SiteId id_;
    bool done_ = false;
  };

  // Counts one more in `opening`, for an Opening to take back.
  Result<void> Reserve(site::SiteId id);
  Result<std::shared_ptr<Session>> OpenReserved(const store::SiteRecord& record,
                                                docker::TerminalSize size, Opening& opening,
                                                const std::stop_token& stop);
  Result<std::string> StartContainer(site::SiteId id, docker::ContainerSpec wanted,
                                     const std::stop_token& stop);
  static std::vector<std::string> TakeUnused(SiteTerminals& terminals);
  Result<std::string> EnsureContainer(const store::SiteRecord& record, const std::stop_token& stop);
  void Watch(const std::stop_token& stop);
  void SweepLeftOvers(const std::stop_token& stop);
  void EndSessions();

  store::Store& store_;
  docker::Engine& engine_;
  docker::ContainerClient& containers_;
  const TerminalOptions options_;
  std::mutex making_;  // held while a container is made
  mutable std::mutex mutex_;
  std::map<site::SiteId, SiteTerminals> sites_;  // guarded by mutex_
  std::set<site::SiteId> used_;                  // guarded by mutex_: there was a terminal
  bool swept_ = false;                           // guarded by mutex_: what a crash left is gone
  std::jthread watcher_;
};

}  // namespace orchestrator::terminal
