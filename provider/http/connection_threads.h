#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace provider::http {

// A thread for each open connection, up to a number, made when they are needed. Work waits only
// while all threads are busy, never behind one that merely looked idle: connections are held for
// long, so what waits there would wait for long, too.
//
// Thread-safe.
class ConnectionThreads {
 public:
  // `most_waiting`: work beyond the threads that is kept until one is free.
  ConnectionThreads(std::size_t most, std::size_t most_waiting)
      : most_(most), most_waiting_(most_waiting) {}
  ~ConnectionThreads() { End(); }
  ConnectionThreads(const ConnectionThreads&) = delete;
  ConnectionThreads& operator=(const ConnectionThreads&) = delete;

  // False when too much waits, or no thread can be made, or after End: then it is never run.
  bool Run(std::function<void()> work);

  // How much waits for a thread.
  std::size_t waiting() const;

  // Takes no more, does what waits, and joins all threads. Safe to call twice.
  void End();

 private:
  using Thread = std::list<std::thread>::iterator;

  void Work(Thread self);
  bool StartThread();

  const std::size_t most_;
  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_one_;
  bool ended_ = false;                       // guarded by mutex_, as all below
  std::deque<std::function<void()>> queue_;  // also what an idle thread is about to take
  std::size_t idle_ = 0;
  std::list<std::thread> threads_;
  std::vector<std::thread> finished_;  // to be joined
};

}  // namespace provider::http
