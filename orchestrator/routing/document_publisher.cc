#include "orchestrator/routing/document_publisher.h"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

#include "orchestrator/fault/crash_point.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kIdleCheck = 10s;
constexpr auto kRetry = 500ms;
constexpr std::uint64_t kSharedKey = 0;  // no site has it

}  // namespace

DocumentPublisher::DocumentPublisher(const store::Store& store, provider::Publisher& publisher,
                                     provider::Assembly assembly, RouteOptions options)
    : store_(store),
      publisher_(publisher),
      assembly_(std::move(assembly)),
      options_(std::move(options)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

DocumentPublisher::~DocumentPublisher() {
  thread_.request_stop();
  thread_.join();
}

void DocumentPublisher::Run(const std::stop_token& stop) {
  store::Revision seen = 0;
  store::Revision document = 0;
  assembly_.Set(kSharedKey, SharedFragment(options_));
  while (!stop.stop_requested()) {
    const auto changes = store_.ChangesAfter(seen);
    if (!changes) {
      spdlog::error("the document stays as it is: {}", changes.error().message);
      // No commit wakes this wait but a new one, which is worth another try anyway.
      store_.commits().WaitAfter(store_.commits().last(), Clock::now() + kRetry, stop);
      continue;
    }
    Apply(*changes);
    seen = changes->revision;
    if (changes->document_revision != document) {
      document = changes->document_revision;
      publisher_.Publish(assembly_.Build(document));
      ++published_;
      fault::MaybeCrash(fault::CrashPoint::kDocumentPublished);
    }
    store_.document_commits().WaitAfter(seen, Clock::now() + kIdleCheck, stop);
  }
}

void DocumentPublisher::Apply(const store::Changes& changes) {
  for (const store::Change& change : changes.sites) {
    const auto key = static_cast<std::uint64_t>(change.id.value);
    if (!change.record) {
      assembly_.Remove(key);
      continue;
    }
    auto fragment = DocumentFragment(*change.record, options_);
    if (!fragment) {
      spdlog::error("site {} has no routes: {}", change.id.value, fragment.error().message);
    }
    assembly_.Set(key, std::move(fragment).value_or(traefik::Fragment()));
  }
}

}  // namespace orchestrator::routing
