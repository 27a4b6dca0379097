#pragma once

#include <string>

#include "orchestrator/routing/routes.h"
#include "orchestrator/store/record.h"
#include "traefik/codec/value.h"
#include "traefik/configuration.h"

// Routes of a site while it has them on both sides. The side that it comes from goes on to get the
// visitors, and beside it stand routers that only our own requests reach: they try the new side
// before a visitor depends on it. Pure functions.
namespace orchestrator::routing {

// By how much the priorities of the record's routers are above those that they have when it is
// settled: below them on the side that it goes to, or that only stands by. Between any two routers
// of different sites there is more room.
int DocumentLead(const store::SiteRecord& record);
int LabelLead(const store::SiteRecord& record);

// Changes the priorities of all routers by `lead`, and with that from "the length of the rule" to a
// number; none for 0.
void Lead(traefik::Configuration& routes, int lead);
void Lead(traefik::codec::Value& routes, int lead);

// What the check routers of this record, and of no other revision of it, want to see in the probe's
// header.
std::string CheckSecret(const store::SiteRecord& record, const traefik::RevisionProbe& probe);

// The header of all answers by check routers.
inline constexpr std::string_view kCheckHeader = "X-Orchestrator-Check";

// For every HTTP router of `routes` a twin that takes only requests with CheckSecret in the probe's
// header, whatever else there is for its rule. The site does not get to see that header.
traefik::codec::Value CheckRouters(const store::SiteRecord& record,
                                   const traefik::RevisionProbe& probe,
                                   const traefik::codec::Value& routes);

// Whether the site has such routers on the side that it goes to.
bool IsChecked(const store::SiteRecord& record, const RouteOptions& options);

// The middleware of the check routers, as labels of services.
inline constexpr std::string_view kCheckLabels = "traefik.http.middlewares.orchestrator-check.";

}  // namespace orchestrator::routing
