#pragma once

#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/routing/routes.h"
#include "provider/http/client.h"
#include "provider/pool.h"

namespace orchestrator::routing {

// Asks Traefiks for sites that have routes on both sides: once as a visitor, which the side answers
// that they come from, and once as only we can, which the other side answers (see transit.h).
//
// `client` and `pools` must live longer. Thread-safe.
class SideCheck {
 public:
  SideCheck(provider::http::Client& client, const provider::Pools& pools, RouteOptions options)
      : client_(client), pools_(pools), options_(std::move(options)) {}

  // Those of `records` whose new side does not answer as the old one, with the reason, a sentence.
  // What is broken on the old side cannot be worse on the new one. Sites that cannot be asked for
  // (see IsChecked), and Traefiks that cannot be asked, are passed over. Blocks for as long as the
  // sites take to answer: kMostAtOnce are the most that should be asked for in one go.
  static constexpr std::size_t kMostAtOnce = 128;
  std::map<site::SiteId, std::string> FindWorse(std::span<const store::SiteRecord> records,
                                                const std::stop_token& stop) const;

 private:
  std::string Compare(const store::SiteRecord& record, const std::stop_token& stop) const;

  provider::http::Client& client_;
  const provider::Pools& pools_;
  const RouteOptions options_;
};

// What a visitor of a site is answered.
struct VisitAnswer {
  int status = 0;       // 0: there was no answer
  std::string problem;  // why there was none
  std::chrono::milliseconds time{0};
  bool by_check = false;  // it came by a check router, see transit.h
};

// The configured Traefiks of the site's pool that can be asked for it: by an entry point with TLS
// where the site has that.
std::vector<const provider::ConfiguredInstance*> AskedFor(const site::Site& site,
                                                          const provider::Pools& pools);

// Asks one of these for the first address of the site, without its body. `more`: another header,
// whose name may be empty.
VisitAnswer VisitSite(provider::http::Client& client, const provider::ConfiguredInstance& instance,
                      const site::Site& site, const std::pair<std::string, std::string>& more,
                      const std::stop_token& stop);

// Whether a visitor is served: by the site, not with an error of Traefik.
bool IsGood(const VisitAnswer& answer);

// Whether `after` is worse than `before` for a visitor.
bool IsWorse(const VisitAnswer& before, const VisitAnswer& after);

}  // namespace orchestrator::routing
