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
constexpr std::chrono::milliseconds kShortestPause{3};
constexpr std::chrono::milliseconds kLongestPause{250};
constexpr auto kRestingPause = 1000ms;

// While a revision is on its way, the pauses grow with the time that it takes, so that an answer is
// never late by more than a part of it.
constexpr int kPausePart = 8;

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
  std::uint64_t last_wanted = 0;
  std::uint64_t last_serving = 0;
  auto begin = Publisher::Clock::now();  // of the way of what is wanted
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

    const auto now = Publisher::Clock::now();
    // A revision that arrived while another is wanted was the way of the one before.
    if (wanted != last_wanted || serving != last_serving) begin = now;
    last_wanted = wanted;
    last_serving = serving;
    const bool settled = wanted != 0 && serving == wanted;
    const auto on_its_way = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin);
    const auto pause = std::clamp(on_its_way / kPausePart, kShortestPause, kLongestPause);
    // Waiting on the publisher ends early when something new is published.
    publisher_.WaitForOther(snapshot ? snapshot->id() : 0, now + (settled ? kRestingPause : pause),
                            [&] { return stop.stop_requested(); });
  }
}

}  // namespace provider
