#pragma once

#include <filesystem>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"

namespace orchestrator::deploy {

// <root>/<id / 100>/<id % 100>, two digits each at least.
std::filesystem::path SitePath(const std::filesystem::path& root, site::SiteId id);

// Makes what the site's mounts need: the directory with public/ and .home/, and the run file where
// the site gives its text. What is there already stays. A link in the place of one of them is an
// error, since it would be mounted from outside of the site.
Result<void> PrepareSiteDirectory(const std::filesystem::path& root, const site::Site& site);

// Forgets how often the site's server ended badly, so that its next task starts at once.
Result<void> ForgetCrashes(const std::filesystem::path& root, site::SiteId id);

}  // namespace orchestrator::deploy
