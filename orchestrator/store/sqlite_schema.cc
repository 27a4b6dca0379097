#include "orchestrator/store/sqlite_schema.h"

#include <array>

#include <fmt/format.h>
#include <sqlite3.h>

namespace orchestrator::store {
namespace {

// Step i brings the schema from version i to i + 1. Never change one that was released: add the
// next.
constexpr std::array kSteps = {
    R"sql(
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sites (
  id               INTEGER PRIMARY KEY,
  kind             INTEGER NOT NULL,
  phase            INTEGER NOT NULL,
  revision         INTEGER NOT NULL,
  routes_revision  INTEGER NOT NULL,
  labels_confirmed INTEGER NOT NULL,
  removing         INTEGER NOT NULL,
  specification    TEXT NOT NULL
) STRICT;

-- One site a host and path prefix ('' for the whole host).
CREATE TABLE hosts (
  host        TEXT NOT NULL,
  path_prefix TEXT NOT NULL,
  site        INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
  PRIMARY KEY (host, path_prefix)
) STRICT, WITHOUT ROWID;
CREATE INDEX hosts_by_site ON hosts (site);

-- The last change of every id that ever was; readers ask for what came after their revision.
CREATE TABLE changes (
  site     INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_revision ON changes (revision);
)sql",
    R"sql(
ALTER TABLE sites ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN built_image TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN refused_task TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN adopted_task TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
ALTER TABLE sites ADD COLUMN streams TEXT NOT NULL DEFAULT '';
-- The entry points that one site has for itself, as it says in sites.streams.
CREATE TABLE streams (
  stream TEXT PRIMARY KEY,
  site   INTEGER NOT NULL REFERENCES sites (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX streams_by_site ON streams (site);
)sql",
    // Pools were not known before this step.
    R"sql(
ALTER TABLE sites ADD COLUMN pool TEXT NOT NULL DEFAULT 'default';
)sql",
    R"sql(
-- Lines; NULL: not known.
ALTER TABLE sites ADD COLUMN task_addresses TEXT;
)sql",
    // Before, all sites without a mode of their own followed the system's default at once, and
    // orders to change it were a list in a setting. They are ended: what was under way goes on by
    // the phases of the sites. 1 is labels, 2 the provider, as in site::RoutingMode. External sites
    // (kind 2) were always in the document.
    R"sql(
ALTER TABLE sites ADD COLUMN adopted_labels TEXT NOT NULL DEFAULT '';  -- JSON
ALTER TABLE sites ADD COLUMN followed INTEGER NOT NULL DEFAULT 2;
UPDATE sites SET followed = 1
  WHERE kind <> 2
    AND EXISTS (SELECT 1 FROM settings WHERE key = 'default_mode' AND value = 'labels');

CREATE TABLE migrations (
  id             INTEGER PRIMARY KEY,
  target         INTEGER NOT NULL,
  state          INTEGER NOT NULL,
  reason         TEXT NOT NULL,
  resumes_itself INTEGER NOT NULL,
  pool           TEXT NOT NULL,
  chosen         INTEGER NOT NULL,
  there          INTEGER NOT NULL,
  default_before INTEGER NOT NULL,
  batch          INTEGER NOT NULL,
  canary         INTEGER NOT NULL,
  pause          INTEGER NOT NULL,
  accept         TEXT NOT NULL,  -- lines
  created        INTEGER NOT NULL,
  ended          INTEGER NOT NULL
) STRICT;
INSERT INTO migrations
  SELECT json_extract(value, '$.id'), iif(json_extract(value, '$.to') = 'labels', 1, 2), 4, '', 0,
         '', 0, 0, -1, 100, 5, 0, '',
         json_extract(value, '$.created'), json_extract(value, '$.created')
  FROM json_each((SELECT iif(json_valid(value), value, '[]') FROM settings
                  WHERE key = 'migrations'))
  WHERE type = 'object' AND json_type(value, '$.id') = 'integer'
    AND json_type(value, '$.created') = 'integer';
DELETE FROM settings WHERE key = 'migrations';

CREATE TABLE migration_steps (
  migration       INTEGER NOT NULL REFERENCES migrations (id) ON DELETE CASCADE,
  site            INTEGER NOT NULL,
  batch           INTEGER NOT NULL,
  state           INTEGER NOT NULL,
  mode_before     INTEGER NOT NULL,
  followed_before INTEGER NOT NULL,
  before          TEXT NOT NULL,
  note            TEXT NOT NULL,
  PRIMARY KEY (migration, site)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE sites ADD COLUMN takes_over INTEGER NOT NULL DEFAULT 0;
UPDATE sites SET takes_over = 1 WHERE adopted_task <> '';
)sql",
};

}  // namespace

void MigrateSchema(SqliteDatabase& database) {
  std::int64_t version = 0;
  {
    auto statement = database.Prepare("PRAGMA user_version");
    if (statement.Step()) version = statement.Integer(0);
  }
  if (version > static_cast<std::int64_t>(kSteps.size())) {
    throw SqliteError(SQLITE_MISMATCH,
                      fmt::format("its schema has version {}, this program knows up to {}: it was "
                                  "written by a newer orchestrator",
                                  version, kSteps.size()));
  }
  for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
    database.Execute(fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version = {}; COMMIT",
                                 kSteps[step], step + 1));
  }
}

}  // namespace orchestrator::store
