#include "orchestrator/cli/site_commands.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "orchestrator/cli/output.h"
#include "orchestrator/cli/yaml_to_json.h"
#include "provider/http/url.h"

namespace orchestrator::cli {
namespace {

using nlohmann::json;

Result<std::string> ReadText(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Failure(Error{ErrorKind::kInvalid, fmt::format("cannot read {}", file)});
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::string WaitQuery(const WaitFlags& wait) {
  if (wait.level.empty()) return {};
  return fmt::format("?wait={}&timeout={}", wait.level, wait.timeout);
}

std::string HostsOf(const json& site) {
  std::string hosts =
      fmt::format("{}", fmt::join(site.at("hosts").get<std::vector<std::string>>(), " "));
  const json& prefix = site.at("routing").at("path_prefix");
  if (prefix.is_string()) hosts += " " + prefix.get<std::string>();
  return hosts;
}

}  // namespace

int ListSites(const ApiClient& api, bool as_json) {
  std::vector<std::vector<std::string>> rows{{"ID", "KIND", "SERVED", "MODE", "HOSTS"}};
  json all = json::array();
  std::string cursor;
  do {
    const auto answer =
        api.Call("GET", "/v1/sites?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!answer) return PrintError(answer.error());
    const json page = json::parse(answer->body);
    for (const json& site : page.at("sites")) {
      rows.push_back({site.at("id").dump(), site.at("kind").get<std::string>(),
                      site.at("served").get<bool>() ? "yes" : "no",
                      site.at("routing").at("mode").get<std::string>(), HostsOf(site)});
      if (as_json) all.push_back(site);
    }
    cursor = page.at("next").is_string() ? page.at("next").get<std::string>() : "";
  } while (!cursor.empty());
  if (as_json) {
    PrintJson(all.dump());
  } else {
    PrintTable(rows);
  }
  return kDone;
}

int ShowSite(const ApiClient& api, std::int64_t id, bool) {
  const auto answer = api.Call("GET", fmt::format("/v1/sites/{}", id));
  if (!answer) return PrintError(answer.error());
  PrintJson(answer->body);
  return kDone;
}

int ShowSiteStatus(const ApiClient& api, std::int64_t id, bool as_json) {
  const auto answer = api.Call("GET", fmt::format("/v1/sites/{}/status", id));
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  const json status = json::parse(answer->body);
  const json& deployment = status.at("deployment");
  const json& routing = status.at("routing");
  fmt::print("site        {} ({})\n", id, status.at("state").get<std::string>());
  fmt::print("deployment  {}", deployment.at("state").get<std::string>());
  if (const auto reason = deployment.value("reason", ""); !reason.empty())
    fmt::print(": {}", reason);
  fmt::print("\nrouting     {}, {}", routing.at("phase").get<std::string>(),
             routing.at("routed").get<bool>() ? "confirmed" : "not confirmed");
  if (const auto reason = routing.value("waiting_for", ""); !reason.empty())
    fmt::print(": {}", reason);
  fmt::print("\n");
  std::vector<std::vector<std::string>> rows{{"TASK", "STATE", "WANTED", "UPDATED", "MESSAGE"}};
  for (const json& task : deployment.value("tasks", json::array())) {
    const auto error = task.at("error").get<std::string>();
    rows.push_back({task.at("id").get<std::string>().substr(0, 12),
                    task.at("state").get<std::string>(), task.at("desired").get<std::string>(),
                    task.at("updated").get<std::string>().substr(0, 19),
                    error.empty() ? task.at("message").get<std::string>() : error});
  }
  if (rows.size() > 1) PrintTable(rows);
  return kDone;
}

int ApplySites(const ApiClient& api, const std::vector<std::string>& files, const WaitFlags& wait,
               bool as_json) {
  // All files are read before anything is sent: a typing error in the last one changes nothing.
  std::vector<json> sites;
  for (const std::string& file : files) {
    const auto text = ReadText(file);
    if (!text) return PrintError(text.error());
    const auto documents = YamlToJson(*text, file);
    if (!documents) return PrintError(documents.error());
    for (const std::string& document : *documents) sites.push_back(json::parse(document));
  }
  Progress progress;
  for (const json& site : sites) {
    const bool has_id = site.is_object() && site.contains("id");
    const std::string path =
        has_id ? fmt::format("/v1/sites/{}", site.at("id").dump()) : "/v1/sites";
    if (!wait.level.empty()) progress.Show(fmt::format("waiting until it is {} …", wait.level));
    const auto answer = api.Call(has_id ? "PUT" : "POST", path + WaitQuery(wait), site.dump());
    if (!answer) return PrintError(answer.error());
    const json stored = json::parse(answer->body);
    const auto reached = provider::http::FindHeader(answer->headers, "X-Reached");
    if (as_json) {
      PrintJson(answer->body);
    } else {
      fmt::print("site {} {}: {}\n", stored.at("id").dump(),
                 answer->status == 201 ? "created" : "updated", reached);
    }
    if (!wait.level.empty() && reached != wait.level) {
      return PrintError(
          {ErrorKind::kUnavailable,
           fmt::format("site {} is stored, but not {} after {}: {}", stored.at("id").dump(),
                       wait.level, wait.timeout,
                       provider::http::FindHeader(answer->headers, "X-Waiting-For"))});
    }
  }
  return kDone;
}

int RestartSite(const ApiClient& api, std::int64_t id, const WaitFlags& wait) {
  Progress progress;
  if (!wait.level.empty()) progress.Show(fmt::format("waiting until it is {} …", wait.level));
  const auto answer =
      api.Call("POST", fmt::format("/v1/sites/{}/restart{}", id, WaitQuery(wait)), "{}");
  if (!answer) return PrintError(answer.error());
  const auto reached = provider::http::FindHeader(answer->headers, "X-Reached");
  fmt::print("site {} restarted: {}\n", id, reached);
  if (wait.level.empty() || reached == wait.level) return kDone;
  return PrintError({ErrorKind::kUnavailable,
                     fmt::format("not {} after {}: {}", wait.level, wait.timeout,
                                 provider::http::FindHeader(answer->headers, "X-Waiting-For"))});
}

namespace {

void PrintLogLine(const std::string& text, bool as_json) {
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (as_json || !line.is_object()) {
    fmt::print("{}\n", text);
  } else {
    fmt::print("{} {} {}\n", line.value("time", "").substr(0, 23),
               line.value("task", "").substr(0, 8), line.value("text", ""));
  }
  std::fflush(stdout);
}

// The events of a log that is followed, as their bytes come.
class LogEvents {
 public:
  explicit LogEvents(bool as_json) : as_json_(as_json) {}

  void Add(std::string_view bytes) {
    rest_ += bytes;
    for (std::size_t end = 0; (end = rest_.find('\n')) != std::string::npos;) {
      Read(std::string_view(rest_).substr(0, end));
      rest_.erase(0, end + 1);
    }
  }

  // Why there is no more, empty where that is as it should be; nothing while there may be.
  const std::optional<std::string>& end() const { return end_; }

 private:
  void Read(std::string_view line) {
    static constexpr std::string_view kEvent = "event: ";
    static constexpr std::string_view kData = "data: ";
    if (line.starts_with(kEvent)) event_ = line.substr(kEvent.size());
    if (!line.starts_with(kData)) return;
    const std::string data(line.substr(kData.size()));
    if (event_ == "line") return PrintLogLine(data, as_json_);
    const json value = json::parse(data, nullptr, /*allow_exceptions=*/false);
    const std::string reason = value.is_object() ? value.value("reason", "") : data;
    if (event_ == "problem") fmt::print(stderr, "{}\n", reason);
    if (event_ == "end") end_ = reason;
  }

  const bool as_json_;
  std::string rest_;
  std::string event_;
  std::optional<std::string> end_;
};

int FollowLogs(const ApiClient& api, const std::string& path, bool as_json) {
  LogEvents events(as_json);
  const auto followed = api.Follow(path, [&](std::string_view bytes) {
    events.Add(bytes);
    return true;
  });
  if (!followed) return PrintError(followed.error());
  if (!events.end()) {
    return PrintError({ErrorKind::kUnavailable,
                       "the orchestrator ended the log, since it is being stopped; follow it again "
                       "when it is back"});
  }
  return events.end()->empty() ? kDone : PrintError({ErrorKind::kUnavailable, *events.end()});
}

}  // namespace

int ShowLogs(const ApiClient& api, std::int64_t id, const LogFlags& flags, bool as_json) {
  using provider::http::Escape;
  std::string path = fmt::format("/v1/sites/{}/logs?tail={}", id, Escape(flags.tail));
  if (!flags.since.empty()) path += "&since=" + Escape(flags.since);
  if (flags.follow) return FollowLogs(api, path + "&follow=true", as_json);
  const auto answer = api.Call("GET", path);
  if (!answer) return PrintError(answer.error());
  const json body = json::parse(answer->body);
  for (const json& line : body.at("lines")) {
    PrintLogLine(line.dump(-1, ' ', false, json::error_handler_t::replace), as_json);
  }
  const std::string problem = body.value("problem", "");
  if (problem.empty()) return kDone;
  return PrintError({ErrorKind::kUnavailable, "these are not all lines: " + problem});
}

int DeleteSites(const ApiClient& api, const std::vector<std::int64_t>& ids, const WaitFlags& wait,
                bool as_json) {
  int status = kDone;
  for (const std::int64_t id : ids) {
    const auto answer = api.Call("DELETE", fmt::format("/v1/sites/{}", id) + WaitQuery(wait));
    if (!answer) return PrintError(answer.error());
    if (as_json) {
      PrintJson(answer->body);
    } else {
      fmt::print("site {} {}\n", id, json::parse(answer->body).at("state").get<std::string>());
    }
    if (!wait.level.empty() && answer->status == 202) {
      status = PrintError({ErrorKind::kUnavailable,
                           fmt::format("site {} is still being removed: {}", id,
                                       json::parse(answer->body).value("waiting_for", ""))});
    }
  }
  return status;
}

}  // namespace orchestrator::cli
