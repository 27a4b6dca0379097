#include "orchestrator/routing/orders.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "provider/secret.h"

namespace orchestrator::routing {
namespace {

constexpr std::string_view kConfirmedLoss = "confirmed_loss";  // "REVISION VANISHING"
constexpr std::string_view kRolledBackTo = "rolled_back_to";   // a revision, or empty
constexpr std::string_view kBehind = "database_behind";        // a revision, or empty
constexpr std::string_view kDatabaseName = "database_name";
constexpr std::size_t kNameBytes = 16;
constexpr std::string_view kTrueFrom = "document_true_from";  // a revision

Result<std::string> Read(const store::Store& store, std::string_view key) {
  auto setting = store.Setting(key);
  if (!setting) return Failure(setting.error());
  return setting->value_or("");
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

Result<void> CompareWithServed(store::Store& store, std::string_view source,
                               store::Revision served) {
  const auto revision = Read(store, "document_revision");
  const auto name = Read(store, kDatabaseName);
  for (const auto* read : {&revision, &name}) {
    if (!*read) return Failure(read->error());
  }
  if (*name == source && std::strtoull(revision->c_str(), nullptr, 10) >= served) return {};
  const auto written = store.Write([&](store::Transaction& transaction) {
    return transaction.SetSetting(kBehind, std::to_string(served));
  });
  if (!written) return Failure(written.error());
  return {};
}

Result<Orders> ReadOrders(const store::Store& store) {
  const auto loss = Read(store, kConfirmedLoss);
  const auto back = Read(store, kRolledBackTo);
  const auto from = Read(store, kTrueFrom);
  const auto behind = Read(store, kBehind);
  for (const auto* read : {&loss, &back, &from, &behind}) {
    if (!*read) return Failure(read->error());
  }
  Orders orders;
  char* end = nullptr;
  orders.confirmed_at = std::strtoull(loss->c_str(), &end, 10);
  orders.confirmed_vanishing = std::strtoull(end, nullptr, 10);
  if (!back->empty()) orders.rolled_back_to = std::strtoull(back->c_str(), nullptr, 10);
  if (!behind->empty()) orders.behind = std::strtoull(behind->c_str(), nullptr, 10);
  orders.true_from = std::strtoull(from->c_str(), nullptr, 10);
  return orders;
}

Result<store::Revision> ConfirmLoss(store::Store& store, const HeldDocument& held) {
  if (!held.can_be_confirmed) return Failure(Error{ErrorKind::kConflict, held.reason});
  return store.Write([&](store::Transaction& transaction) -> Result<void> {
    if (held.is_older) {
      if (auto skipped = transaction.SkipBeyond(held.published); !skipped) return skipped;
      if (auto set = transaction.SetSetting(kBehind, ""); !set) return set;
      auto set = transaction.SetSetting(kTrueFrom, std::to_string(transaction.revision()));
      if (!set) return set;
    }
    auto set = transaction.SetSetting(kConfirmedLoss,
                                      fmt::format("{} {}", transaction.revision(), held.vanishing));
    if (!set) return set;
    return transaction.MarkDocumentChanged();
  });
}

Result<store::Revision> RollBack(store::Store& store, const store::History& history,
                                 std::optional<store::Revision> to) {
  const auto list = history.List();
  if (!list) return Failure(list.error());
  if (to && std::ranges::find(*list, *to, &store::PublishedRevision::revision) == list->end()) {
    return Failure(
        Error{ErrorKind::kNotFound,
              fmt::format("revision {} was not published, or is not kept any more", *to)});
  }
  return store.Write([&](store::Transaction& transaction) -> Result<void> {
    const std::string wanted = to ? std::to_string(*to) : "";
    const auto current = transaction.Setting(kRolledBackTo);
    if (!current) return Failure(current.error());
    if (current->value_or("") == wanted) {
      return Failure(Error{ErrorKind::kConflict,
                           to ? fmt::format("routing is rolled back to revision {} already", *to)
                              : "routing is not rolled back"});
    }
    if (auto set = transaction.SetSetting(kRolledBackTo, wanted); !set) return set;
    auto set = transaction.SetSetting(kTrueFrom, std::to_string(transaction.revision()));
    if (!set) return set;
    return transaction.MarkDocumentChanged();
  });
}

}  // namespace orchestrator::routing
