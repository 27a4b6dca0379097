#include "orchestrator/terminal/session.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "orchestrator/terminal/hang_up.h"

namespace orchestrator::terminal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRecentBytes = 64 << 10;
constexpr auto kReadSlice = 1s;
constexpr auto kWriteTimeout = 10s;

Session::Clock::rep Now() { return Session::Clock::now().time_since_epoch().count(); }

}  // namespace

Session::Session(std::string id, docker::ContainerClient& containers, std::string container,
                 std::string mark, docker::ContainerClient::Exec exec)
    : id_(std::move(id)),
      containers_(containers),
      container_(std::move(container)),
      mark_(std::move(mark)),
      exec_id_(std::move(exec.id)),
      connection_(std::move(exec.connection)),
      last_activity_(Now()),
      detached_since_(Now()),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Session::~Session() {
  End("the terminal was closed");
  thread_.request_stop();
  thread_.join();
}

std::shared_ptr<Viewer> Session::Current() const {
  const std::lock_guard lock(mutex_);
  return viewer_;
}

std::shared_ptr<Viewer> Session::Exchange(std::shared_ptr<Viewer> viewer) {
  const std::lock_guard lock(mutex_);
  if (!viewer) detached_since_ = Now();
  attached_ = viewer != nullptr;
  return std::exchange(viewer_, std::move(viewer));
}

std::string Session::EndReason() const {
  const std::lock_guard lock(mutex_);
  return end_reason_;
}

void Session::Attach(const std::shared_ptr<Viewer>& viewer) {
  const auto replace_by = [&](std::shared_ptr<Viewer> next) {
    const auto before = Exchange(std::move(next));
    if (before) before->End("the terminal was opened somewhere else", {});
  };
  // First of all, since a slow one may be waited for below.
  replace_by(nullptr);
  Touch();
  // What comes meanwhile is shown once.
  const std::lock_guard showing(showing_);
  replace_by(viewer);
  if (!recent_.empty()) viewer->Show(recent_);
  if (ended_) viewer->End(EndReason(), {});
}

void Session::Detach(const Viewer* viewer) {
  const std::lock_guard lock(mutex_);
  if (viewer_.get() != viewer) return;
  viewer_.reset();
  attached_ = false;
  detached_since_ = Now();
}

bool Session::Write(std::string_view bytes) {
  Touch();
  return connection_->Write(bytes, kWriteTimeout);
}

void Session::Resize(docker::TerminalSize size) {
  Touch();
  // A shell that has just ended has no size: its end is told by itself.
  static_cast<void>(containers_.ResizeExec(exec_id_, size, {}));
}

void Session::Touch() { last_activity_ = Now(); }

void Session::End(std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    if (end_reason_.empty()) end_reason_ = reason;
  }
  connection_->Abort();
}

Session::Clock::duration Session::Idle() const { return Clock::duration(Now() - last_activity_); }

Session::Clock::duration Session::Detached() const {
  return Clock::duration(attached_ ? 0 : Now() - detached_since_);
}

void Session::Show(std::string_view bytes) {
  const std::lock_guard showing(showing_);
  recent_ += bytes;
  if (recent_.size() > kRecentBytes) recent_.erase(0, recent_.size() - kRecentBytes);
  const auto viewer = Current();
  if (viewer && !viewer->Show(bytes)) Detach(viewer.get());
}

void Session::HangUp(const std::stop_token& stop) {
  const auto ended = containers_.RunDetached(container_, HangUpCommand(mark_), stop);
  // A container that is gone has taken the shell with it; told to stop, this one goes, too.
  if (ended || ended.error().kind == ErrorKind::kNotFound ||
      ended.error().kind == ErrorKind::kConflict || ended.error().kind == ErrorKind::kCancelled) {
    return;
  }
  spdlog::warn("what was started in a terminal goes on until the last one of its site ends: {}",
               ended.error().message);
}

void Session::Run(const std::stop_token& stop) {
  using ReadResult = provider::http::HijackedConnection::ReadResult;
  std::string bytes;
  while (!stop.stop_requested()) {
    const ReadResult result = connection_->Read(bytes, kReadSlice);
    if (result == ReadResult::kEnd) break;
    if (result == ReadResult::kBytes) Show(bytes);
  }
  const auto code = containers_.ExitCode(exec_id_, stop);
  if (!code || !*code) HangUp(stop);  // it runs, though nobody can type there any more
  {
    const std::lock_guard lock(mutex_);
    if (end_reason_.empty()) end_reason_ = "the shell has ended";
  }
  const std::lock_guard showing(showing_);
  ended_ = true;
  if (const auto viewer = Current()) viewer->End(EndReason(), code ? *code : std::nullopt);
}

}  // namespace orchestrator::terminal
