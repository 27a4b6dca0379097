#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/store/history.h"
#include "orchestrator/store/store.h"

// What operators order about publishing. Orders are in the store, so they survive a crash, and the
// publisher acts on them.
namespace orchestrator::routing {

// A document that takes too much away, see provider::FindObjection.
struct HeldDocument {
  store::Revision revision = 0;
  std::string reason;  // a sentence
  bool can_be_confirmed = false;
  bool is_older = false;               // than what is served, see provider::Loss
  std::size_t before = 0;              // sites with routes in the document that is served
  std::size_t vanishing = 0;           // of which this one has none
  std::vector<site::SiteId> examples;  // the first few of these
  store::Revision published = 0;       // the revision that is served
};

struct Orders {
  // A document after `confirmed_at` was ordered may take so many sites away.
  store::Revision confirmed_at = 0;
  std::size_t confirmed_vanishing = 0;

  std::optional<store::Revision> rolled_back_to;

  // The revision that was served before this database took the place of a newer one, or of another;
  // until somebody says that this is meant.
  std::optional<store::Revision> behind;

  // Documents of older revisions do not have the routes that their number promises.
  store::Revision true_from = 0;
};

// A name that every database has from its first start on.
Result<std::string> DatabaseName(store::Store& store);

// Notes when the store is not, or not any more, where it was when this pool's document of it was
// served. Before anything else is written.
Result<void> CompareWithServed(store::Store& store, std::string_view pool, std::string_view source,
                               store::Revision served);

// Each pool has orders of its own.
Result<Orders> ReadOrders(const store::Store& store, std::string_view pool);

// Lets a held document be published. kConflict when it is not to be confirmed.
Result<store::Revision> ConfirmLoss(store::Store& store, std::string_view pool,
                                    const HeldDocument& held);

// Gives the sites that had routes in revision `to` those routes again. kNotFound for a revision
// that is not kept, kConflict when nothing would change or it has the routes of an earlier one
// itself.
Result<store::Revision> RollBack(store::Store& store, std::string_view pool,
                                 store::History& history, store::Revision to);

// Gives all sites their present routes again. `history` may be null.
Result<store::Revision> RollForth(store::Store& store, std::string_view pool,
                                  store::History* history);

}  // namespace orchestrator::routing
