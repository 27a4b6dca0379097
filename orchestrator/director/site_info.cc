#include "orchestrator/director/site_info.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <expected>
#include <memory>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/json/reader.h"
#include "orchestrator/site/codec.h"
#include "orchestrator/site/units.h"

namespace orchestrator::director {
namespace {

using nlohmann::json;
using Location = std::vector<std::string>;

constexpr std::string_view kRunFolder = "/site/";

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Takes members out of an object as pydantic does in its lax mode, and collects what is wrong.
class Members {
 public:
  Members(const json& value, Location location, std::vector<InputProblem>& problems)
      : value_(value), location_(std::move(location)), problems_(problems) {
    if (!value.is_object()) {
      problems.push_back({"model_attributes_type", location_,
                          "Input should be a valid dictionary or object to extract fields from",
                          Dump(value)});
    }
  }

  // A missing member is a problem when it is needed; null is one of the wrong type.
  const json* Find(const std::string& key, bool needed = true) {
    const auto found = value_.is_object() ? value_.find(key) : value_.end();
    if (value_.is_object() && found != value_.end()) return &*found;
    if (needed && value_.is_object()) Fail(key, "missing", "Field required", value_);
    return nullptr;
  }

  void Fail(const std::string& key, std::string type, std::string message, const json& input) {
    problems_.push_back({std::move(type), At(key), std::move(message), Dump(input)});
  }

  Location At(const std::string& key) const {
    Location location = location_;
    location.push_back(key);
    return location;
  }

  std::optional<std::int64_t> Integer(const std::string& key, bool needed = true) {
    const json* value = Find(key, needed);
    if (!value) return {};
    if (value->is_number_integer() && !value->is_number_unsigned()) {
      return value->get<std::int64_t>();
    }
    if (value->is_number_unsigned() && value->get<std::uint64_t>() <= INT64_MAX) {
      return value->get<std::int64_t>();
    }
    if (value->is_number_float()) {
      const double number = value->get<double>();
      if (number == std::floor(number) && std::abs(number) < 9e18) {
        return static_cast<std::int64_t>(number);
      }
    }
    if (value->is_string()) {
      const auto text = value->get<std::string>();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size()) return number;
    }
    Fail(key, "int_type", "Input should be a valid integer that fits into 64 bits", *value);
    return {};
  }

  std::optional<double> Number(const std::string& key) {
    const json* value = Find(key);
    if (!value) return {};
    if (value->is_number()) return value->get<double>();
    if (value->is_string()) {
      const auto text = value->get<std::string>();
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(number)) {
        return number;
      }
    }
    Fail(key, "float_type", "Input should be a valid, finite number", *value);
    return {};
  }

  std::optional<bool> Boolean(const std::string& key) {
    const json* value = Find(key);
    if (!value) return {};
    if (value->is_boolean()) return value->get<bool>();
    std::string text = value->is_string() ? value->get<std::string>() : Dump(*value);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const char* yes : {"1", "true", "t", "yes", "y", "on"}) {
      if (text == yes) return true;
    }
    for (const char* no : {"0", "false", "f", "no", "n", "off"}) {
      if (text == no) return false;
    }
    Fail(key, "bool_type", "Input should be a valid boolean", *value);
    return {};
  }

  std::optional<std::string> String(const std::string& key, bool needed = true) {
    const json* value = Find(key, needed);
    if (!value) return {};
    if (value->is_string()) return value->get<std::string>();
    if (value->is_null() && !needed) return {};
    Fail(key, "string_type", "Input should be a valid string", *value);
    return {};
  }

  // A number of bytes, or a text with a unit.
  std::optional<std::int64_t> Bytes(const std::string& key, bool needed = true) {
    const json* value = Find(key, needed);
    if (!value || (value->is_null() && !needed)) return {};
    if (!value->is_string()) return Integer(key, needed);
    const auto bytes = site::ParseBytes(value->get<std::string>());
    if (bytes) return bytes->count;
    Fail(key, "value_error", fmt::format("Value error, {}", bytes.error()), *value);
    return {};
  }

 private:
  const json& value_;
  const Location location_;
  std::vector<InputProblem>& problems_;
};

// "https://host/path/" → "host/path".
std::string Address(std::string text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) text.erase(0, scheme.size());
  }
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// The text of a run file that runs another file of the site. The path is quoted and has no quotes.
std::optional<std::string> RunFile(const std::string& path) {
  const bool good = path.starts_with(kRunFolder) && path.size() < 1024 &&
                    std::ranges::all_of(
                        path,
                        [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || std::string_view("/._+-@ ").contains(c);
                        }) &&
                    !path.contains("/../") && !path.ends_with("/..") && !path.ends_with('/');
  if (!good) return {};
  return fmt::format("#!/bin/sh\nexec '{}'\n", path);
}

// The manager sends URLs with stars instead of the password.
std::string WithPassword(const std::string& url, const std::string& username,
                         const std::string& password) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  constexpr unsigned kAnyScheme = CURLU_NON_SUPPORT_SCHEME;
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), kAnyScheme) != CURLUE_OK) return url;
  char* given = nullptr;
  if (curl_url_get(parts.get(), CURLUPART_PASSWORD, &given, 0) != CURLUE_OK) return url;
  const std::string stars = given;
  curl_free(given);
  if (stars.find_first_not_of('*') != std::string::npos) return url;
  curl_url_set(parts.get(), CURLUPART_USER, username.c_str(), CURLU_URLENCODE);
  curl_url_set(parts.get(), CURLUPART_PASSWORD, password.c_str(), CURLU_URLENCODE);
  char* whole = nullptr;
  if (curl_url_get(parts.get(), CURLUPART_URL, &whole, kAnyScheme) != CURLUE_OK) return url;
  std::string result = whole;
  curl_free(whole);
  return result;
}

json ReadHosts(Members& members, std::vector<InputProblem>& problems) {
  json hosts = json::array();
  const json* value = members.Find("hosts");
  if (!value) return hosts;
  if (!value->is_array()) {
    members.Fail("hosts", "list_type", "Input should be a valid list", *value);
    return hosts;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json& host = (*value)[i];
    if (host.is_string()) {
      hosts.push_back(Address(host.get<std::string>()));
      continue;
    }
    Location at = members.At("hosts");
    at.push_back(std::to_string(i));
    problems.push_back({"string_type", at, "Input should be a valid string", Dump(host)});
  }
  return hosts;
}

json ReadLimits(Members& members, std::vector<InputProblem>& problems) {
  json resources = json::object();
  const json* value = members.Find("resource_limits");
  if (!value) return resources;
  Members limits(*value, members.At("resource_limits"), problems);
  if (const auto cpus = limits.Number("cpus")) resources["cpus"] = *cpus;
  if (const auto memory = limits.Bytes("memory")) resources["memory"] = *memory;
  if (const auto body = limits.Integer("max_request_body_size")) {
    resources["max_request_body"] = *body;
  }
  return resources;
}

json ReadDatabase(Members& members, std::vector<InputProblem>& problems) {
  const json* value = members.Find("db", /*needed=*/false);
  if (!value || value->is_null()) return nullptr;
  Members db(*value, members.At("db"), problems);
  json database;
  for (const char* key : {"url", "name", "username", "password"}) {
    if (auto text = db.String(key)) database[key] = *std::move(text);
  }
  if (database.size() == 4) {
    database["url"] = WithPassword(database.at("url").get<std::string>(),
                                   database.at("username").get<std::string>(),
                                   database.at("password").get<std::string>());
  }
  return database;
}

// The site as our own JSON, so that there is one place that knows what a good site is.
json ReadInfo(const json& value, const Location& location, std::vector<InputProblem>& problems) {
  Members members(value, location, problems);
  json site;
  if (const auto pk = members.Integer("pk")) {
    if (*pk < 1 || *pk > site::SiteId::kLargest) {
      members.Fail("pk", "value_error",
                   fmt::format("Value error, must be from 1 to {}", site::SiteId::kLargest),
                   value.at("pk"));
    } else {
      site["id"] = *pk;
    }
  }
  site["hosts"] = ReadHosts(members, problems);
  if (const auto served = members.Boolean("is_served")) site["served"] = *served;
  if (const auto type = members.String("type_")) {
    if (*type == "static" || *type == "dynamic") {
      site["kind"] = *type;
    } else {
      members.Fail("type_", "literal_error", "Input should be 'static' or 'dynamic'",
                   value.at("type_"));
    }
  }
  site["resources"] = ReadLimits(members, problems);
  if (const auto runfile = members.String("runfile", /*needed=*/false)) {
    const auto run = RunFile(*runfile);
    if (!run) {
      members.Fail("runfile", "value_error",
                   "Value error, must be the path of a file below /site, as in /site/run.sh",
                   *runfile);
    } else if (site.value("kind", "") == "dynamic") {
      site["run"] = *run;
    }
  }
  site["database"] = ReadDatabase(members, problems);
  return site;
}

Read<json> ParseBody(std::string_view body) {
  auto value = orchestrator::json::Parse(WithoutNonNumbers(body));
  if (!value) return std::unexpected(InputError{.not_json = true, .problems = {}});
  return *std::move(value);
}

// What was sent at this place, which begins with "body"; null where there is nothing.
std::string InputAt(const json& body, const Location& location) {
  json::json_pointer place;
  for (auto part = location.begin() + 1; part != location.end(); ++part) place /= *part;
  return body.contains(place) ? Dump(body.at(place)) : "null";
}

}  // namespace

std::string WithoutNonNumbers(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    bool replaced = false;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (!text.substr(i).starts_with(word)) continue;
      out += "null";
      i += word.size() - 1;
      replaced = true;
      break;
    }
    if (replaced) continue;
    in_string = c == '"';
    out += c;
  }
  return out;
}

std::vector<InputProblem> FromFields(const std::vector<FieldProblem>& fields,
                                     std::string_view body) {
  const auto sent = ParseBody(body);
  static const std::vector<std::pair<std::string_view, Location>> kNames = {
      {"/id", {"pk"}},
      {"/kind", {"type_"}},
      {"/served", {"is_served"}},
      {"/run", {"runfile"}},
      {"/resources/cpus", {"resource_limits", "cpus"}},
      {"/resources/memory", {"resource_limits", "memory"}},
      {"/resources/max_request_body", {"resource_limits", "max_request_body_size"}},
      {"/database/url", {"db", "url"}},
      {"/database/name", {"db", "name"}},
      {"/database/username", {"db", "username"}},
      {"/database/password", {"db", "password"}},
  };
  std::vector<InputProblem> problems;
  for (const FieldProblem& field : fields) {
    Location location{"body"};
    const auto found =
        std::ranges::find(kNames, field.pointer, &decltype(kNames)::value_type::first);
    if (found != kNames.end()) {
      location.insert(location.end(), found->second.begin(), found->second.end());
    } else {
      // "/hosts/0"
      for (std::size_t at = 0; at < field.pointer.size();) {
        const std::size_t end = std::min(field.pointer.find('/', at + 1), field.pointer.size());
        location.push_back(field.pointer.substr(at + 1, end - at - 1));
        at = end;
      }
    }
    std::string input = sent ? InputAt(*sent, location) : "null";
    problems.push_back(
        {"value_error", std::move(location), "Value error, " + field.detail, std::move(input)});
  }
  return problems;
}

Read<site::Site> ReadSite(std::string_view body, Need need) {
  const auto value = ParseBody(body);
  if (!value) return std::unexpected(value.error());
  InputError error;
  const json info = ReadInfo(*value, {"body"}, error.problems);
  if (need == Need::kIdentity) {
    std::erase_if(error.problems, [](const InputProblem& p) {
      return p.type == "value_error" && p.location.back() != "pk";
    });
  }
  if (!error.problems.empty()) return std::unexpected(std::move(error));
  if (need == Need::kIdentity) {
    site::Site site;
    site.id.value = info.at("id").get<std::int64_t>();
    return site;
  }
  auto site = site::Parse(Dump(info));
  if (!site) {
    error.problems = FromFields(site.error().fields, body);
    return std::unexpected(std::move(error));
  }
  return *std::move(site);
}

Read<BuildCall> ReadBuild(std::string_view body) {
  const auto value = ParseBody(body);
  if (!value) return std::unexpected(value.error());
  InputError error;
  Members members(*value, {"body"}, error.problems);
  BuildCall call;
  if (const json* info = members.Find("site")) {
    const json site = ReadInfo(*info, {"body", "site"}, error.problems);
    if (site.contains("id")) call.id.value = site.at("id").get<std::int64_t>();
  }
  const json* limits = members.Find("resource_limits", /*needed=*/false);
  if (limits && !limits->is_null()) {
    Members reader(*limits, members.At("resource_limits"), error.problems);
    call.memory_bytes = reader.Bytes("memory", /*needed=*/false);
    call.swap_bytes = reader.Bytes("memswap", /*needed=*/false);
    static constexpr std::int64_t kLeast = std::int64_t{4} << 20;  // the engine refuses less
    if (call.memory_bytes && *call.memory_bytes < kLeast) {
      reader.Fail("memory", "value_error", "Value error, must be at least 4 MiB",
                  limits->at("memory"));
    }
    const std::int64_t swap = call.swap_bytes.value_or(0);
    if (swap < -1 || (swap > 0 && swap < call.memory_bytes.value_or(0))) {
      reader.Fail("memswap", "value_error",
                  "Value error, must be -1 (no limit), 0, or at least as much as memory, which it "
                  "includes",
                  limits->at("memswap"));
    }
  }
  if (!error.problems.empty()) return std::unexpected(std::move(error));
  return call;
}

}  // namespace orchestrator::director
