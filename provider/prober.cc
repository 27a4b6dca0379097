#include "provider/prober.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace provider {
namespace {

using namespace std::chrono_literals;

constexpr auto kAskTimeout = 1000ms;
constexpr auto kFirstPause = 3ms;
constexpr auto kLongestPause = 250ms;
constexpr auto kRestingPause = 1000ms;

std::uint64_t ParseRevision(const std::string& text) {
  std::uint64_t revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

}  // namespace

Prober::Prober(http::Client& client, Instances& instances, const Publisher& publisher,
               traefik::RevisionProbe probe)
    : client_(client), instances_(instances), publisher_(publisher), probe_(std::move(probe)) {
  for (const ConfiguredInstance& instance : instances_.configured()) {
    if (instance.entry_point.empty()) continue;
    threads_.emplace_back(
        [this, &instance](const std::stop_token& stop) { Watch(instance, stop); });
  }
}

Prober::~Prober() = default;

std::expected<std::string, std::string> Prober::Ask(
    http::Client& client, const ConfiguredInstance& instance, const traefik::RevisionProbe& probe,
    const std::string& path, const std::string& answer_header, const std::stop_token& stop) {
  http::ClientRequest request;
  request.url = instance.entry_point + path;
  request.headers = {{"Host", probe.host}, {probe.secret_header, probe.secret}};
  request.timeout = kAskTimeout;
  const auto response = client.Send(request, stop);
  if (!response) {
    return std::unexpected(
        fmt::format("{} does not answer: {}", instance.entry_point, response.error().message));
  }
  return std::string(http::FindHeader(response->headers, answer_header));
}

void Prober::Watch(const ConfiguredInstance& instance, const std::stop_token& stop) {
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstPause);
  while (!stop.stop_requested()) {
    const auto snapshot = publisher_.Current();
    const std::uint64_t wanted = snapshot ? snapshot->revision() : 0;
    const auto answer = Ask(client_, instance, probe_, "/", probe_.revision_header, stop);
    const std::uint64_t serving = answer ? ParseRevision(*answer) : 0;
    if (!answer) {
      instances_.RecordProbeFailure(instance.name, answer.error());
    } else if (serving == 0) {
      instances_.RecordProbeFailure(
          instance.name, instance.entry_point + " answers, but not yet with our document");
    } else {
      instances_.RecordProbe(instance.name, serving);
    }

    const bool settled = wanted != 0 && serving == wanted;
    pause = settled ? kFirstPause
                    : std::min(pause * 3 / 2 + 1ms, std::chrono::milliseconds(kLongestPause));
    const auto now = Publisher::Clock::now();
    // Waiting on the publisher ends early when something new is published.
    publisher_.WaitForOther(wanted, now + (settled ? kRestingPause : pause),
                            [&] { return stop.stop_requested(); });
  }
}

}  // namespace provider
