#include "orchestrator/routing/side_check.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "orchestrator/routing/transit.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kVisitTimeout = 3s;
constexpr std::size_t kThreads = 32;
// What a site with a limit answers to us says nothing of its visitors.
constexpr int kTooMany = 429;

bool IsSuccess(const VisitAnswer& answer) { return answer.status >= 200 && answer.status < 300; }
bool IsRedirect(const VisitAnswer& answer) { return answer.status >= 300 && answer.status < 400; }

std::string Text(const VisitAnswer& answer) {
  return answer.status == 0 ? answer.problem : fmt::format("status {}", answer.status);
}

const std::string& EntryPointFor(const site::Site& site,
                                 const provider::ConfiguredInstance& instance) {
  return site.routing.tls ? instance.tls_entry_point : instance.entry_point;
}

// A host that the pattern of the address takes.
std::string HostOf(const site::Address& address) {
  std::string host = address.host.text();
  if (host.starts_with("*.")) host.replace(0, 1, "orchestrator-check");
  return host;
}

}  // namespace

std::vector<const provider::ConfiguredInstance*> AskedFor(const site::Site& site,
                                                          const provider::Pools& pools) {
  std::vector<const provider::ConfiguredInstance*> asked;
  const provider::Pool* const pool = pools.Find(site.routing.pool);
  if (!pool || site.hosts.empty()) return asked;
  for (const provider::ConfiguredInstance& instance : pool->instances.configured()) {
    if (EntryPointFor(site, instance).empty() || pool->instances.IsGone(instance.name)) continue;
    asked.push_back(&instance);
  }
  return asked;
}

VisitAnswer VisitSite(provider::http::Client& client, const provider::ConfiguredInstance& instance,
                      const site::Site& site, const std::pair<std::string, std::string>& more,
                      const std::stop_token& stop) {
  const site::Address& address = site.hosts.front();
  const traefik::PathPrefix* const path = site::EffectivePath(site, address);
  provider::http::ClientRequest request;
  request.method = "HEAD";
  const std::string path_text = path ? path->text() : "/";
  const std::string host = HostOf(address);
  request.headers = {{"User-Agent", "orchestrator-check"}};
  if (site.routing.tls) {
    // Traefik goes by the name in the handshake, too.
    request.url = "https://" + host + path_text;
    request.place = instance.tls_entry_point;
  } else {
    request.url = instance.entry_point + path_text;  // one connection serves for all hosts
    request.headers.emplace_back("Host", host);
  }
  if (!more.first.empty()) request.headers.push_back(more);
  request.timeout = kVisitTimeout;
  const auto begin = Clock::now();
  const auto response = client.Send(request, stop);
  VisitAnswer answer;
  answer.time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  if (response) {
    answer.status = response->status;
    answer.by_check = !provider::http::FindHeader(response->headers, kCheckHeader).empty();
  } else {
    answer.problem = "no answer: " + response.error().message;
  }
  return answer;
}

bool IsGood(const VisitAnswer& answer) {
  return answer.status != 0 && answer.status != 404 && answer.status != kTooMany &&
         answer.status < 500;
}

bool IsWorse(const VisitAnswer& before, const VisitAnswer& after) {
  return IsGood(before) && after.status != before.status && after.status != kTooMany;
}

std::string SideCheck::Compare(const store::SiteRecord& record, const std::stop_token& stop) const {
  for (const provider::ConfiguredInstance* const instance : AskedFor(record.site, pools_)) {
    const VisitAnswer before = VisitSite(client_, *instance, record.site, {}, stop);
    if (!IsGood(before)) continue;
    const VisitAnswer after =
        VisitSite(client_, *instance, record.site,
                  {options_.probe.secret_header, CheckSecret(record, options_.probe)}, stop);
    const bool to_document = record.phase == store::Phase::kToProvider;
    // Others than a site's own routers may refuse a visitor, but not serve one: what is in front of
    // all of an entry point does not tell by which router it would have gone on.
    if (IsSuccess(after) && !after.by_check) {
      return fmt::format("{} does not route it by the {} yet", instance->name,
                         to_document ? "document" : "labels");
    }
    if (!IsWorse(before, after)) continue;
    // Another provider's router may be in front of the site, as one that redirects to HTTPS.
    if (IsRedirect(before) && IsGood(after)) continue;
    return fmt::format("{} answers with {} by the {}, but with {} by the {}", instance->name,
                       Text(after), to_document ? "document" : "labels", Text(before),
                       to_document ? "labels" : "document");
  }
  return {};
}

std::map<site::SiteId, std::string> SideCheck::FindWorse(std::span<const store::SiteRecord> records,
                                                         const std::stop_token& stop) const {
  std::vector<const store::SiteRecord*> asked;
  for (const store::SiteRecord& record : records) {
    if (IsChecked(record, options_)) asked.push_back(&record);
  }
  std::map<site::SiteId, std::string> worse;
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(kThreads, asked.size()); ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < asked.size() && !stop.stop_requested(); at = next++) {
          std::string why = Compare(*asked[at], stop);
          if (why.empty()) continue;
          const std::lock_guard lock(mutex);
          worse[asked[at]->site.id] = std::move(why);
        }
      });
    }
  }
  return worse;
}

}  // namespace orchestrator::routing
