#include "orchestrator/store/sqlite_record.h"

#include <ranges>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "orchestrator/site/codec.h"

namespace orchestrator::store {
namespace {

// What is damaged is as if there were none: the site's own labels say the same.
std::map<std::string, std::string> ParseLabels(std::string_view text) {
  std::map<std::string, std::string> labels;
  const auto parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return labels;
  for (const auto& [key, value] : parsed.items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

}  // namespace

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto part : std::views::split(text, '\n')) {
    if (!part.empty()) lines.emplace_back(std::string_view(part));
  }
  return lines;
}

std::string LabelsText(const std::map<std::string, std::string>& labels) {
  return labels.empty() ? "" : nlohmann::json(labels).dump();
}

std::string JoinLines(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

RecordRow ReadRow(const SqliteStatement& row, int first) {
  RecordRow read;
  read.id = row.Integer(first);
  read.specification = row.Text(first + 10);
  SiteRecord& record = read.record;
  record.phase = static_cast<Phase>(row.Integer(first + 1));
  record.revision = static_cast<Revision>(row.Integer(first + 2));
  record.routes_revision = static_cast<Revision>(row.Integer(first + 3));
  record.labels_confirmed = static_cast<Revision>(row.Integer(first + 4));
  record.removing = row.Integer(first + 5) != 0;
  record.restarts = static_cast<std::uint64_t>(row.Integer(first + 6));
  record.built_image = row.Text(first + 7);
  record.refused_task = row.Text(first + 8);
  record.adopted_task = row.Text(first + 9);
  record.streams = SplitLines(row.Text(first + 11));
  record.adopted_labels = ParseLabels(row.Text(first + 14));
  record.takes_over = row.Integer(first + 15) != 0;
  record.followed = static_cast<site::RoutingMode>(row.Integer(first + 13));
  if (!row.IsNull(first + 12)) record.task_addresses = SplitLines(row.Text(first + 12));
  return read;
}

Result<SiteRecord> ParseRow(RecordRow row, ParsedSites* parsed) {
  auto site = parsed ? parsed->Parse(row.specification) : site::Parse(row.specification);
  if (!site) {
    return Failure(Error{ErrorKind::kStorage, fmt::format("the stored site {} cannot be read ({})",
                                                          row.id, site.error().message)});
  }
  row.record.site = *std::move(site);
  return std::move(row.record);
}

SiteRecord ReadRecord(const SqliteStatement& row, ParsedSites* parsed) {
  auto record = ParseRow(ReadRow(row, 0), parsed);
  if (!record) throw SqliteError(SQLITE_CORRUPT, record.error().message);
  return *std::move(record);
}

std::optional<SiteRecord> FindRecord(SqliteDatabase& database, site::SiteId id,
                                     ParsedSites& parsed) {
  static const std::string kQuery =
      fmt::format("SELECT {} FROM sites WHERE id = ?", kRecordColumns);
  auto row = database.Prepare(kQuery.c_str());
  row.Bind(id.value);
  if (!row.Step()) return {};
  return ReadRecord(row, &parsed);
}

}  // namespace orchestrator::store
