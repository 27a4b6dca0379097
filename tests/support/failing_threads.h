#pragma once

namespace tests {

// While this is there, its thread can make no other threads: std::thread and std::jthread throw, as
// where the machine's limit is reached. Others are not concerned.
class FailingThreads {
 public:
  FailingThreads();
  ~FailingThreads();
  FailingThreads(const FailingThreads&) = delete;
  FailingThreads& operator=(const FailingThreads&) = delete;
};

}  // namespace tests
