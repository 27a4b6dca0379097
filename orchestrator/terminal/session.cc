#include "orchestrator/terminal/session.h"

#include <utility>

namespace orchestrator::terminal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRecentBytes = 64 << 10;
constexpr auto kReadSlice = 1s;
constexpr auto kWriteTimeout = 10s;

}  // namespace

Session::Session(std::string id, docker::ContainerClient& containers,
                 docker::ContainerClient::Exec exec)
    : id_(std::move(id)),
      containers_(containers),
      exec_id_(std::move(exec.id)),
      connection_(std::move(exec.connection)),
      last_activity_(Clock::now()),
      detached_since_(Clock::now()),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Session::~Session() {
  End("the terminal was closed");
  thread_.request_stop();
  thread_.join();
}

void Session::Attach(std::shared_ptr<Viewer> viewer) {
  const std::lock_guard lock(mutex_);
  if (viewer_) viewer_->End("the terminal was opened somewhere else", {});
  viewer_ = std::move(viewer);
  last_activity_ = Clock::now();
  if (!recent_.empty()) viewer_->Show(recent_);
  if (ended_) viewer_->End(end_reason_, {});
}

void Session::Detach(const Viewer* viewer) {
  const std::lock_guard lock(mutex_);
  if (viewer_.get() != viewer) return;
  viewer_.reset();
  detached_since_ = Clock::now();
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

void Session::Touch() {
  const std::lock_guard lock(mutex_);
  last_activity_ = Clock::now();
}

void Session::End(std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    if (end_reason_.empty()) end_reason_ = reason;
  }
  connection_->Abort();
}

Session::Clock::duration Session::Idle() const {
  const std::lock_guard lock(mutex_);
  return Clock::now() - last_activity_;
}

Session::Clock::duration Session::Detached() const {
  const std::lock_guard lock(mutex_);
  return viewer_ ? Clock::duration::zero() : Clock::now() - detached_since_;
}

void Session::Show(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  recent_ += bytes;
  if (recent_.size() > kRecentBytes) recent_.erase(0, recent_.size() - kRecentBytes);
  if (!viewer_ || viewer_->Show(bytes)) return;
  viewer_.reset();
  detached_since_ = Clock::now();
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
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (end_reason_.empty()) end_reason_ = "the shell has ended";
  if (viewer_) viewer_->End(end_reason_, code ? *code : std::nullopt);
}

}  // namespace orchestrator::terminal
