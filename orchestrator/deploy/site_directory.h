#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "orchestrator/error.h"
#include "orchestrator/files/owner.h"
#include "orchestrator/site/site.h"

namespace orchestrator::deploy {

// <root>/<id / 100>/<id % 100>, two digits each at least.
std::filesystem::path SitePath(const std::filesystem::path& root, site::SiteId id);

// Makes the site's directory with public/ and .home/, which belong to `owner` (the process itself
// where there is none). What is there already stays. A link in the place of one of them is an
// error, since it would be mounted from outside of the site. Thread-safe.
Result<void> MakeSiteFolders(const std::filesystem::path& root, site::SiteId id,
                             const std::optional<files::Owner>& owner = {});

// Makes all that the site's mounts need: its folders, and the run file where the site gives its
// text; run files of before stay. For one thread at a time a site, with what the site is now.
Result<void> PrepareSiteDirectory(const std::filesystem::path& root, const site::Site& site,
                                  const std::optional<files::Owner>& owner = {});

// Removes the site's run files but those of these names. To be told all that a deployment names
// which the swarm has or may go back to. Looks at a thousand names at most: what is left is in
// nobody's way.
Result<void> SweepRunFiles(const std::filesystem::path& root, site::SiteId id,
                           const std::set<std::string, std::less<>>& kept);

// Forgets how often the site's server ended badly, so that its next task starts at once.
Result<void> ForgetCrashes(const std::filesystem::path& root, site::SiteId id);

}  // namespace orchestrator::deploy
