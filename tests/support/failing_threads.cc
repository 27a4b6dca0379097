#include "tests/support/failing_threads.h"

#include <cerrno>

#include <dlfcn.h>
#include <pthread.h>

namespace {

thread_local bool failing = false;

}  // namespace

// Comes before the C library's own, which the C++ library calls by this name.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) {
  if (failing) return EAGAIN;
  static const auto real =
      reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, run, argument);
}

namespace tests {

FailingThreads::FailingThreads() { failing = true; }
FailingThreads::~FailingThreads() { failing = false; }

}  // namespace tests
