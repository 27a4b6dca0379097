#include "orchestrator/image/builder.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/image/build_context.h"
#include "orchestrator/image/engine_message.h"
#include "orchestrator/image/step_watch.h"

namespace orchestrator::image {
namespace {

using nlohmann::json;

constexpr std::size_t kMostWaiting = 100;
constexpr const char* kDockerfile = "Dockerfile";

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A Dockerfile of the base image, where the site has none.
Result<void> EnsureDockerfile(const files::SiteFiles& site, const std::string& base_image) {
  const auto path = files::RelativePath::Parse(kDockerfile).value();
  files::WriteOptions options;
  options.if_none_match_any = true;
  auto upload = site.StartWriting(path, options);
  if (!upload) {
    return upload.error().kind == ErrorKind::kPrecondition ? Result<void>()
                                                           : Failure(upload.error());
  }
  if (auto written = upload->Append(fmt::format("FROM {}\n", base_image)); !written) return written;
  const auto done = upload->Commit();
  if (!done && done.error().kind != ErrorKind::kPrecondition) return Failure(done.error());
  return {};
}

// What the engine's messages say of the outcome.
struct Outcome {
  std::string error;
  std::string image_id;
};

BuildStatus CannotGoOn(const std::exception& error) {
  return {
      .state = BuildState::kFailed,
      .error = fmt::format("the build could not go on: {}; try again later, and see whether the "
                           "machine has threads and memory left for the orchestrator",
                           error.what()),
      .kind = ErrorKind::kUnavailable};
}

}  // namespace

Builder::Builder(store::Store& store, docker::ImageClient& images,
                 docker::ContainerClient& containers, BuilderOptions options)
    : store_(store),
      images_(images),
      containers_(containers),
      options_(std::move(options)),
      sweeper_([this](const std::stop_token& stop) { Sweep(stop); }) {}

Builder::~Builder() {
  sweeper_.request_stop();
  sweeper_.join();
  std::map<site::SiteId, std::shared_ptr<Build>> builds;
  {
    const std::lock_guard lock(mutex_);
    builds.swap(builds_);
    for (const auto& [id, build] : builds) {
      if (!build->cancel.stop_requested()) build->when_cancelled = Interrupted();
    }
  }
  for (const auto& [id, build] : builds) build->cancel.request_stop();
  for (const auto& [id, build] : builds) {
    if (build->thread.joinable()) build->thread.join();
  }
}

std::filesystem::path Builder::LogFile(site::SiteId id) const {
  return options_.log_directory / (site::ServiceName(id) + ".log");
}

Result<void> Builder::Start(site::SiteId id, BuildOrder order) {
  const auto record = store_.Find(id);
  if (!record) return Failure(record.error());
  const bool exists = *record && !(*record)->removing;
  if (!exists && !order.before_creation) {
    return Failure(Error{ErrorKind::kNotFound, fmt::format("there is no site {}", id.value)});
  }
  if (exists && (*record)->site.kind == site::Kind::kExternal) {
    return Failure(
        Error{ErrorKind::kConflict, fmt::format("site {} is external: it has no image", id.value)});
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = builds_.find(id);
      found != builds_.end() && found->second->status.is_unfinished()) {
    return Failure(
        Error{ErrorKind::kConflict, fmt::format("a build of site {} is {}; cancel it or wait",
                                                id.value, Name(found->second->status.state))});
  }
  if (line_.size() >= kMostWaiting) {
    return Failure(Error{ErrorKind::kUnavailable,
                         fmt::format("{} builds wait already; try again later", line_.size())});
  }
  auto log = BuildLog::Create(LogFile(id));
  if (!log) return Failure(log.error());
  auto build = std::make_shared<Build>();
  build->log = *std::move(log);
  build->status.state =
      running_ + line_.size() < options_.most_at_once ? BuildState::kRunning : BuildState::kWaiting;
  build->log->Append(Dump({{"state", Name(build->status.state)}, {"build", build->log->build()}}));
  order.before_creation = order.before_creation && !exists;
  build->before_creation = order.before_creation;
  // The thread that is replaced has ended: its state says so.
  builds_[id] = build;
  try {
    line_.push_back(build.get());
    build->thread = std::jthread(
        [this, id, order = std::move(order), raw = build.get()] { Run(id, order, *raw); });
  } catch (const std::exception& error) {
    std::erase(line_, build.get());  // it would hold up all that come after it
    build->status = CannotGoOn(error);
    build->ended = std::chrono::steady_clock::now();
    build->log->AppendLast(ToLine(build->status));
    build->log->Finish(build->status);
    return Failure(Error{build->status.kind,
                         fmt::format("site {}: {}", id.value, build->status.error), error.what()});
  }
  return {};
}

// False when it was cancelled before.
bool Builder::WaitForTurn(Build& build) {
  std::unique_lock lock(mutex_);
  const bool is_turn = changed_.wait(lock, build.cancel.get_token(), [&] {
    return running_ < options_.most_at_once && line_.front() == &build;
  });
  std::erase(line_, &build);
  if (is_turn) ++running_;
  if (is_turn && build.status.state == BuildState::kWaiting) {
    build.status.state = BuildState::kRunning;
    build.log->Append(Dump({{"state", Name(BuildState::kRunning)}}));
  }
  changed_.notify_all();  // another is the first now
  return is_turn;
}

void Builder::Run(site::SiteId id, const BuildOrder& order, Build& build) {
  const bool had_turn = WaitForTurn(build);
  const BuildStatus status = had_turn ? ExecuteSafely(id, order, build) : Cancelled(build);
  build.log->AppendLast(ToLine(status));
  spdlog::info("site {}: build {} {}", id.value, Name(status.state), status.error);
  {
    const std::lock_guard lock(mutex_);
    if (had_turn) --running_;
    build.status = status;
    build.ended = std::chrono::steady_clock::now();
    sweep_wanted_ = true;
    changed_.notify_all();
  }
  build.log->Finish(status);
}

// What cannot be had for this build (a thread, memory) is no reason to end the program.
BuildStatus Builder::ExecuteSafely(site::SiteId id, const BuildOrder& order, Build& build) {
  try {
    return Execute(id, order, build);
  } catch (const std::exception& error) {
    return CannotGoOn(error);
  }
}

BuildStatus Builder::Execute(site::SiteId id, const BuildOrder& order, Build& build) {
  const auto failed = [](std::string error, ErrorKind kind) {
    return BuildStatus{BuildState::kFailed, std::move(error), {}, kind};
  };
  if (auto ready = deploy::MakeSiteFolders(options_.sites_directory, id, options_.files.owner);
      !ready) {
    return failed(ready.error().message, ready.error().kind);
  }
  const auto site =
      files::SiteFiles::Open(deploy::SitePath(options_.sites_directory, id), options_.files);
  if (!site) return failed(site.error().message, site.error().kind);
  if (!order.dockerfile) {
    if (auto made = EnsureDockerfile(*site, options_.base_image); !made) {
      return failed(made.error().message, made.error().kind);
    }
  }

  const auto context = BuildContext::Start(
      *site, {.dockerfile = order.dockerfile, .most_bytes = options_.most_bytes});
  if (!context) return failed(context.error().message, context.error().kind);
  // The call to the engine does not see a stop while it waits for the next part of the context.
  const std::stop_callback on_cancel(build.cancel.get_token(), [&] { (*context)->Cancel(); });

  docker::BuildOrder engine_order;
  engine_order.tag = site::ServiceName(id) + ":latest";
  engine_order.dockerfile = (*context)->dockerfile();
  engine_order.labels = {{std::string(deploy::kSiteLabel), std::to_string(id.value)},
                         {std::string(kOwnerLabel), options_.owner}};
  engine_order.memory_bytes = order.memory_bytes.value_or(options_.memory_bytes);
  engine_order.swap_bytes = order.swap_bytes.value_or(0);
  engine_order.nano_cpus = options_.nano_cpus;

  Outcome outcome;
  const auto started = std::chrono::system_clock::now();
  StepWatch watch(containers_, images_, options_.most_bytes, options_.time_limit, build.cancel);
  const auto done = images_.Build(
      engine_order, [&](char* buffer, std::size_t size) { return (*context)->Read(buffer, size); },
      [&](std::string_view text) {
        const EngineMessage message = ReadMessage(text);
        if (!message.error.empty()) outcome.error = message.error;
        if (!message.built.empty()) outcome.image_id = message.built;
        watch.Look(message);
        build.log->Append(text);
        return true;
      },
      build.cancel.get_token());
  const std::optional<Error> context_error = (*context)->Finish();
  const std::string reason = watch.Finish();
  if (!done) {  // an engine that went away has left the container of its step
    const std::lock_guard lock(mutex_);
    for (const std::string& container : watch.containers()) {
      left_containers_.try_emplace(container, started);
    }
  }
  if (!reason.empty()) {
    RemoveSteps(watch.made_by_steps());
    return failed(reason, ErrorKind::kInvalid);
  }
  if (build.cancel.stop_requested()) return Cancelled(build);
  if (context_error) return failed(context_error->message, context_error->kind);
  if (!outcome.error.empty()) return failed(outcome.error, ErrorKind::kInvalid);
  if (!done) return failed(done.error().message, done.error().kind);
  if (outcome.image_id.empty()) {
    return failed("the engine named no image at the end of the build", ErrorKind::kInternal);
  }
  if (auto deployed = Deploy(id, outcome.image_id, order.before_creation); !deployed) {
    return failed(deployed.error().message, deployed.error().kind);
  }
  return {.state = BuildState::kBuilt, .image_id = outcome.image_id};
}

// What a build left that went beyond its limits, so that the next one does not find it made. An
// image with a name is somebody's; one that others are made from, or that is used, the engine
// keeps.
void Builder::RemoveSteps(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const auto image = images_.Find(id, {});
    if (image && image->tags.empty()) static_cast<void>(images_.RemoveOnly(id, {}));
  }
}

Result<void> Builder::Deploy(site::SiteId id, const std::string& image_id, bool before_creation) {
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    auto record = transaction.Find(id);
    if (!record) return Failure(record.error());
    if (!*record || (*record)->removing) {
      // Kept for a site that is still to be created, never for one that is gone.
      if (!before_creation) return {};
      return transaction.SetSetting(store::BuiltImageSetting(id), image_id);
    }
    if ((*record)->built_image == image_id) return {};
    (*record)->built_image = image_id;
    (*record)->revision = transaction.revision();
    return transaction.Put({&**record, 1});
  });
  return written ? Result<void>() : Failure(written.error());
}

Result<std::string> Builder::WantedImage(site::SiteId id) const {
  const auto record = store_.Find(id);
  if (!record) return Failure(record.error());
  if (*record && !(*record)->removing) return (*record)->built_image;
  const auto setting = store_.Setting(store::BuiltImageSetting(id));
  if (!setting) return Failure(setting.error());
  return setting->value_or("");
}

BuildStatus Builder::WaitFinished(site::SiteId id, const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  BuildStatus status;
  changed_.wait(lock, stop, [&] {
    const auto found = builds_.find(id);
    status = found == builds_.end() ? BuildStatus() : found->second->status;
    return !status.is_unfinished();
  });
  return status;
}

Result<void> Builder::Cancel(site::SiteId id) {
  return CancelAs(id, {.state = BuildState::kCancelled, .error = "it was cancelled"});
}

BuildStatus Builder::Cancelled(const Build& build) const {
  const std::lock_guard lock(mutex_);
  return build.when_cancelled;
}

Result<void> Builder::CancelAs(site::SiteId id, BuildStatus status) {
  const std::lock_guard lock(mutex_);
  const auto found = builds_.find(id);
  if (found == builds_.end() || !found->second->status.is_unfinished()) {
    return Failure(Error{ErrorKind::kConflict, fmt::format("no build of site {} runs", id.value)});
  }
  Build& build = *found->second;
  if (!build.cancel.stop_requested()) build.when_cancelled = std::move(status);
  build.cancel.request_stop();
  return {};
}

BuildStatus Builder::StatusOf(site::SiteId id) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = builds_.find(id); found != builds_.end()) return found->second->status;
  }
  // From before this process.
  const auto last = BuildLog::ReadLastLine(LogFile(id));
  return last ? FromLastLine(*last) : BuildStatus();
}

std::shared_ptr<const BuildLog> Builder::LogOf(site::SiteId id) const {
  const auto running = [&]() -> std::shared_ptr<const BuildLog> {
    const std::lock_guard lock(mutex_);
    const auto found = builds_.find(id);
    return found == builds_.end() ? nullptr : found->second->log;
  };
  if (auto log = running()) return log;
  auto kept = BuildLog::Load(LogFile(id));
  // A build that has begun meanwhile writes this file.
  if (auto log = running()) return log;
  return kept;
}

std::vector<std::string> Builder::KeptLog(site::SiteId id) const {
  return BuildLog::ReadLines(LogFile(id));
}

Result<void> Builder::Delete(site::SiteId id, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = builds_.find(id);
    if (found != builds_.end() && found->second->status.is_unfinished()) {
      return Failure(
          Error{ErrorKind::kConflict,
                fmt::format("a build of site {} is under way; cancel it first", id.value)});
    }
    if (found != builds_.end()) builds_.erase(found);
  }
  const auto forgotten = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    auto record = transaction.Find(id);
    if (!record) return Failure(record.error());
    if (auto set = transaction.SetSetting(store::BuiltImageSetting(id), ""); !set) return set;
    if (!*record || (*record)->built_image.empty()) return {};
    (*record)->built_image.clear();
    if (!(*record)->removing) (*record)->revision = transaction.revision();
    return transaction.Put({&**record, 1});
  });
  if (!forgotten) return Failure(forgotten.error());
  // By its name too: an image that something else has built under it has no label of ours.
  const auto removed = images_.Remove(site::ServiceName(id) + ":latest", stop);
  if (!removed && removed.error().kind != ErrorKind::kNotFound &&
      removed.error().kind != ErrorKind::kConflict) {
    return removed;
  }
  const std::lock_guard lock(mutex_);
  sweep_wanted_ = true;
  changed_.notify_all();
  if (builds_.contains(id)) return {};  // of a build that has begun meanwhile
  std::error_code error;
  std::filesystem::remove(LogFile(id), error);
  if (!error) return {};
  return Failure(Error{ErrorKind::kStorage, fmt::format("cannot remove the build's log {}: {}",
                                                        LogFile(id).string(), error.message())});
}

}  // namespace orchestrator::image
