#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"

// Sites as JSON text, the one place where their form outside is known. Errors name every wrong
// field with its JSON pointer, not only the first one.
namespace orchestrator::site {

// A site with its id, or with id 0 where the text has none and `id` is not given. An id in the text
// must be the same as a given one. Fields that are left out get their defaults.
Result<Site> Parse(std::string_view json, std::optional<SiteId> id = {});

// `site` changed by an RFC 7396 merge patch.
Result<Site> Patch(const Site& site, std::string_view merge_patch);

struct Batch {
  std::vector<Site> upsert;
  std::vector<SiteId> remove;
};

// {"upsert": [site, …], "delete": [id, …]}: every site with an id of its own, named once only.
Result<Batch> ParseBatch(std::string_view json);

// One line, all fields, in the documented order; sizes in bytes. Parse gives the same site back.
std::string ToJson(const Site& site);

}  // namespace orchestrator::site
