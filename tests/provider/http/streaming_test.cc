#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "provider/http/client.h"
#include "provider/http/hijacked_connection.h"
#include "provider/http/server.h"
#include "provider/http/socket_client.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/support/eventually.h"

namespace provider::http {
namespace {

using namespace std::chrono_literals;
using tests::Eventually;
using tests::RawConnection;

constexpr std::size_t kPieces = 200;
const std::string kPiece(1000, 'p');
const std::string kText = "0123456789";

ServerResponse ErrorPage(int status) {
  ServerResponse response;
  response.status = status;
  response.body = "refused " + std::to_string(status);
  return response;
}

// Streams both ways and echoes WebSockets.
class Fixture {
 public:
  Fixture()
      : server(
            [this](const ServerRequest& request) { return Handle(request); }, ErrorPage,
            {.connections = 16, .body_bytes = 1000, .stop_grace = 1s},
            {.admit = [](const ServerRequest& request) -> std::optional<ServerResponse> {
               if (request.path == "/refused") return ErrorPage(401);
               return {};
             },
             .streams_body = [](const ServerRequest& request) { return request.path == "/upload"; },
             .serve_socket = [this](const ServerRequest& r, Socket& s) { Echo(r, s); }}) {
    port = server.Start({"127.0.0.1", 0, {}}).value();
  }
  ~Fixture() { server.Stop(); }

  ClientRequest Request(const std::string& path) const {
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + path;
    return request;
  }

  std::atomic<std::size_t> taken = 0;
  std::atomic<bool> whole = false;
  std::atomic<bool> reader_lost = false;
  std::atomic<bool> streaming = false;
  Server server;
  std::uint16_t port = 0;

 private:
  ServerResponse Handle(const ServerRequest& request) {
    ServerResponse response;
    if (request.path == "/upload") {
      const bool limited = request.Query("limit") == "yes";
      whole = request.read_body([&](std::string_view bytes) {
        taken += bytes.size();
        return !limited || taken < 5000;
      });
      response.status = whole ? 200 : 413;
      response.body = std::to_string(taken);
    } else if (request.path == "/pieces") {
      response.stream = [](const ByteSink& sink) {
        for (std::size_t i = 0; i < kPieces; ++i) sink(kPiece);
        return true;
      };
    } else if (request.path == "/broken") {
      response.stream = [](const ByteSink& sink) {
        sink(kPiece);
        return false;
      };
    } else if (request.path == "/endless") {
      response.stream = [this](const ByteSink& sink) {
        streaming = true;
        while (sink(kPiece)) {
        }
        reader_lost = true;
        return false;
      };
    } else if (request.path == "/ranged") {
      response.ranged =
          RangedBody{kText.size(),
                     [](std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
                       return sink(std::string_view(kText).substr(offset, length));
                     },
                     request.Query("old") == "yes"};
    } else if (request.path == "/hijack") {
      response.body = "no";
      response.status = 409;
    }
    return response;
  }

  static void Echo(const ServerRequest& request, Socket& socket) {
    std::string payload;
    for (;;) {
      switch (socket.Read(payload)) {
        case Socket::Frame::kText:
          if (payload == "bye") {
            return socket.Close(Socket::CloseReason::kNormal, "as you wish");
          }
          socket.SendText(request.path + " " + payload);
          break;
        case Socket::Frame::kBinary:
          socket.SendBinary(payload);
          break;
        case Socket::Frame::kClosed:
          return;
      }
    }
  }
};

TEST_CASE("A streamed answer comes whole") {
  Fixture fixture;
  Client client;
  CHECK(client.Send(fixture.Request("/pieces"))->body.size() == kPieces * kPiece.size());
}

TEST_CASE("A streamed answer that breaks off does not look whole") {
  Fixture fixture;
  Client client;
  CHECK_FALSE(client.Send(fixture.Request("/broken")).has_value());
}

TEST_CASE("A stream ends when its reader goes away") {
  Fixture fixture;
  {
    RawConnection reader(fixture.port);
    reader.Send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    reader.ReadUntil("ppp");
  }
  CHECK(Eventually([&] { return fixture.reader_lost.load(); }));
}

TEST_CASE("A stop does not wait for a reader of an endless answer that takes nothing") {
  Fixture fixture;
  RawConnection reader(fixture.port);
  reader.Send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(Eventually([&] { return fixture.streaming.load(); }));
  fixture.server.Stop();
  CHECK(fixture.reader_lost);
}

TEST_CASE("A client gets the range that it asks for") {
  struct Case {
    const char* sentence;
    const char* path;
    const char* range;
    int status;
    const char* body;
  };
  const Case cases[] = {
      {"should refuse what is beyond the end", "/ranged", "bytes=10-", 416, "refused 416"},
      {"should refuse what is far beyond the end", "/ranged", "bytes=99999999999999999999-", 416,
       "refused 416"},
      {"should pass over a range that ends before it starts", "/ranged", "bytes=5-2", 200,
       "0123456789"},
      {"should pass over a start beyond all numbers", "/ranged", "bytes=99999999999999999999-5",
       200, "0123456789"},
      {"should pass over other units", "/ranged", "lines=1-2", 200, "0123456789"},
      {"should pass over what is no range", "/ranged", "bytes=a-b", 200, "0123456789"},
      {"should pass over a range where there are none", "/hijack", "bytes=5-2", 409, "no"},
      {"should give a part", "/ranged", "bytes=2-4", 206, "234"},
      {"should give the rest", "/ranged", "bytes=7-", 206, "789"},
      {"should give the end", "/ranged", "bytes=-2", 206, "89"},
      {"should cut a range at the end", "/ranged", "bytes=8-100", 206, "89"},
      {"should give all without a range", "/ranged", "", 200, "0123456789"},
      {"should give all of a newer version", "/ranged?old=yes", "bytes=2-4", 200, "0123456789"},
  };
  Fixture fixture;
  Client client;
  for (const Case& c : cases) {
    INFO(c.sentence);
    ClientRequest request = fixture.Request(c.path);
    if (*c.range) request.headers = {{"Range", c.range}};
    const auto response = client.Send(request);
    REQUIRE(response.has_value());
    CHECK(response->status == c.status);
    CHECK(response->body == c.body);
  }
}

TEST_CASE("Only a GET has ranges, and no other request is refused for one") {
  Fixture fixture;
  for (const char* range : {"bytes=2-4", "bytes=5-2", "lines=1-2", "bytes=99-"}) {
    INFO(range);
    RawConnection head(fixture.port);
    head.Send(std::string("HEAD /ranged HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRANGE: ") +
              range + "\r\n\r\n");
    const std::string answer = head.ReadUntil("");
    CHECK(answer.starts_with("HTTP/1.1 200 "));
    CHECK(answer.contains("Content-Length: 10\r\n"));
    CHECK_FALSE(answer.contains("Content-Range"));

    Client client;
    ClientRequest upload = fixture.Request("/upload");
    upload.method = "PUT";
    upload.body = "text";
    upload.headers = {{"Range", range}};
    const auto response = client.Send(upload);
    REQUIRE(response.has_value());
    CHECK(response->status == 200);
  }
}

TEST_CASE("A range is found wherever the header is, and however it comes") {
  Fixture fixture;
  const std::string rest = "Host: a\r\nRanges: x\r\nRang: y\r\nr: z\r\nrANGE:bytes=2-4\r\n";
  const std::string request = "GET /ranged HTTP/1.1\r\n" + rest + "\r\n";
  // Two requests on one connection, byte by byte.
  RawConnection connection(fixture.port);
  for (int i = 0; i < 2; ++i) {
    for (const char byte : request) REQUIRE(connection.Send({&byte, 1}));
    const std::string answer = connection.ReadUntil("\r\n\r\n234");
    CHECK(answer.starts_with("HTTP/1.1 206 "));
    CHECK(answer.contains("Content-Range: bytes 2-4/10\r\n"));
  }
  // Two ranges are none.
  RawConnection twice(fixture.port);
  twice.Send("GET /ranged HTTP/1.1\r\nRange: bytes=0-0\r\n" + rest + "\r\n");
  CHECK(twice.ReadUntil("0123456789").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("An upload larger than any body is read piece by piece") {
  Fixture fixture;
  std::size_t left = 5'000'000;
  ClientRequest request = fixture.Request("/upload");
  request.method = "PUT";
  const StreamHooks hooks{
      .read_body = [&](char* buffer, std::size_t size) -> std::optional<std::size_t> {
        const std::size_t count = std::min(left, size);
        std::memset(buffer, 'u', count);
        left -= count;
        return count;
      },
      .on_body = {}};
  const auto response = Client::Stream(request, hooks, {});
  REQUIRE(response.has_value());
  CHECK(response->status == 200);
  CHECK(response->body == "5000000");
  CHECK(fixture.whole);
}

TEST_CASE("An upload is cut off where the handler has enough or the client is a stranger") {
  struct Case {
    const char* sentence;
    const char* path;
    int status;
    std::size_t most_taken;
  };
  const Case cases[] = {
      {"should stop at the handler's word", "/upload?limit=yes", 413, 100'000},
      {"should read nothing of a refused request", "/refused", 401, 0},
      {"should read nothing where the body is too large", "/", 413, 0},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture;
    RawConnection connection(fixture.port);
    // No more of the body than fits into the buffers of a connection.
    connection.Send(std::string("PUT ") + c.path +
                    " HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" +
                    std::string(8000, 'x'));
    CHECK(connection.ReadUntil("").contains("HTTP/1.1 " + std::to_string(c.status)));
    CHECK(fixture.taken <= c.most_taken);
    CHECK_FALSE(fixture.whole);
  }
}

TEST_CASE("A stream of the client ends when its hook or its owner says so") {
  Fixture fixture;
  SECTION("its hook") {
    std::size_t seen = 0;
    const auto response = Client::Stream(fixture.Request("/endless"),
                                         {.read_body = {},
                                          .on_body =
                                              [&](std::string_view bytes) {
                                                seen += bytes.size();
                                                return seen < 10'000;
                                              }},
                                         {});
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().kind == ClientFailure::Kind::kCancelled);
  }
  SECTION("its owner") {
    std::stop_source stop;
    ClientRequest request = fixture.Request("/endless");
    request.timeout = 0ms;
    const auto response = Client::Stream(request,
                                         {.read_body = {},
                                          .on_body =
                                              [&](std::string_view) {
                                                stop.request_stop();
                                                return true;
                                              }},
                                         stop.get_token());
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().kind == ClientFailure::Kind::kCancelled);
  }
  SECTION("the request's body cannot be read to its end") {
    ClientRequest request = fixture.Request("/upload");
    request.method = "PUT";
    const auto response = Client::Stream(
        request,
        {.read_body = [](char*, std::size_t) -> std::optional<std::size_t> { return {}; },
         .on_body = {}},
        {});
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().kind == ClientFailure::Kind::kCancelled);
    CHECK_FALSE(fixture.whole);
  }
}

TEST_CASE("A WebSocket carries texts and bytes both ways") {
  Fixture fixture;
  const auto socket =
      OpenSocket("ws://127.0.0.1:" + std::to_string(fixture.port) + "/echo?x=1", {});
  REQUIRE(socket.has_value());
  std::string payload;
  REQUIRE((*socket)->SendText("hello"));
  CHECK((*socket)->Read(payload) == Socket::Frame::kText);
  CHECK(payload == "/echo hello");
  const std::string bytes("\x00\xff\x01", 3);
  REQUIRE((*socket)->SendBinary(bytes));
  CHECK((*socket)->Read(payload) == Socket::Frame::kBinary);
  CHECK(payload == bytes);
  REQUIRE((*socket)->SendText("bye"));
  CHECK((*socket)->Read(payload) == Socket::Frame::kClosed);
}

TEST_CASE("A WebSocket that is refused or that nobody serves does not open") {
  Fixture fixture;
  CHECK_FALSE(OpenSocket("ws://127.0.0.1:" + std::to_string(fixture.port) + "/refused", {}));
  CHECK_FALSE(OpenSocket("ws://127.0.0.1:1/", {}));
}

TEST_CASE("A stop ends a WebSocket whose client says nothing") {
  Fixture fixture;
  const auto socket = OpenSocket("ws://127.0.0.1:" + std::to_string(fixture.port) + "/echo", {});
  REQUIRE(socket.has_value());
  fixture.server.Stop();
  std::string payload;
  CHECK((*socket)->Read(payload) == Socket::Frame::kClosed);
}

TEST_CASE("A connection is not hijacked where the server does not agree") {
  Fixture fixture;
  ClientRequest request = fixture.Request("/hijack");
  request.method = "POST";
  const auto opened = HijackedConnection::Open(request, {});
  REQUIRE(opened.has_value());
  CHECK_FALSE(opened->connection);
  CHECK(opened->refusal.status == 409);
  CHECK(opened->refusal.body == "no");

  request.url = "http://127.0.0.1:1/";
  CHECK(HijackedConnection::Open(request, {}).error().kind == ClientFailure::Kind::kUnreachable);
}

}  // namespace
}  // namespace provider::http
