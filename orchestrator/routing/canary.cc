#include "orchestrator/routing/canary.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/transit.h"
#include "provider/base/pause.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int kTries = 3;
constexpr auto kPeriod = 200ms;
constexpr int kWorseInARow = 2;  // once may be chance
// Answers may become this much slower: the first ones need new connections.
constexpr int kSlower = 3;
constexpr auto kSlowerBy = 300ms;

std::chrono::milliseconds Median(std::vector<std::chrono::milliseconds> times) {
  if (times.empty()) return 0ms;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
}

// One site on one Traefik while it is watched.
struct Watched {
  const store::SiteRecord* record;
  const provider::ConfiguredInstance* instance;
  VisitAnswer before;
  int worse_in_a_row = 0;
  std::vector<std::chrono::milliseconds> times = {};

  std::string place() const {
    return fmt::format("site {} at {}", record->site.id.value, instance->name);
  }
};

}  // namespace

std::string Canary::Measure(const store::SiteRecord& record, const std::stop_token& stop) const {
  if (!IsChecked(record, options_)) return {};
  json answers = json::object();
  for (const provider::ConfiguredInstance* const instance : AskedFor(record.site, pools_)) {
    VisitAnswer last;
    std::vector<std::chrono::milliseconds> times;
    for (int i = 0; i < kTries; ++i) {
      last = VisitSite(client_, *instance, record.site, {}, stop);
      times.push_back(last.time);
      if (last.status == 0) break;
    }
    answers[instance->name] = {{"status", last.status}, {"ms", Median(times).count()}};
  }
  if (answers.empty()) return {};
  return json{{"revision", record.revision}, {"answers", std::move(answers)}}.dump();
}

std::string Canary::Watch(
    const std::vector<std::pair<store::SiteRecord, std::string>>& sites_with_before,
    std::chrono::milliseconds time, const std::stop_token& stop) const {
  std::vector<Watched> watched;
  for (const auto& [record, before] : sites_with_before) {
    const json measured = json::parse(before, nullptr, /*allow_exceptions=*/false);
    // What its owner has changed since may answer otherwise.
    if (!measured.is_object() || measured.value("revision", 0ULL) != record.revision) continue;
    const json& answers = measured.at("answers");
    for (const provider::ConfiguredInstance* const instance : AskedFor(record.site, pools_)) {
      const auto found = answers.find(instance->name);
      if (found == answers.end()) continue;
      VisitAnswer answer;
      answer.status = found->value("status", 0);
      answer.time = std::chrono::milliseconds(found->value("ms", 0));
      watched.push_back({.record = &record, .instance = instance, .before = answer});
    }
  }
  const auto end = Clock::now() + time;
  while (!watched.empty() && Clock::now() < end && !stop.stop_requested()) {
    for (Watched& one : watched) {
      const VisitAnswer after = VisitSite(client_, *one.instance, one.record->site, {}, stop);
      one.times.push_back(after.time);
      one.worse_in_a_row = IsWorse(one.before, after) ? one.worse_in_a_row + 1 : 0;
      if (one.worse_in_a_row < kWorseInARow || stop.stop_requested()) continue;
      return fmt::format(
          "{} answered with status {} before, now {}", one.place(), one.before.status,
          after.status == 0 ? "there is " + after.problem : fmt::format("with {}", after.status));
    }
    provider::Pause(stop, kPeriod);
  }
  for (const Watched& one : watched) {
    const auto now = Median(one.times);
    if (one.before.status == 0 || now <= kSlower * one.before.time + kSlowerBy) continue;
    return fmt::format("{} answers in {} ms, before in {} ms", one.place(), now.count(),
                       one.before.time.count());
  }
  return {};
}

}  // namespace orchestrator::routing
