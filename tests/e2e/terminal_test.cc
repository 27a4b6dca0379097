// Terminals and logs of sites, on a real engine.
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "provider/http/socket_client.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"
#include "tests/support/terminal_client.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

using Client = TerminalClient;

std::string Containers(int id) {
  return Engine::Docker(
             {"ps", "-aq", "--filter", fmt::format("label=orchestrator.terminal.site={}", id)})
      .output;
}

// What is said about a terminal that did not open.
#define REQUIRE_OPENS(client)                                \
  do {                                                       \
    const std::string opened = (client).Session();           \
    INFO((opened.empty() ? (client).End() : json()).dump()); \
    REQUIRE_FALSE(opened.empty());                           \
  } while (false)

TEST_CASE("terminals are refused, limited, and end when nobody needs them") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << "terminals: {per_site: 2, idle: 3s, reconnect: 2s}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  CHECK_FALSE(
      provider::http::OpenSocket(
          fmt::format("ws://127.0.0.1:{}/v1/sites/6401/terminals", orchestrator.api_port()), {})
          .has_value());
  Client nobody(orchestrator, 6401);
  REQUIRE(nobody.open());
  CHECK(nobody.End().at("reason") == "there is no site 6401");

  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6401", SwarmSystem::DynamicSite(6401, "terminal.test", "x"))
              .status == 201);
  Client first(orchestrator, 6401);
  Client second(orchestrator, 6401);
  REQUIRE_OPENS(first);
  REQUIRE_OPENS(second);
  Client third(orchestrator, 6401);
  CHECK(third.End().at("reason").get<std::string>().contains("2 terminals open"));
  Client stranger(orchestrator, 6401, "/0123456789");
  CHECK(stranger.End().at("reason") == "this terminal has ended");

  second.socket().Abort();
  // The one that is lost ends after its time, the other when nothing is typed.
  CHECK(first.End().at("reason").get<std::string>().contains("nothing was typed"));
  CHECK(Eventually([] { return Containers(6401).empty(); }, 20s, 200ms));
}

TEST_CASE("a page in a browser cannot open a terminal where no token keeps it out") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start({{"ORCHESTRATOR_API_AUTH", "none"}});
  const auto upgrade = [&](const std::string& headers) {
    RawConnection connection(orchestrator.api_port());
    connection.Send(
        "GET /v1/sites/1/terminals HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        headers + "\r\n");
    return connection.ReadUntil("\r\n").substr(0, 12);
  };
  CHECK(upgrade("Origin: http://evil.test\r\n") == "HTTP/1.1 403");
  CHECK(upgrade("") == "HTTP/1.1 101");
}

TEST_CASE("a terminal has the site's files, image and limits, and outlives its connection") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6411",
                    R"({"kind": "static", "hosts": ["shell.test"], "served": false,
                        "environment": {"FLAVOUR": "vanilla"}})")
              .status == 201);
  Client client(orchestrator, 6411);
  const std::string session = client.Session();
  REQUIRE_FALSE(session.empty());
  client.socket().SendText(R"({"size": [40, 100]})");
  client.Type("echo $FLAVOUR-$((40 + 2)); cd /site && echo text > public/new.txt; stty size\n");
  CHECK(client.Sees("vanilla-42"));
  CHECK(client.Sees("40 100"));
  client.socket().SendText(R"({"size": [50, 120]})");
  client.socket().SendText(R"({"heartbeat": 1})");
  client.socket().SendText("not json");
  client.Type(
      "sleep 0.5; stty size; cat /sys/fs/cgroup/memory.max || cat "
      "/sys/fs/cgroup/memory/memory.limit_in_bytes\n");
  CHECK(client.Sees("50 120"));
  CHECK(client.Sees("104857600"));
  CHECK(std::filesystem::exists(orchestrator.sites() / "64" / "11" / "public" / "new.txt"));
  CHECK(Engine::Docker({"ps", "--filter", "label=orchestrator.terminal", "--format", "{{.Image}}"})
            .output.starts_with(Engine::BaseImage()));

  client.Type("sleep 1; echo while-away\n");
  client.socket().Abort();
  Client again(orchestrator, 6411, "/" + session);
  CHECK(again.Sees("\nwhile-away"));
  CHECK(again.output().contains("vanilla-42"));
  again.Type("exit 9\n");
  CHECK(again.End().at("exit") == 9);
}

TEST_CASE("what a site does to its folders leads to nothing outside of it") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  // The swarm starts the next task by itself, with the same mounts.
  const std::string run =
      "#!/bin/sh\nrm -rf /site/.home; mv /site/.home /site/away; ln -s /etc /site/.home\n"
      "ls -ld /site/.home\nsleep 1\nexit 1\n";
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6451", json{{"hosts", {"link.test"}}, {"run", run}}.dump())
              .status == 201);
  const std::filesystem::path home = orchestrator.sites() / "64" / "51" / ".home";
  const auto tasks = [] { return Engine::Docker({"service", "ps", "-q", "site_6451"}).output; };
  const auto count = [&] {
    const std::string ids = tasks();
    return std::ranges::count(ids, '\n');
  };
  CHECK(Eventually([&] { return count() >= 2; }, 60s, 200ms));
  CHECK(Eventually(
      [&] { return orchestrator.Call("GET", "/v1/sites/6451/logs").body.contains("drwx"); }, 20s,
      200ms));
  CHECK(std::filesystem::symlink_status(home).type() == std::filesystem::file_type::directory);

  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6452",
                    R"({"kind": "static", "hosts": ["links.test"], "served": false})")
              .status == 201);
  Client client(orchestrator, 6452);
  REQUIRE_OPENS(client);
  client.Type("cd /site; rmdir public .home; mv public away; ln -sfn /etc public; echo do''ne\n");
  CHECK(client.Sees("done"));
  for (const char* name : {"public", ".home"}) {
    CHECK(std::filesystem::symlink_status(orchestrator.sites() / "64" / "52" / name).type() ==
          std::filesystem::file_type::directory);
  }
}

TEST_CASE("a terminal that has ended leaves nothing of it running beside another one") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << "terminals: {reconnect: 2s}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6471", R"({"hosts": ["left.test"], "served": false})")
              .status == 201);
  Client stays(orchestrator, 6471);
  REQUIRE_OPENS(stays);
  Client lost(orchestrator, 6471);
  REQUIRE_OPENS(lost);
  lost.Type("sleep 86399 & trap '' HUP; echo ready; sleep 86398\n");
  CHECK(lost.Sees("\nready"));
  const auto processes = [] {
    const std::string container = Containers(6471);
    return Engine::Docker({"top", container.substr(0, container.find('\n'))}).output;
  };
  REQUIRE(Eventually([&] { return processes().contains("sleep 86398"); }, 20s, 200ms));
  lost.socket().Abort();
  CHECK(Eventually([&] { return !processes().contains("sleep 8639"); }, 20s, 200ms));

  // The keys at which Docker's own client lets go of a terminal are keys as all others.
  stays.Type("\x10");
  stays.Type("\x11");
  stays.Type(
      "\x15"
      "echo still-$((1 + 1))\n");
  CHECK(stays.Sees("still-2"));
}

TEST_CASE("after a change of its site a new terminal has what the site has now") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const auto put = [&](const char* flavour) {
    return orchestrator
        .Call(
            "PUT", "/v1/sites/6461",
            json{
                {"hosts", {"new.test"}}, {"served", false}, {"environment", {{"FLAVOUR", flavour}}}}
                .dump())
        .status;
  };
  REQUIRE(put("vanilla") == 201);
  Client before(orchestrator, 6461);
  REQUIRE_OPENS(before);
  REQUIRE(put("mint") == 200);
  Client after(orchestrator, 6461);
  REQUIRE_OPENS(after);
  after.Type("echo it-is-$FLAVOUR\n");
  CHECK(after.Sees("it-is-mint"));
  before.Type("echo it-is-$FLAVOUR\n");
  CHECK(before.Sees("it-is-vanilla"));
  before.Type("exit\n");
  CHECK(before.End().contains("exit"));
  CHECK(Eventually([] { return Containers(6461).size() < 20 && !Containers(6461).empty(); }, 20s));
  after.Type("echo still-$FLAVOUR\n");
  CHECK(after.Sees("still-mint"));
  after.Type("exit\n");
  CHECK(Eventually([] { return Containers(6461).empty(); }, 20s, 200ms));
}

TEST_CASE("a terminal client that never reads holds up nobody, and a crash leaves no container") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6421", R"({"hosts": ["full.test"], "served": false})")
              .status == 201);
  Client silent(orchestrator, 6421);
  REQUIRE_OPENS(silent);
  const auto memory = [&] { return MemoryOf(orchestrator.process_id(), "VmRSS"); };
  const auto before = memory();
  silent.Type("yes\n");
  Client other(orchestrator, 6421);
  REQUIRE_OPENS(other);
  // For much longer than buffers need to be full.
  for (int round = 1; round <= 20; ++round) {
    other.Type(fmt::format(
        "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo did$((i + {}))\n", round));
    REQUIRE(other.Sees(fmt::format("did{}", 20000 + round)));
    REQUIRE(orchestrator.Call("GET", "/v1/sites/6421").status == 200);
  }
  CHECK(memory() - before < 32 << 10);
  REQUIRE_FALSE(Containers(6421).empty());
  orchestrator.Kill();
  orchestrator.Start();
  CHECK(Eventually([] { return Containers(6421).empty(); }, 20s, 200ms));
}

TEST_CASE("the command line opens a shell") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6431", R"({"hosts": ["cli.test"], "served": false})")
              .status == 201);
  const Finished shell =
      RunProgram({"sh", "-c",
                  "{ sleep 1; echo 'echo typed $((6 * 7)); exit 5'; sleep 2; } | " +
                      OrchestratorProgram() + " site shell 6431"},
                 {{"ORCHESTRATOR_CONFIG", orchestrator.config_file().string()}});
  INFO(shell.output);
  CHECK(shell.output.contains("typed 42"));
  CHECK(shell.status == 5);
  CHECK(orchestrator.Command({"site", "shell", "99999"}).status == 1);
}

TEST_CASE("logs come from all tasks, once or as they are written") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const std::string run =
      "#!/bin/sh\necho first; echo second >&2\n"
      "while [ ! -e /site/public/go ]; do sleep 0.1; done\necho third\nsleep 1000\n";
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6441?wait=running&timeout=60s",
                    json{{"hosts", {"log.test"}}, {"run", run}}.dump())
              .Header("X-Reached") == "running");
  const auto texts = [&] {
    std::string all;
    const Answer answer = orchestrator.Call("GET", "/v1/sites/6441/logs");
    const json body = json::parse(answer.body);
    if (!body.contains("lines")) return all;
    for (const json& line : body.at("lines")) {
      all += line.at("stream").get<std::string>() + " " + line.at("text").get<std::string>() + "\n";
    }
    return all;
  };
  CHECK(Eventually([&] { return texts().contains("stderr second\n"); }, 20s, 200ms));
  CHECK(texts().contains("stdout first\n"));
  CHECK(texts().contains("stdout DIRECTOR: Starting server at"));

  const auto followed = std::make_unique<Process>(
      std::vector<std::string>{OrchestratorProgram(), "site", "logs", "-f", "6441"},
      orchestrator.state() / "followed",
      std::map<std::string, std::string>{
          {"ORCHESTRATOR_CONFIG", orchestrator.config_file().string()}});
  CHECK(Eventually([&] { return followed->Output().contains("second"); }, 10s));
  std::ofstream(orchestrator.sites() / "64" / "41" / "public" / "go") << "";
  CHECK(Eventually([&] { return followed->Output().contains("third"); }, 10s));

  const Finished zoned = orchestrator.Command(
      {"site", "logs", "6441", "--since", "2020-01-31T12:00:00.5+01:00", "--tail", "1"});
  INFO(zoned.output);
  CHECK(zoned.status == 0);
  CHECK(zoned.output.contains("third"));
  const Finished last = orchestrator.Command({"site", "logs", "6441", "--tail", "1"});
  INFO(last.output);
  CHECK(last.output.contains("third"));
  CHECK_FALSE(last.output.contains("first"));
  const auto since = [&](const char* time) {
    return orchestrator.Call("GET", std::string("/v1/sites/6441/logs?since=") + time).body;
  };
  // The last of all tasks together, not of each.
  REQUIRE(
      orchestrator.Call("POST", "/v1/sites/6441/restart?wait=running&timeout=60s", "{}").status ==
      200);
  const auto count = [&](const char* tail) {
    return json::parse(
               orchestrator.Call("GET", std::string("/v1/sites/6441/logs?tail=") + tail).body)
        .at("lines")
        .size();
  };
  CHECK(Eventually([&] { return count("all") > 5; }, 20s, 200ms));
  CHECK(count("1") == 1);
  CHECK(count("3") == 3);
  CHECK(count("0") == 0);
  CHECK(since("2020-01-31T12:00:00.5%2B01:00").contains("third"));
  CHECK(since("1580468400.5").contains("third"));
  CHECK(since("1h").contains("third"));
  CHECK(json::parse(since("2100-01-01T00:00:00Z")).at("lines").empty());
  for (const char* query :
       {"since=1.", "since=.5", "since=2026-13-01T00:00:00Z", "tail=-1", "tail=x", "tail=99999999",
        "since=yesterday", "since=1%0a2", "follow=maybe"}) {
    INFO(query);
    CHECK(orchestrator.Call("GET", std::string("/v1/sites/6441/logs?") + query).status == 422);
  }
  CHECK(orchestrator.Call("GET", "/v1/sites/9999/logs").status == 404);

  // A reader who comes back goes on after the event that it names.
  const auto events = [&](const std::string& id) {
    provider::http::HeaderList headers{{"Authorization", "Bearer " + orchestrator.Token()},
                                       {"Accept", "text/event-stream"}};
    if (!id.empty()) headers.emplace_back("Last-Event-ID", id);
    return orchestrator.CallRaw("GET", "/v1/sites/6441/logs?tail=3", "", headers);
  };
  const std::string all = events("").body;
  REQUIRE(all.starts_with("id: "));
  const std::string first = all.substr(4, all.find('\n') - 4);
  const std::string rest = events(first).body;
  const auto lines = [](const std::string& body) {
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = body.find("data: {\"time\"", at)) != std::string::npos; ++at) {
      found.push_back(body.substr(at, body.find('\n', at) - at));
    }
    return found;
  };
  REQUIRE(lines(all).size() == 3);
  CHECK_FALSE(rest.contains(lines(all)[0]));
  CHECK(rest.contains(lines(all)[1]));
  CHECK(rest.contains(lines(all)[2]));
  CHECK(events("no place in a log").status == 422);

  REQUIRE(orchestrator.Call("DELETE", "/v1/sites/6441?wait=running&timeout=60s").status == 200);
  CHECK(followed->Wait(20s) == 1);
  CHECK(followed->Output().contains("site 6441 was removed"));
  CHECK(orchestrator.Command({"site", "logs", "6441"}).status == 1);
}

TEST_CASE("a site that becomes static first loses all that could put a link in its public folder") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6455?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6455, "kind.test", "dynamic"))
              .Header("X-Reached") == "running");
  Client client(orchestrator, 6455);
  REQUIRE_OPENS(client);
  client.Type("echo re''ady\n");
  REQUIRE(client.Sees("ready"));
  const Answer answer = orchestrator.Call("PATCH", "/v1/sites/6455?wait=running&timeout=60s",
                                          R"({"kind": "static", "run": null})");
  INFO(answer.Header("X-Waiting-For"));
  CHECK(answer.Header("X-Reached") == "running");
  CHECK(client.End().contains("reason"));
  CHECK(Engine::Docker({"ps", "-q", "--filter", "label=orchestrator.terminal.site=6455"})
            .output.empty());
  CHECK(Engine::Docker({"service", "inspect", "-f", "{{json .Spec.TaskTemplate}}", "site_6455"})
            .output.contains("/usr/share/nginx/html"));
}

}  // namespace
}  // namespace tests
