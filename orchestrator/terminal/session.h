#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "orchestrator/docker/container_client.h"

namespace orchestrator::terminal {

// Who looks at a session. Called by the session's thread, one call at a time.
class Viewer {
 public:
  virtual ~Viewer() = default;

  // Blocks while the viewer is slow; false when it has gone.
  virtual bool Show(std::string_view bytes) = 0;

  // Nothing comes after this: the command ended (with its exit code, if it is known), the session
  // was ended, or somebody else looks at it now.
  virtual void End(std::string_view reason, std::optional<int> exit_code) = 0;
};

// A shell behind a terminal, in a container. It goes on while nobody looks, with the last output
// kept for who comes back. Whatever ends the session, but for the shell itself, ends the shell and
// all that was started in it. `containers` must live longer. Thread-safe.
class Session {
 public:
  using Clock = std::chrono::steady_clock;

  // `mark` is in the environment of the shell (hang_up.h).
  Session(std::string id, docker::ContainerClient& containers, std::string container,
          std::string mark, docker::ContainerClient::Exec exec);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& id() const { return id_; }

  // Shows what was written last, and then what comes. Takes the place of another viewer.
  void Attach(const std::shared_ptr<Viewer>& viewer);
  // The viewer has gone. Without effect when it is another's turn already.
  void Detach(const Viewer* viewer);

  // False when the shell takes nothing any more.
  bool Write(std::string_view bytes);
  void Resize(docker::TerminalSize size);
  // The viewer is still there, though it types nothing.
  void Touch();

  // Ends the shell, whoever looks; does not wait for that.
  void End(std::string_view reason);

  bool ended() const { return ended_; }
  Clock::duration Idle() const;
  // How long nobody has looked; zero while somebody does.
  Clock::duration Detached() const;

 private:
  void Run(const std::stop_token& stop);
  void Show(std::string_view bytes);
  void HangUp(const std::stop_token& stop);
  std::shared_ptr<Viewer> Exchange(std::shared_ptr<Viewer> viewer);
  std::shared_ptr<Viewer> Current() const;
  std::string EndReason() const;

  const std::string id_;
  docker::ContainerClient& containers_;
  const std::string container_;
  const std::string mark_;
  const std::string exec_id_;
  const std::unique_ptr<provider::http::HijackedConnection> connection_;
  std::atomic<bool> ended_ = false;
  std::atomic<Clock::rep> last_activity_;
  std::atomic<Clock::rep> detached_since_;
  std::atomic<bool> attached_ = false;
  // Held while a viewer is called, which may take a while, and before mutex_ where both are.
  std::mutex showing_;
  std::string recent_;  // guarded by showing_
  mutable std::mutex mutex_;
  std::shared_ptr<Viewer> viewer_;  // guarded by mutex_
  std::string end_reason_;          // guarded by mutex_
  std::jthread thread_;
};

}  // namespace orchestrator::terminal
