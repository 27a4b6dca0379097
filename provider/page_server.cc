#include "provider/page_server.h"

#include <optional>

#include "provider/pages.h"

namespace provider {
namespace {

http::ServerResponse NoPage(int status) {
  http::ServerResponse response;
  response.status = status;
  response.content_type = "text/plain";
  response.body = "there is no such page\n";
  return response;
}

http::ServerResponse PageAt(const http::ServerRequest& request) {
  return FindPage(request.path).value_or(NoPage(404));
}

}  // namespace

// Before any body is read, so that whatever visitors send gets the page.
PageServer::PageServer()
    : server_(
          PageAt, NoPage, {.body_bytes = 0, .answer_time = std::chrono::seconds(60)},
          {.admit =
               [](const http::ServerRequest& request) { return std::optional(PageAt(request)); },
           .streams_body = {},
           .serve_socket = {}}) {}

}  // namespace provider
