#include "orchestrator/api/answer.h"

#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

namespace orchestrator::api {
namespace {

std::string_view Title(int status) {
  switch (status) {
    case 400:
      return "Bad request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition failed";
    case 413:
      return "Body too large";
    case 414:
      return "Address too long";
    case 415:
      return "Unsupported media type";
    case 422:
      return "Invalid input";
    case 424:
      return "Failed dependency";
    case 431:
      return "Headers too large";
    case 503:
      return "Not available";
    case 507:
      return "Not enough storage";
    default:
      return status < 500 ? "Request refused" : "Internal error";
  }
}

int StatusOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalid:
      // Text that is no JSON at all has no field to point at.
      return error.fields.size() == 1 && error.fields.front().pointer.empty() ? 400 : 422;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
    case ErrorKind::kOutOfSequence:
      return 409;
    case ErrorKind::kPrecondition:
      return 412;
    case ErrorKind::kUnavailable:
    case ErrorKind::kCancelled:
      return 503;
    case ErrorKind::kStorage:
    case ErrorKind::kNoSpace:
      return 507;
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace

std::string Dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string Rfc3339(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Response Json(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

Response Problem(int status, std::string_view detail, const std::vector<FieldProblem>& fields) {
  nlohmann::ordered_json body{{"type", "about:blank"},
                              {"title", Title(status)},
                              {"status", status},
                              {"detail", detail},
                              {"errors", nlohmann::ordered_json::array()}};
  for (const FieldProblem& field : fields) {
    body["errors"].push_back({{"pointer", field.pointer}, {"detail", field.detail}});
  }
  Response response = Json(status, Dump(body));
  response.content_type = "application/problem+json";
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response Problem(const Error& error) {
  const int status = StatusOf(error);
  if (status >= 500) spdlog::error("{} {}", error.message, error.detail);
  return Problem(status, error.message, error.fields);
}

Response MethodNotAllowed(std::string_view allowed) {
  Response response = Problem(405, fmt::format("this address knows {}", allowed));
  response.headers.emplace_back("Allow", std::string(allowed));
  return response;
}

Response ErrorPage(int status) {
  switch (status) {
    case 413:
      return Problem(413, "the body is larger than this address accepts");
    case 414:
      return Problem(414, "the address is longer than any that exists here");
    case 500:
      return Problem(500, "something broke here; the log says more");
    default:
      return Problem(status, "the request is not one that this server understands");
  }
}

}  // namespace orchestrator::api
