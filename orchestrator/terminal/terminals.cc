#include "orchestrator/terminal/terminals.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/terminal/hang_up.h"
#include "provider/base/pause.h"
#include "provider/base/secret.h"

namespace orchestrator::terminal {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr auto kStartPause = 200ms;
constexpr int kMostStarts = 10;
constexpr std::size_t kIdBytes = 16;
constexpr std::int64_t kMostProcesses = 256;
constexpr std::string_view kOwnerLabel = "orchestrator.terminal";
constexpr std::string_view kSiteLabel = "orchestrator.terminal.site";

// Waits to be removed. Ends by itself after a day, should nobody be left to do it.
constexpr const char* kWaiting =
    "trap 'exit 0' TERM; n=0; while [ $n -lt 24 ]; do sleep 3600 & wait $!; n=$((n + 1)); done";
constexpr const char* kShell =
    "if command -v bash >/dev/null 2>&1; then exec bash -l; fi; exec sh -l";

}  // namespace

Terminals::Terminals(store::Store& store, docker::Engine& engine,
                     docker::ContainerClient& containers, TerminalOptions options)
    : store_(store),
      engine_(engine),
      containers_(containers),
      options_(std::move(options)),
      watcher_([this](const std::stop_token& stop) { Watch(stop); }) {}

Terminals::~Terminals() {
  watcher_.request_stop();
  watcher_.join();
  std::map<site::SiteId, SiteTerminals> sites;
  {
    const std::lock_guard lock(mutex_);
    sites.swap(sites_);
  }
  for (auto& [id, terminals] : sites) {
    for (const auto& open : terminals.sessions) open.session->End("the orchestrator is stopping");
    terminals.sessions.clear();
    for (const std::string& container : TakeUnused(terminals)) {
      if (const auto removed = containers_.Remove(container, {}); !removed) {
        spdlog::warn("{}", removed.error().message);  // it is swept at the next start
      }
    }
  }
}

docker::ContainerSpec Terminals::WantedContainer(const store::SiteRecord& record) const {
  store::SiteRecord as_dynamic = record;
  if (record.site.kind == site::Kind::kStatic) {
    as_dynamic.site.kind = site::Kind::kDynamic;
    as_dynamic.site.image.reset();  // a web server, not a place to work in
  }
  const docker::TaskTemplate task = deploy::WantedService(as_dynamic, options_.service, "").task;
  docker::ContainerSpec spec;
  spec.image = task.image;
  spec.entry_point = {"sh", "-c", kWaiting};
  spec.labels = {{std::string(kOwnerLabel), options_.owner},
                 {std::string(kSiteLabel), std::to_string(record.site.id.value)}};
  spec.environment = task.environment;
  spec.working_directory = task.working_directory;
  spec.user = task.user;
  spec.read_only_root = task.read_only_root;
  spec.mounts = task.mounts;
  if (record.site.kind == site::Kind::kStatic) {
    // What the site's tasks have mounted must not become a link before the next of them starts.
    docker::Mount served;
    served.source = deploy::SitePath(options_.service.sites_directory, record.site.id) / "public";
    served.target = "/site/public";
    spec.mounts.push_back(std::move(served));
  }
  spec.nano_cpus = task.nano_cpus;
  spec.memory_bytes = task.memory_bytes;
  spec.most_processes = kMostProcesses;
  spec.network = options_.network.name;
  return spec;
}

Result<void> Terminals::Reserve(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const auto& [other, terminals] : sites_)
    all += terminals.sessions.size() + terminals.opening;
  SiteTerminals& own = sites_[id];
  if (own.sessions.size() + own.opening >= options_.per_site) {
    return Failure(
        Error{ErrorKind::kConflict, fmt::format("site {} has {} terminals open; close one first",
                                                id.value, options_.per_site)});
  }
  if (all >= options_.in_all) {
    return Failure(
        Error{ErrorKind::kUnavailable, fmt::format("{} terminals are open; try again later", all)});
  }
  ++own.opening;
  return {};
}

Terminals::Opening::~Opening() {
  const std::lock_guard lock(terminals_.mutex_);
  if (!done_) --terminals_.sites_.find(id_)->second.opening;  // which kept the entry there
}

void Terminals::Opening::Finish(OpenSession opened) {
  const std::lock_guard lock(terminals_.mutex_);
  SiteTerminals& own = terminals_.sites_[id_];
  own.sessions.push_back(std::move(opened));
  --own.opening;
  done_ = true;
}

Result<std::string> Terminals::StartContainer(site::SiteId id, docker::ContainerSpec wanted,
                                              const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    wanted.name =
        fmt::format("{}-terminal-{}", site::ServiceName(id), provider::RandomHex(kIdBytes / 2));
    auto container = containers_.Create(wanted, stop);
    if (!container) return container;
    const auto started = containers_.Start(*container, stop);
    if (started) return container;
    static_cast<void>(containers_.Remove(*container, {}));
    // A node drops its part of an overlay with the last task on it; a container that is started
    // at this moment does not find the network, and the next one makes it anew.
    if (started.error().kind != ErrorKind::kNotFound || attempt == kMostStarts) {
      return Failure(started.error());
    }
    provider::Pause(stop, kStartPause);
  }
}

Result<std::string> Terminals::EnsureContainer(const store::SiteRecord& record,
                                               const std::stop_token& stop) {
  const docker::ContainerSpec wanted = WantedContainer(record);
  const std::lock_guard making(making_);
  {
    const std::lock_guard lock(mutex_);
    const SiteTerminals& own = sites_[record.site.id];
    if (!own.container.empty() && own.made_of == wanted) return own.container;
  }
  if (auto ready = deploy::MakeSiteFolders(options_.service.sites_directory, record.site.id,
                                           options_.service.owner);
      !ready) {
    return Failure(ready.error());
  }
  // It may be the first thing that is asked for after a start.
  if (auto network = engine_.EnsureOverlay(options_.network, stop); !network) return network;
  {
    const std::lock_guard lock(mutex_);
    used_.insert(record.site.id);
  }
  auto container = StartContainer(record.site.id, wanted, stop);
  if (!container) return container;
  const std::lock_guard lock(mutex_);
  SiteTerminals& own = sites_[record.site.id];
  if (!own.container.empty()) own.outdated.push_back(std::move(own.container));
  own.container = *container;
  own.made_of = wanted;
  return container;
}

Result<std::shared_ptr<Session>> Terminals::Open(site::SiteId id, docker::TerminalSize size,
                                                 const std::stop_token& stop) {
  // Before the record is read: see EndAll.
  if (auto reserved = Reserve(id); !reserved) return Failure(reserved.error());
  Opening opening(*this, id);
  const auto record = store_.Find(id);
  if (!record) return Failure(record.error());
  if (!*record || (*record)->removing) {
    return Failure(Error{ErrorKind::kNotFound, fmt::format("there is no site {}", id.value)});
  }
  if ((*record)->site.kind == site::Kind::kExternal) {
    return Failure(Error{ErrorKind::kConflict,
                         fmt::format("site {} is external: it runs elsewhere", id.value)});
  }
  try {
    return OpenReserved(**record, size, opening, stop);
  } catch (const std::exception& error) {
    return Failure(
        Error{ErrorKind::kUnavailable,
              fmt::format("cannot open a terminal of site {}: {}; try again later, and see whether "
                          "the machine has threads and memory left for the orchestrator",
                          id.value, error.what())});
  }
}

Result<std::shared_ptr<Session>> Terminals::OpenReserved(const store::SiteRecord& record,
                                                         docker::TerminalSize size,
                                                         Opening& opening,
                                                         const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  Result<docker::ContainerClient::Exec> exec;
  std::string used;
  const std::string mark = NewMark();
  // A container that is gone, by hand or with the engine, is made again once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto container = EnsureContainer(record, stop);
    if (!container) {
      exec = Failure(container.error());
      break;
    }
    used = *container;
    exec = containers_.StartExec(*container, {"sh", "-c", kShell},
                                 {"TERM=xterm-256color", "HOME=/root", mark}, size, stop);
    const bool gone = !exec && (exec.error().kind == ErrorKind::kNotFound ||
                                exec.error().kind == ErrorKind::kConflict);
    if (!gone) break;
    const std::lock_guard lock(mutex_);
    std::string& known = sites_[id].container;
    if (known == *container) known.clear();  // else somebody has made another one meanwhile
  }
  if (!exec) return Failure(exec.error());
  std::shared_ptr<Session> session;
  try {
    session = std::make_shared<Session>(provider::RandomHex(kIdBytes), containers_, used, mark,
                                        *std::move(exec));
  } catch (const std::exception&) {
    // Nobody else would end the shell.
    const auto ended = containers_.RunDetached(used, HangUpCommand(mark), stop);
    if (!ended)
      spdlog::warn("a terminal that could not be opened goes on: {}", ended.error().message);
    throw;
  }
  opening.Finish({session, std::move(used)});
  return session;
}

Result<std::shared_ptr<Session>> Terminals::Find(site::SiteId id,
                                                 const std::string& session) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = sites_.find(id); found != sites_.end()) {
    for (const auto& [candidate, container] : found->second.sessions) {
      if (provider::EqualSecrets(candidate->id(), session) && !candidate->ended()) return candidate;
    }
  }
  return Failure(Error{ErrorKind::kNotFound, "this terminal has ended"});
}

std::vector<SessionStatus> Terminals::List(site::SiteId id) const {
  std::vector<SessionStatus> list;
  const std::lock_guard lock(mutex_);
  const auto found = sites_.find(id);
  if (found == sites_.end()) return list;
  for (const auto& [session, container] : found->second.sessions) {
    if (session->ended()) continue;
    list.push_back({session->id(),
                    std::chrono::duration_cast<std::chrono::seconds>(session->Idle()),
                    session->Detached() == Session::Clock::duration::zero()});
  }
  return list;
}

Result<bool> Terminals::EndAll(site::SiteId id, std::string_view reason,
                               const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sites_.find(id); found != sites_.end()) {
      for (const OpenSession& open : found->second.sessions) open.session->End(reason);
      if (found->second.opening > 0) return false;
    }
    if (swept_ && !used_.contains(id)) return true;
  }
  // Their containers are removed by those who watch over them.
  const auto left = containers_.List(fmt::format("{}={}", kOwnerLabel, options_.owner), stop);
  if (!left) return Failure(left.error());
  const std::string own = std::to_string(id.value);
  return std::ranges::none_of(*left, [&](const docker::Container& container) {
    const auto site = container.labels.find(std::string(kSiteLabel));
    return site != container.labels.end() && site->second == own;
  });
}

// Takes out the containers that no session runs in.
std::vector<std::string> Terminals::TakeUnused(SiteTerminals& terminals) {
  std::vector<std::string> unused;
  if (terminals.opening > 0) return unused;
  const auto is_used = [&](const std::string& container) {
    return std::ranges::find(terminals.sessions, container, &OpenSession::container) !=
           terminals.sessions.end();
  };
  std::erase_if(terminals.outdated, [&](const std::string& container) {
    if (is_used(container)) return false;
    unused.push_back(container);
    return true;
  });
  if (!terminals.container.empty() && !is_used(terminals.container)) {
    unused.push_back(std::exchange(terminals.container, {}));
  }
  return unused;
}

void Terminals::EndSessions() {
  std::vector<std::shared_ptr<Session>> ended;  // destroyed without the lock: that takes a while
  std::vector<std::string> unused;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, terminals] : sites_) {
      const auto record = store_.Find(id);
      const bool removed = record && (!*record || (*record)->removing);
      for (const auto& [session, container] : terminals.sessions) {
        if (removed) session->End("the site was removed");
        if (session->Idle() > options_.idle) session->End("nothing was typed for a long time");
        if (session->Detached() > options_.reconnect) session->End("nobody looks at it any more");
      }
      std::erase_if(terminals.sessions, [&](const OpenSession& open) {
        if (!open.session->ended()) return false;
        ended.push_back(open.session);
        return true;
      });
      std::ranges::move(TakeUnused(terminals), std::back_inserter(unused));
    }
    std::erase_if(sites_, [](const auto& site) {
      return site.second.sessions.empty() && site.second.opening == 0 &&
             site.second.container.empty() && site.second.outdated.empty();
    });
  }
  for (const std::string& container : unused) {
    const auto removed = containers_.Remove(container, {});
    if (!removed) spdlog::warn("{}", removed.error().message);
  }
}

void Terminals::SweepLeftOvers(const std::stop_token& stop) {
  const auto left = containers_.List(fmt::format("{}={}", kOwnerLabel, options_.owner), stop);
  if (!left) return;
  bool all = true;
  for (const docker::Container& container : *left) {
    {
      const std::lock_guard lock(mutex_);
      const bool ours = std::ranges::any_of(sites_, [&](const auto& site) {
        const std::vector<std::string>& outdated = site.second.outdated;
        return site.second.container == container.id || site.second.opening > 0 ||
               std::ranges::find(outdated, container.id) != outdated.end();
      });
      if (ours) continue;
    }
    spdlog::info("removing the container {}, which a crash left", container.name);
    all &= containers_.Remove(container.id, stop).has_value();
  }
  const std::lock_guard lock(mutex_);
  swept_ |= all;
}

void Terminals::Watch(const std::stop_token& stop) {
  static constexpr int kLooksPerSweep = 60;
  for (int looks = 0; !stop.stop_requested(); ++looks) {
    // Again and again, since the engine may have been away.
    if (looks % kLooksPerSweep == 0) SweepLeftOvers(stop);
    EndSessions();
    provider::Pause(stop, kLook);
  }
}

}  // namespace orchestrator::terminal
