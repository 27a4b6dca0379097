#pragma once

#include <utility>

#include <unistd.h>

namespace orchestrator::files {

// Owns an open file descriptor and closes it at the end. Without one it is not valid.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      value_ = std::exchange(other.value_, -1);
    }
    return *this;
  }

  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  // The caller closes it from now on.
  int Release() { return std::exchange(value_, -1); }

 private:
  void Close() {
    if (value_ >= 0) close(value_);
  }

  int value_ = -1;
};

}  // namespace orchestrator::files
