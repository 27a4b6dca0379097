#pragma once

#include "orchestrator/routing/routes.h"
#include "orchestrator/store/record.h"
#include "traefik/codec/value.h"
#include "traefik/configuration.h"

// Routes of a site while it has them on both sides. The side that it comes from goes on to get the
// visitors, and beside it stand routers that only our own requests reach: they try the new side
// before a visitor depends on it. Pure functions.
namespace orchestrator::routing {

// Which of a site's two sides Traefik prefers: its routers in the document have priorities that are
// by this much higher than those of its labels. Between any two routers of different sites there is
// more room.
int DocumentLead(store::Phase phase);

// The same of labels that only stand by, against those of other times.
inline constexpr int kStandbyLead = -1;

// Changes the priorities of all routers by `lead`, and with that from "the length of the rule" to a
// number; none for 0.
void Lead(traefik::Configuration& routes, int lead);
void Lead(traefik::codec::Value& routes, int lead);

// Adds to every router a twin that takes only requests with the probe's secret header, whatever
// else there is for its rule. The site does not get to see that header.
void AddCheckRouters(traefik::Configuration& routes, const traefik::RevisionProbe& probe);

// Whether the site has such routers on the side that it goes to.
bool IsChecked(const store::SiteRecord& record, const RouteOptions& options);

// The middleware of the check routers, as labels of services.
inline constexpr std::string_view kCheckLabels = "traefik.http.middlewares.orchestrator-check.";

}  // namespace orchestrator::routing
