#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "orchestrator/files/relative_path.h"
#include "orchestrator/site/site.h"

namespace orchestrator::api {

// Every byte that is not plain in a path or a query's value as %NN.
std::string UrlText(std::string_view bytes);

// The address of a path in a site's directory: so it says which bytes a name has, UTF-8 or not.
std::string FileHref(site::SiteId id, std::string_view path);

// The path of such an address, below the site's directory. The error is a sentence for people.
std::expected<files::RelativePath, std::string> ParseFileHref(site::SiteId id,
                                                              std::string_view href);

}  // namespace orchestrator::api
