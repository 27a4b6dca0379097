#include "orchestrator/routing/absences.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace orchestrator::routing {
namespace {

constexpr std::string_view kSetting = "instances_gone";  // a JSON list of names

Result<std::vector<std::string>> Read(const Result<std::optional<std::string>>& setting) {
  if (!setting) return Failure(setting.error());
  if (!*setting) return std::vector<std::string>();
  const auto list = nlohmann::json::parse(**setting, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  for (const auto& name : list) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> LoadAbsences(const store::Store& store) {
  return Read(store.Setting(kSetting));
}

Result<void> SetAbsence(store::Store& store, const std::string& instance, bool gone) {
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    auto names = Read(transaction.Setting(kSetting));
    if (!names) return Failure(names.error());
    std::erase(*names, instance);
    if (gone) names->push_back(instance);
    return transaction.SetSetting(kSetting, nlohmann::json(*names).dump());
  });
  if (!written) return Failure(written.error());
  return {};
}

}  // namespace orchestrator::routing
