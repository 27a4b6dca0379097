#include "provider/base/spread.h"

#include <atomic>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

namespace provider {

void Spread(std::size_t count, const std::function<void(std::size_t)>& work) {
  constexpr std::size_t kMany = 64;
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::future<void>> others;
  for (unsigned i = 1; count >= kMany && i < std::thread::hardware_concurrency(); ++i) {
    try {
      others.push_back(std::async(std::launch::async, run));
    } catch (const std::system_error&) {
      break;  // no thread is to be had: those that there are do it
    }
  }
  run();
  for (std::future<void>& other : others) other.get();
}

}  // namespace provider
