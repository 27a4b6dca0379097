#include "provider/publish_gate.h"

#include <algorithm>

#include <fmt/format.h>

namespace provider {

std::optional<Objection> FindObjection(const Loss& loss, const GateLimits& limits) {
  if (loss.is_older && loss.is_of_nothing && loss.before > 0) {
    return Objection{fmt::format("the database is empty, and {} sites are served: it was lost or "
                                 "replaced; restore it from a backup",
                                 loss.before),
                     false};
  }
  if (loss.is_older) {
    return Objection{fmt::format("the database is older than what is served: of {} sites {} would "
                                 "vanish",
                                 loss.before, loss.vanishing),
                     true};
  }
  const auto share = static_cast<std::size_t>(limits.share * static_cast<double>(loss.before));
  if (loss.vanishing <= std::max(share, limits.least)) return {};
  return Objection{fmt::format("of {} sites {} would vanish at once", loss.before, loss.vanishing),
                   true};
}

}  // namespace provider
