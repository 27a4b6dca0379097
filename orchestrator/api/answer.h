#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "orchestrator/error.h"
#include "provider/http/message.h"

// Answers in the API's form.
namespace orchestrator::api {

using Request = provider::http::ServerRequest;
using Response = provider::http::ServerResponse;

// One line of JSON. Texts of users, tasks and engines may be in any encoding: what is not UTF-8 is
// replaced.
std::string Dump(const nlohmann::ordered_json& value);

// "2006-01-02T15:04:05Z"
std::string Rfc3339(std::chrono::system_clock::time_point time);

// `body` is JSON text.
Response Json(int status, std::string body);

// RFC 9457: application/problem+json with type, title, status, detail and errors.
Response Problem(int status, std::string_view detail, const std::vector<FieldProblem>& fields = {});
Response Problem(const Error& error);

// 405 with the methods that the path has.
Response MethodNotAllowed(std::string_view allowed);

// What a request refused before it reached a handler is told.
Response ErrorPage(int status);

}  // namespace orchestrator::api
