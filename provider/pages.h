#pragma once

#include <optional>
#include <string_view>

#include "provider/http/message.h"

namespace provider {

// The page of /pages/down (the site does not answer) or /pages/not-served (it is switched off), for
// the visitors of a site: HTML with status 503. Nothing for other paths.
std::optional<http::ServerResponse> FindPage(std::string_view path);

}  // namespace provider
