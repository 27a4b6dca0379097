#include "orchestrator/routing/orders.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "provider/base/secret.h"

namespace orchestrator::routing {
namespace {

constexpr std::string_view kDatabaseName = "database_name";
constexpr std::size_t kNameBytes = 16;

// The setting with a pool's orders: JSON, see ToText.
std::string KeyOf(std::string_view pool) {
  return pool == site::kDefaultPool ? "publish_orders" : fmt::format("publish_orders/{}", pool);
}

std::string ToText(const Orders& orders) {
  nlohmann::json out{{"confirmed_at", orders.confirmed_at},
                     {"confirmed_vanishing", orders.confirmed_vanishing},
                     {"true_from", orders.true_from}};
  if (orders.rolled_back_to) out["rolled_back_to"] = *orders.rolled_back_to;
  if (orders.behind) out["behind"] = *orders.behind;
  return out.dump();
}

Result<Orders> FromText(const Result<std::optional<std::string>>& setting) {
  if (!setting) return Failure(setting.error());
  Orders orders;
  if (!*setting) return orders;
  try {
    const auto in = nlohmann::json::parse(**setting);
    in.at("confirmed_at").get_to(orders.confirmed_at);
    in.at("confirmed_vanishing").get_to(orders.confirmed_vanishing);
    in.at("true_from").get_to(orders.true_from);
    if (in.contains("rolled_back_to")) {
      orders.rolled_back_to = in.at("rolled_back_to").get<store::Revision>();
    }
    if (in.contains("behind")) orders.behind = in.at("behind").get<store::Revision>();
  } catch (const nlohmann::json::exception& error) {
    return Failure(Error{ErrorKind::kStorage, "the stored orders about publishing cannot be read",
                         error.what()});
  }
  return orders;
}

// Changes the orders in one transaction; `change` may refuse.
Result<store::Revision> ChangeOrders(
    store::Store& store, std::string_view pool,
    const std::function<Result<void>(store::Transaction& transaction, Orders& orders)>& change) {
  return store.Write([&](store::Transaction& transaction) -> Result<void> {
    auto orders = FromText(transaction.Setting(KeyOf(pool)));
    if (!orders) return Failure(orders.error());
    if (auto changed = change(transaction, *orders); !changed) return changed;
    return transaction.SetSetting(KeyOf(pool), ToText(*orders));
  });
}

}  // namespace

Result<std::string> DatabaseName(store::Store& store) {
  std::string name;
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    const auto current = transaction.Setting(kDatabaseName);
    if (!current) return Failure(current.error());
    name = current->value_or(provider::RandomHex(kNameBytes));
    return transaction.SetSetting(kDatabaseName, name);
  });
  if (!written) return Failure(written.error());
  return name;
}

Result<void> CompareWithServed(store::Store& store, std::string_view pool, std::string_view source,
                               store::Revision served) {
  const auto name = store.Setting(kDatabaseName);
  if (!name) return Failure(name.error());
  const auto revision = store.DocumentRevision(pool);
  if (!revision) return Failure(revision.error());
  if (name->value_or("") == source && *revision >= served) return {};
  const auto written = ChangeOrders(store, pool, [&](store::Transaction&, Orders& orders) {
    orders.behind = served;
    return Result<void>();
  });
  if (!written) return Failure(written.error());
  return {};
}

Result<Orders> ReadOrders(const store::Store& store, std::string_view pool) {
  return FromText(store.Setting(KeyOf(pool)));
}

Result<store::Revision> ConfirmLoss(store::Store& store, std::string_view pool,
                                    const HeldDocument& held) {
  if (!held.can_be_confirmed) return Failure(Error{ErrorKind::kConflict, held.reason});
  return ChangeOrders(store, pool,
                      [&](store::Transaction& transaction, Orders& orders) -> Result<void> {
                        if (held.is_older) {
                          if (auto skipped = transaction.SkipBeyond(held.published); !skipped)
                            return skipped;
                          orders.behind.reset();
                          orders.rolled_back_to.reset();  // to a revision of another history
                          orders.true_from = transaction.revision();
                        }
                        orders.confirmed_at = transaction.revision();
                        orders.confirmed_vanishing = held.vanishing;
                        return transaction.MarkDocumentChanged(pool);
                      });
}

namespace {

Result<store::Revision> SetRollback(store::Store& store, std::string_view pool,
                                    std::optional<store::Revision> to) {
  return ChangeOrders(
      store, pool, [&](store::Transaction& transaction, Orders& orders) -> Result<void> {
        if (orders.rolled_back_to == to) {
          return Failure(
              Error{ErrorKind::kConflict,
                    to ? fmt::format("routing is rolled back to revision {} already", *to)
                       : "routing is not rolled back"});
        }
        orders.rolled_back_to = to;
        orders.true_from = transaction.revision();
        return transaction.MarkDocumentChanged(pool);
      });
}

}  // namespace

Result<store::Revision> RollBack(store::Store& store, std::string_view pool,
                                 store::History& history, store::Revision to) {
  const auto list = history.List();
  if (!list) return Failure(list.error());
  const auto found = std::ranges::find(*list, to, &store::PublishedRevision::revision);
  if (found != list->end() && found->rolled_back_to) {
    return Failure(Error{ErrorKind::kConflict,
                         fmt::format("revision {} has the routes of revision {} itself: roll back "
                                     "to that",
                                     to, *found->rolled_back_to)});
  }
  const auto orders = ReadOrders(store, pool);
  if (!orders) return Failure(orders.error());
  // Before the order, so that it cannot be forgotten in between.
  if (auto pinned = history.Pin(to); !pinned) return Failure(pinned.error());
  auto ordered = SetRollback(store, pool, to);
  if (!ordered && orders->rolled_back_to != to) {
    if (auto pinned = history.Pin(orders->rolled_back_to); !pinned) return Failure(pinned.error());
  }
  return ordered;
}

Result<store::Revision> RollForth(store::Store& store, std::string_view pool,
                                  store::History* history) {
  auto ordered = SetRollback(store, pool, {});
  if (!ordered || !history) return ordered;
  // What stays pinned without need is only kept for longer.
  if (auto pinned = history->Pin({}); !pinned) spdlog::warn("{}", pinned.error().message);
  return ordered;
}

}  // namespace orchestrator::routing
