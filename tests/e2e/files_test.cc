// The files of sites at the API. What they are safe against is tested below
// tests/orchestrator/files.
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/provider/http/raw_connection.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// An orchestrator with one site, whose service nobody makes: there is no engine at that address.
class Fixture {
 public:
  explicit Fixture(const std::string& more = {})
      : orchestrator("docker: {host: \"unix:///nonexistent/docker.sock\"}\nsites: {" + more +
                     "}\n") {
    orchestrator.Start();
    if (Call("PUT", "/v1/sites/17", R"({"kind": "static", "hosts": ["files.test"]})").status !=
        201) {
      throw std::runtime_error("no site");
    }
  }

  Answer Call(const std::string& method, const std::string& path, const std::string& body = {},
              provider::http::HeaderList headers = {}) {
    const std::string token = orchestrator.Token();
    headers.emplace_back("Authorization", "Bearer " + token);
    if (!body.empty() && provider::http::FindHeader(headers, "Content-Type").empty()) {
      headers.emplace_back("Content-Type", "application/json");
    }
    return orchestrator.CallRaw(method, path, body, headers);
  }
  Answer Put(const std::string& path, const std::string& body,
             provider::http::HeaderList headers = {}) {
    headers.emplace_back("Content-Type", "application/octet-stream");
    return Call("PUT", "/v1/sites/17/files/" + path, body, headers);
  }
  Answer Get(const std::string& path, provider::http::HeaderList headers = {}) {
    return Call("GET", "/v1/sites/17/files/" + path, {}, headers);
  }
  std::filesystem::path site() const { return orchestrator.sites() / "00" / "17"; }

  OrchestratorProcess orchestrator;
};

TEST_CASE("paths that lead out of a site are refused at the API") {
  Fixture fixture;
  REQUIRE(fixture.Put("public/a.txt", "inside").status == 201);
  std::filesystem::create_symlink("/etc", fixture.site() / "out");
  std::filesystem::create_symlink("/etc/passwd", fixture.site() / "passwd");
  struct Case {
    const char* sentence;
    std::string path;
    int status;
  };
  const Case cases[] = {
      {"escaped dots", "%2e%2e/%2e%2e/etc/passwd", 422},
      {"an escaped slash", "public%2f..%2f..%2fx", 422},
      {"a NUL", "a%00b", 422},
      {"a name that is too long", std::string(300, 'n'), 422},
      {"a path of nearly everything", std::string(4000, 'n'), 422},
      {"a link to a folder", "out/passwd", 409},
      {"a link to a file", "passwd", 409},
      {"the program's own folder", ".orchestrator/run", 409},
      {"what is not there", "nothing", 404},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const Answer answer = fixture.Get(c.path);
    INFO(answer.body);
    CHECK(answer.status == c.status);
    CHECK_FALSE(answer.body.contains("root:"));
    if (c.status != 404) CHECK(fixture.Put(c.path + "/x", "owned").status >= 400);
  }
  const std::string token = fixture.orchestrator.Token();
  RawConnection dots(fixture.orchestrator.api_port());  // HTTP clients take them out
  dots.Send(
      "GET /v1/sites/17/files/../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n"
      "Connection: close\r\nAuthorization: Bearer " +
      token + "\r\n\r\n");
  CHECK(dots.ReadUntil("").starts_with("HTTP/1.1 422"));
  CHECK(fixture.Call("GET", "/v1/sites/18/files").status == 404);
  CHECK(fixture.orchestrator.CallRaw("GET", "/v1/sites/17/files", "", {}).status == 401);
  CHECK_FALSE(std::filesystem::exists("/etc/x"));
}

TEST_CASE("files are written whole or not at all") {
  Fixture fixture("quota: 1MiB");
  const Answer made = fixture.Put("public/new/index.html", "<p>one", {});
  CHECK(made.status == 404);
  const Answer written = fixture.Put("public/new/index.html?parents=true&mode=0640", "<p>one");
  REQUIRE(written.status == 201);
  const std::string tag = written.Header("ETag");
  CHECK(json::parse(written.body).at("mode") == "0640");

  SECTION("only what the client knows is replaced") {
    CHECK(fixture.Put("public/new/index.html", "x", {{"If-Match", "\"other\""}}).status == 412);
    CHECK(fixture.Put("public/new/index.html", "x", {{"If-None-Match", "*"}}).status == 412);
    CHECK(fixture.Get("public/new/index.html").body == "<p>one");
    CHECK(fixture.Put("public/new/index.html", "<p>two", {{"If-Match", tag}}).status == 200);
    CHECK(fixture.Put("public/new/index.html", "<p>three", {{"If-Match", tag}}).status == 412);
    const std::string list = "\"other\", " + fixture.Get("public/new/index.html").Header("ETag");
    CHECK(fixture.Put("public/new/index.html", "<p>four", {{"If-Match", list}}).status == 200);
  }
  SECTION("only what the client knows is read, changed, moved and removed") {
    const std::string path = "/v1/sites/17/files/public/new/index.html";
    for (const char* known : {"\"other\"", "W/\"other\"", "\"a\", \"b\""}) {
      const provider::http::HeaderList stale{{"If-Match", known}};
      CHECK(fixture.Get("public/new/index.html", stale).status == 412);
      CHECK(fixture.Get("public/new/index.html", {{"If-Match", known}, {"Range", "bytes=3-"}})
                .status == 412);
      CHECK(fixture.Call("DELETE", path, {}, stale).status == 412);
      CHECK(fixture.Call("DELETE", path + "?recursive=true", {}, stale).status == 412);
      CHECK(fixture.Call("POST", path, R"({"action": "chmod", "mode": "0600"})", stale).status ==
            412);
      CHECK(fixture.Call("POST", path, R"({"action": "move", "to": "x"})", stale).status == 412);
    }
    CHECK(fixture.Call("DELETE", path, {}, {{"If-Match", "\"a"}}).status == 400);
    CHECK(fixture.Get("public/new/index.html", {{"If-Match", "*"}}).body == "<p>one");
    CHECK(fixture.Call("DELETE", path, {}, {{"If-Match", "\"other\", " + tag}}).status == 204);
    CHECK(fixture.Call("DELETE", path, {}, {{"If-Match", "*"}}).status == 412);
  }
  SECTION("the quota holds") {
    const Answer refused = fixture.Put("public/new/index.html", std::string(2 << 20, 'x'));
    CHECK(refused.status == 507);
    INFO(refused.body);
    CHECK(refused.body.contains("quota"));
    CHECK(fixture.Get("public/new/index.html").body == "<p>one");
    const json usage = json::parse(fixture.Get("?usage=true").body);
    CHECK(usage.at("quota") == 1 << 20);
    CHECK(usage.at("bytes").get<int>() < 1 << 20);
  }
  SECTION("a part of a file is not taken for all of it") {
    const Answer refused =
        fixture.Put("public/new/index.html", "two", {{"Content-Range", "bytes 3-5/6"}});
    CHECK(refused.status == 400);
    CHECK(refused.body.contains("Content-Range"));
    CHECK(fixture.Get("public/new/index.html").body == "<p>one");
  }
  SECTION("an upload that breaks off leaves the old file") {
    const std::string token = fixture.orchestrator.Token();
    {
      RawConnection slow(fixture.orchestrator.api_port());
      slow.Send(
          "PUT /v1/sites/17/files/public/new/index.html HTTP/1.1\r\nHost: a\r\n"
          "Authorization: Bearer " +
          token + "\r\nContent-Length: 100\r\n\r\nhalf");
      CHECK(Eventually([&] {
        const auto folder = fixture.site() / "public" / "new";
        return std::distance(std::filesystem::directory_iterator(folder), {}) == 2;
      }));
    }
    CHECK(Eventually(
        [&] {
          const auto folder = fixture.site() / "public" / "new";
          return std::distance(std::filesystem::directory_iterator(folder), {}) == 1;
        },
        20s));
    CHECK(fixture.Get("public/new/index.html").body == "<p>one");
  }
  SECTION("parts of it can be asked for") {
    const Answer part = fixture.Get("public/new/index.html", {{"Range", "bytes=3-"}});
    CHECK(part.status == 206);
    CHECK(part.body == "one");
    CHECK(fixture.Get("public/new/index.html", {{"Range", "bytes=99-"}}).status == 416);
    CHECK(
        fixture.Get("public/new/index.html", {{"Range", "bytes=3-"}, {"If-Range", "\"x\""}}).body ==
        "<p>one");
    CHECK(fixture.Get("public/new/index.html", {{"If-None-Match", tag}}).status == 304);
  }
}

TEST_CASE("folders are listed, made, moved, changed, archived and removed") {
  Fixture fixture;
  const auto post = [&](const std::string& path, const json& body) {
    return fixture.Call("POST", "/v1/sites/17/files/" + path, body.dump());
  };
  CHECK(post("public/a", {{"action", "mkdir"}}).status == 201);
  CHECK(post("public/a", {{"action", "mkdir"}}).status == 409);
  CHECK(post("public/a", {{"action", "explode"}}).status == 422);
  CHECK(post("public/a", {{"action", "chmod"}, {"mode", "9"}}).status == 422);
  CHECK(post("public/a", {{"action", "chmod"}, {"mode", "4755"}}).status == 422);
  CHECK(post("public/a", {{"action", "move"}, {"to", "../x"}}).status == 422);
  CHECK(post("public/a", {{"action", "chmod"}, {"mode", "0700"}}).status == 200);
  REQUIRE(fixture.Put("public/a/%ff%0a.txt", "odd").status == 201);
  const json listing = json::parse(fixture.Get("public/a").body);
  REQUIRE(listing.at("entries").size() == 1);
  CHECK(listing.at("entries").at(0).at("name") == "\\xFF\\x0A.txt");
  const auto href = listing.at("entries").at(0).at("href").get<std::string>();
  CHECK(fixture.Call("GET", href).body == "odd");

  CHECK(post("public/a/%ff%0a.txt", {{"action", "move"}, {"to", "x"}, {"to_href", href}}).status ==
        422);
  CHECK(post("public/a/%ff%0a.txt", {{"action", "move"}}).status == 422);
  REQUIRE(post("public/a/%ff%0a.txt", {{"action", "move"}, {"to", "public/plain.txt"}}).status ==
          200);
  const Answer back = post("public/plain.txt", {{"action", "move"}, {"to_href", href}});
  CHECK(back.status == 200);
  CHECK(json::parse(back.body).at("href") == href);
  CHECK(fixture.Call("GET", href).body == "odd");

  CHECK(fixture.Get("public?archive=zip").body.starts_with("PK"));
  CHECK(fixture.Get("public?archive=tar").body.contains("odd"));
  CHECK(fixture.Get("public?archive=tar.gz").body.starts_with("\x1f\x8b"));
  CHECK(fixture.Get("public?archive=rar").status == 422);

  CHECK(post("public/a", {{"action", "move"}, {"to", "private"}}).status == 200);
  CHECK(fixture.Call("DELETE", "/v1/sites/17/files/private").status == 409);
  CHECK(fixture.Call("DELETE", "/v1/sites/17/files/private?recursive=true").status == 204);
  CHECK(fixture.Get("private").status == 404);
  CHECK(post("public", {{"action", "move"}, {"to", "private"}}).status == 409);
}

// Asks for the changes of a folder of the site.
void Watch(RawConnection& connection, const Fixture& fixture, const std::string& folder,
           const std::string& more_headers = {}) {
  connection.Send("GET /v1/sites/17/files/" + folder +
                  " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + fixture.orchestrator.Token() +
                  "\r\nAccept: text/event-stream\r\n" + more_headers + "\r\n");
}

TEST_CASE("changes of files are told as they happen") {
  Fixture fixture;
  RawConnection events(fixture.orchestrator.api_port());
  Watch(events, fixture, "public");
  const std::string begin = events.ReadUntil("event: watching");
  REQUIRE(begin.contains("text/event-stream"));
  CHECK(begin.contains("id: 1\nevent: watching"));
  std::ofstream(fixture.site() / "public" / "by-hand.txt") << "x";
  const std::string told = events.ReadUntil("by-hand.txt");
  CHECK(told.contains("id: 2\nevent: c"));
  REQUIRE(fixture.Put("public/by-api.txt", "x").status == 201);
  CHECK(events.ReadUntil("by-api.txt").contains("event: created"));
  REQUIRE(fixture.Put("public/%ff.txt", "x").status == 201);
  CHECK(events.ReadUntil(R"("href":"/v1/sites/17/files/public/%FF.txt")").contains("created"));
}

TEST_CASE("who comes back to the changes of files is told that some were missed") {
  Fixture fixture;
  RawConnection events(fixture.orchestrator.api_port());
  Watch(events, fixture, "public", "Last-Event-ID: 7\r\n");
  const std::string begin = events.ReadUntil("event: overflow");
  CHECK(begin.contains("id: 1\nevent: overflow"));
  REQUIRE(fixture.Put("public/later.txt", "x").status == 201);
  CHECK(events.ReadUntil("later.txt").contains("event: created"));
}

TEST_CASE("changes of files end with the folder, and with a reason") {
  Fixture fixture;
  std::filesystem::create_directories(fixture.site() / "outer" / "inner");
  RawConnection events(fixture.orchestrator.api_port());
  Watch(events, fixture, "outer/inner");
  REQUIRE(events.ReadUntil("event: watching").contains("200 OK"));
  SECTION("removed") { std::filesystem::remove(fixture.site() / "outer" / "inner"); }
  SECTION("moved with the folder above") {
    std::filesystem::rename(fixture.site() / "outer", fixture.site() / "other");
    std::filesystem::create_directories(fixture.site() / "other" / "inner" / "new");
  }
  const std::string told = events.ReadUntil("watch it again");
  CHECK(told.contains("event: removed"));
  CHECK(told.find("event: end") > told.find("event: removed"));
  CHECK(told.contains("'outer/inner' is not there any more"));
}

TEST_CASE("a folder of very many entries is listed in parts") {
  Fixture fixture;
  constexpr int kFiles = 10'001;  // one more than a part has
  const auto folder = fixture.site() / "public" / "many +";
  std::filesystem::create_directories(folder);
  for (int i = 0; i < kFiles; ++i) std::ofstream(folder / fmt::format("\xFF+ {:05}", i));
  const json first = json::parse(fixture.Get("public/many%20%2B").body);
  CHECK(first.at("entries").size() == 10'000);
  CHECK(first.at("truncated") == true);
  const json second = json::parse(fixture.Call("GET", first.at("next").get<std::string>()).body);
  CHECK(second.at("truncated") == false);
  CHECK_FALSE(second.contains("next"));
  REQUIRE(second.at("entries").size() == 1);
  CHECK(second.at("entries").at(0).at("name") == "\\xFF+ 10000");
}

TEST_CASE("a large file is downloaded with little memory") {
  Fixture fixture;
  constexpr std::uint64_t kSize = std::uint64_t{1} << 30;
  std::filesystem::create_directories(fixture.site() / "public");
  std::ofstream(fixture.site() / "public" / "large") << "start";
  std::filesystem::resize_file(fixture.site() / "public" / "large", kSize);
  const auto memory = [&] { return MemoryOf(fixture.orchestrator.process_id(), "VmHWM"); };
  const auto before = memory();
  const std::string token = fixture.orchestrator.Token();
  provider::http::ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/v1/sites/17/files/public/large",
                            fixture.orchestrator.api_port());
  request.headers = {{"Authorization", "Bearer " + token}};
  request.timeout = 120s;
  std::uint64_t received = 0;
  const auto response = provider::http::Client::Stream(request,
                                                       {.read_body = {},
                                                        .on_body =
                                                            [&](std::string_view bytes) {
                                                              received += bytes.size();
                                                              return true;
                                                            }},
                                                       {});
  CHECK(response.has_value());
  CHECK(received == kSize);
  CHECK(memory() - before < 32 << 10);
}

}  // namespace
}  // namespace tests
