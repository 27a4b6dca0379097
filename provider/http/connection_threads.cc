#include "provider/http/connection_threads.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace provider::http {
namespace {

constexpr std::chrono::seconds kIdleTime{10};  // then a thread ends

}  // namespace

bool ConnectionThreads::Run(std::function<void()> work) {
  std::vector<std::thread> finished;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    finished.swap(finished_);
    if (queue_.size() >= idle_ && !StartThread() &&
        (threads_.empty() || queue_.size() >= idle_ + most_waiting_)) {
      return false;
    }
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  for (std::thread& thread : finished) thread.join();
  return true;
}

std::size_t ConnectionThreads::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size() - std::min(queue_.size(), idle_);
}

void ConnectionThreads::End() {
  std::vector<std::thread> finished;
  {
    std::unique_lock lock(mutex_);
    ended_ = true;
    wake_.notify_all();
    ended_one_.wait(lock, [this] { return threads_.empty(); });
    finished.swap(finished_);
  }
  for (std::thread& thread : finished) thread.join();
}

// With the mutex held. A new thread counts as idle from now on.
bool ConnectionThreads::StartThread() {
  if (threads_.size() >= most_) return false;
  const Thread self = threads_.emplace(threads_.end());
  try {
    *self = std::thread([this, self] { Work(self); });
  } catch (const std::system_error&) {
    threads_.erase(self);
    return false;
  }
  ++idle_;
  return true;
}

void ConnectionThreads::Work(Thread self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool woken =
        wake_.wait_for(lock, kIdleTime, [this] { return ended_ || !queue_.empty(); });
    if (!woken || queue_.empty()) break;
    --idle_;
    {
      const std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
    lock.lock();
    ++idle_;
  }
  --idle_;
  finished_.push_back(std::move(*self));
  threads_.erase(self);
  ended_one_.notify_all();
}

}  // namespace provider::http
