#pragma once

#include <string>
#include <string_view>

#include "orchestrator/site/site.h"

namespace orchestrator::api {

// The address of a path in a site's directory, with every byte that is not plain as %NN: so it says
// which bytes a name has, UTF-8 or not.
std::string FileHref(site::SiteId id, std::string_view path);

}  // namespace orchestrator::api
