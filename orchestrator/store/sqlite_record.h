#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/store/parsed_sites.h"
#include "orchestrator/store/record.h"
#include "orchestrator/store/sqlite_database.h"

// Records as rows of the table `sites`.
namespace orchestrator::store {

// The columns of a row that ReadRow reads.
inline constexpr std::string_view kRecordColumns =
    "id, phase, sites.revision, routes_revision, labels_confirmed, removing, restarts, "
    "built_image, refused_task, adopted_task, specification, streams, task_addresses, followed, "
    "adopted_labels, takes_over";

// A record whose site is still text.
struct RecordRow {
  SiteRecord record;  // without the site
  std::int64_t id = 0;
  std::string specification;
};

// `first`: the index of the first of kRecordColumns.
RecordRow ReadRow(const SqliteStatement& row, int first);

// Reads the site by `parsed`, or anew where that is null. The error is a sentence that says which
// site it is.
Result<SiteRecord> ParseRow(RecordRow row, ParsedSites* parsed);

// The same of a whole row; throws SqliteError.
SiteRecord ReadRecord(const SqliteStatement& row, ParsedSites* parsed);
std::optional<SiteRecord> FindRecord(SqliteDatabase& database, site::SiteId id,
                                     ParsedSites& parsed);

// A list as one text, and back.
std::string JoinLines(const std::vector<std::string>& lines);
std::vector<std::string> SplitLines(std::string_view text);

// Labels as JSON; an empty text for none.
std::string LabelsText(const std::map<std::string, std::string>& labels);

}  // namespace orchestrator::store
