// What a peer may do to a server on purpose, or by its own faults.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "provider/http/client.h"
#include "provider/http/server.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/support/eventually.h"

namespace provider::http {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;
using tests::Eventually;
using tests::RawConnection;

// A server that counts the requests that reach its handler.
class Fixture {
 public:
  explicit Fixture(ServerLimits limits)
      : server([this](const ServerRequest& request) { return Handle(request); },
               [](int status) {
                 ServerResponse response;
                 response.status = status;
                 response.body = "refused";
                 return response;
               },
               limits,
               {.admit = [](const ServerRequest& request) -> std::optional<ServerResponse> {
                  if (request.path != "/closed") return {};
                  ServerResponse response;
                  response.status = 401;
                  response.body = "closed";
                  return response;
                },
                .streams_body = {},
                .serve_socket = {}}) {
    port = server.Start({"127.0.0.1", 0, {}}).value();
  }
  ~Fixture() { server.Stop(); }

  int StatusOfGet() {
    Client client;
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
    const auto response = client.Send(request);
    return response ? response->status : 0;
  }

  std::atomic<int> handled = 0;
  std::atomic<int> broken = 0;  // answers that were not taken whole
  std::atomic<bool> from_file = false;
  Server server;
  std::uint16_t port = 0;

 private:
  ServerResponse Handle(const ServerRequest& request) {
    ++handled;
    ServerResponse response;
    response.body = "good";
    if (request.path == "/large") {
      response.shared_body = large_;
      if (from_file) response.shared_file = large_file_;
      response.on_sent = [this](bool complete) { broken += complete ? 0 : 1; };
    }
    return response;
  }

  const std::shared_ptr<const std::string> large_ =
      std::make_shared<const std::string>(std::size_t{64} << 20, 'x');
  const std::shared_ptr<const MemoryFile> large_file_ = MemoryFile::Make(*large_);
};

TEST_CASE("A request with what it must not have is refused, and nothing behind it is taken") {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string size = std::to_string(smuggled.size());
  struct Case {
    const char* sentence;
    std::string bytes;
  };
  const Case cases[] = {
      {"should refuse a GET with a body",
       "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + size + "\r\n\r\n" + smuggled},
      {"should refuse a GET with a chunked body",
       "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled},
      {"should refuse a GET with an unknown transfer encoding",
       "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, xchunked\r\n\r\n" + smuggled},
      {"should refuse a HEAD with a body",
       "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: " + size + "\r\n\r\n" + smuggled},
      {"should refuse a length beside a transfer encoding",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n" +
           smuggled},
      {"should refuse a length with a sign",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +" + size + "\r\n\r\n" + smuggled},
      {"should refuse a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + size +
                                              "," + size + "\r\n\r\n" + smuggled},
      {"should refuse an empty length",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n" + smuggled},
      {"should refuse two lengths",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
       "Content-Length: " +
           size + "\r\n\r\n" + smuggled},
      {"should refuse a length that no number holds",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n" + smuggled},
      {"should refuse a body in an unknown transfer encoding",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" +
           smuggled},
      {"should not read on behind a refusal without its body",
       "POST /closed HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + smuggled},
      {"should not read on behind a refusal of a large body",
       "POST /closed HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + smuggled},
      {"should not read on behind what is not HTTP", "hello\r\n\r\n" + smuggled},
      {"should refuse a header without a name", "GET / HTTP/1.1\r\n: a\r\n\r\n" + smuggled},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture({.connections = 4, .body_bytes = 1000});
    RawConnection connection(fixture.port);
    connection.Send(c.bytes);
    const std::string answer = connection.ReadUntil("");  // it is closed
    INFO(answer);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 4"));
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
    CHECK(fixture.handled == 0);
    CHECK(fixture.StatusOfGet() == 200);
  }
}

TEST_CASE("Heads and bodies without an end are cut off") {
  struct Case {
    const char* sentence;
    std::string head;
    std::string rest;  // again and again, 64 MiB at most
  };
  const Case cases[] = {
      {"should cut off a line without an end", "GET /", std::string(65536, 'a')},
      {"should cut off a header without an end", "GET / HTTP/1.1\r\nA: ", std::string(65536, 'a')},
      {"should cut off headers without an end", "GET / HTTP/1.1\r\n",
       [] {
         std::string headers;
         for (int i = 0; i < 5000; ++i) headers += "A" + std::to_string(i) + ": b\r\n";
         return headers;
       }()},
      {"should cut off a chunked body without an end",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
       "8000\r\n" + std::string(0x8000, 'a') + "\r\n"},
      {"should cut off a refused body without an end",
       "POST /closed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
       "8000\r\n" + std::string(0x8000, 'a') + "\r\n"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture({.connections = 4, .body_bytes = 1000, .head_time = 1s});
    RawConnection connection(fixture.port);
    std::size_t sent = 0;
    bool taken = connection.Send(c.head);
    while (taken && sent < (std::size_t{64} << 20)) {
      taken = connection.Send(c.rest);
      sent += c.rest.size();
    }
    CHECK_FALSE(taken);
    CHECK(fixture.handled == 0);
    CHECK(fixture.StatusOfGet() == 200);
  }
}

TEST_CASE("A peer that sends its request a byte at a time has limited time") {
  Fixture fixture({.connections = 1, .head_time = 1s});
  RawConnection slow(fixture.port);
  slow.Send("GET / HTTP/1.1\r\nA: ");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(Eventually([&] { return !slow.Send("a"); }, 10s, 50ms));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(fixture.StatusOfGet() == 200);
}

TEST_CASE("A peer that sends its body a byte at a time has limited time") {
  struct Case {
    const char* sentence;
    const char* head;
  };
  const Case cases[] = {
      {"should end a body of a known length", "Content-Length: 900"},
      {"should end a line of a chunked body", "Transfer-Encoding: chunked"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture({.connections = 1, .body_bytes = 1000, .body_time = 1s});
    RawConnection slow(fixture.port);
    slow.Send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(c.head) + "\r\n\r\n");
    const auto begin = std::chrono::steady_clock::now();
    CHECK(Eventually([&] { return !slow.Send("0"); }, 10s, 50ms));
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    CHECK(fixture.handled == 0);
    CHECK(fixture.StatusOfGet() == 200);
  }
}

TEST_CASE(
    "A body that the handler reads itself may take its time, but not for a byte now and then") {
  std::atomic<int> whole = 0;
  std::atomic<int> cut = 0;
  Server server(
      [&](const ServerRequest& request) {
        const bool good = request.read_body([](std::string_view) { return true; });
        ++(good ? whole : cut);
        return ServerResponse();
      },
      [](int) { return ServerResponse(); }, {.connections = 2, .body_time = 1s, .body_rate = 100},
      {.admit = {}, .streams_body = [](const ServerRequest&) { return true; }, .serve_socket = {}});
  const std::uint16_t port = server.Start({"127.0.0.1", 0, {}}).value();
  const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
  SECTION("too slowly") {
    RawConnection slow(port);
    slow.Send(head);
    CHECK(Eventually([&] { return !slow.Send("0"); }, 10s, 50ms));
    CHECK(cut == 1);
    CHECK(whole == 0);
  }
  SECTION("for longer than others may") {
    RawConnection steady(port);
    steady.Send(head);
    const auto begin = std::chrono::steady_clock::now();
    std::size_t sent = 0;
    CHECK(Eventually(
        [&] {
          sent += steady.Send(std::string(20, '0')) ? 20 : 0;
          return sent == 900;
        },
        10s, 50ms));
    CHECK(Eventually([&] { return whole == 1; }));
    CHECK(std::chrono::steady_clock::now() - begin > 1s);
    CHECK(cut == 0);
  }
}

TEST_CASE("Where no bodies are taken, none is read") {
  for (const char* head : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
    INFO(head);
    Fixture fixture({.connections = 1, .body_bytes = 0});
    RawConnection connection(fixture.port);
    connection.Send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(head) + "\r\n\r\n");
    CHECK_THAT(connection.ReadUntil("refused"), StartsWith("HTTP/1.1 413"));
    CHECK(fixture.handled == 0);
  }
}

TEST_CASE("A stop ends connections that go on sending") {
  Fixture fixture({.connections = 1, .body_bytes = 1 << 20, .stop_grace = 1s});
  RawConnection busy(fixture.port);
  busy.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  RawConnection waiting(fixture.port);  // for the only thread
  waiting.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  std::jthread sender([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && (busy.Send("x") || waiting.Send("x"))) {
      std::this_thread::yield();
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  fixture.server.Stop();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("A reader that takes its answer slowly has limited time") {
  Fixture fixture({.connections = 1, .answer_time = 1s});
  fixture.from_file = GENERATE(false, true);
  RawConnection slow(fixture.port);
  slow.Send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  // Each piece comes long before the write timeout.
  CHECK(Eventually([&] { return slow.Read(1000).empty() || fixture.broken == 1; }, 10s, 20ms));
  CHECK(Eventually([&] { return fixture.broken == 1; }));
  CHECK(fixture.StatusOfGet() == 200);
}

TEST_CASE("A reader that takes nothing costs its own slot only") {
  Fixture fixture({.connections = 2, .write_timeout = 1s});
  fixture.from_file = GENERATE(false, true);
  RawConnection dead(fixture.port);
  dead.Send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(Eventually([&] { return fixture.handled == 1; }));
  CHECK(fixture.StatusOfGet() == 200);
  CHECK(Eventually([&] { return fixture.broken == 1; }));
}

TEST_CASE("Connections without requests make room for one that has one") {
  Fixture fixture({.connections = 3});
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(std::make_unique<RawConnection>(fixture.port));
    idle.back()->Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE_THAT(idle.back()->ReadUntil("good"), StartsWith("HTTP/1.1 200"));
  }
  CHECK(fixture.StatusOfGet() == 200);
  // The one that was idle for the longest time had to go.
  CHECK(idle[0]->ReadUntil("").empty());
}

TEST_CASE("Requests that do not come to their end make room, too") {
  Fixture fixture({.connections = 3, .head_time = 60s});
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::make_unique<RawConnection>(fixture.port));
    slow.back()->Send("GET / HTTP/1.1\r\nHo");
  }
  CHECK(fixture.StatusOfGet() == 200);
}

TEST_CASE("A body that is small until it is unpacked is refused") {
  // 20,000 zeroes, compressed with gzip.
  const std::string bomb(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7\x4f\x6d\x0e"
      "\x37\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x80\x77\x03",
      36);
  Fixture fixture({.connections = 4, .body_bytes = 1000});
  RawConnection connection(fixture.port);
  connection.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " +
                  std::to_string(bomb.size()) + "\r\n\r\n" + bomb);
  CHECK_THAT(connection.ReadUntil(""), StartsWith("HTTP/1.1 4"));
  CHECK(fixture.handled == 0);
}

TEST_CASE("Ranges that make no sense change nothing of a document") {
  struct Case {
    const char* sentence;
    const char* range;
    const char* answer;
  };
  const Case cases[] = {
      {"should ignore a range beyond the end", "bytes=99999999999-", "HTTP/1.1 200"},
      {"should ignore the last bytes of more than there are", "bytes=-99999999999", "HTTP/1.1 200"},
      {"should ignore several", "bytes=0-1,5-6,0-99999999", "HTTP/1.1 200"},
      {"should ignore many that overlap", "bytes=0-,0-,0-,0-,0-,0-,0-,0-", "HTTP/1.1 200"},
      {"should ignore what is none", "bytes=a-b", "HTTP/1.1 200"},
      {"should ignore numbers that do not fit", "bytes=99999999999999999999999-", "HTTP/1.1 200"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture({.connections = 4});
    RawConnection connection(fixture.port);
    connection.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: " +
                    std::string(c.range) + "\r\n\r\n");
    CHECK_THAT(connection.ReadUntil(""), StartsWith(c.answer));
    CHECK(fixture.StatusOfGet() == 200);
  }
}

}  // namespace
}  // namespace provider::http
