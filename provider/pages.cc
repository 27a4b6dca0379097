#include "provider/pages.h"

#include <fmt/format.h>

namespace provider {
namespace {

constexpr std::string_view kLayout = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 34rem; padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; }}
</style>
</head>
<body>
<h1>{0}</h1>
<p>{1}</p>
</body>
</html>
)html";

http::ServerResponse Page(std::string_view title, std::string_view text, const char* retry_after) {
  http::ServerResponse response;
  response.status = 503;
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Cache-Control", "no-store"},
                      {"Connection", "close"},
                      {"Retry-After", retry_after},
                      {"X-Robots-Tag", "noindex"}};
  response.body = fmt::format(fmt::runtime(kLayout), title, text);
  return response;
}

}  // namespace

std::optional<http::ServerResponse> FindPage(std::string_view path) {
  if (path == "/pages/down") {
    return Page("This site does not answer",
                "It may be starting, or its program may have stopped. Try again in a minute; if it "
                "is your site, look at its log.",
                "30");
  }
  if (path == "/pages/not-served") {
    return Page("This site is switched off", "Its owner has taken it offline.", "3600");
  }
  return {};
}

}  // namespace provider
