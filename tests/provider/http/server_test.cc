#include "provider/http/server.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "provider/http/client.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace provider::http {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using tests::Eventually;
using tests::RawConnection;

const ListenAddress kAnyPort{"127.0.0.1", 0, {}};

ServerResponse Text(std::string body, int status = 200) {
  ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

ServerResponse ErrorPage(int status) { return Text("refused " + std::to_string(status), status); }

// A server whose handler counts its requests on each connection.
class Fixture {
 public:
  explicit Fixture(ServerLimits limits = {.connections = 8, .body_bytes = 1000})
      : server([this](const ServerRequest& request) { return Handle(request); }, ErrorPage,
               limits) {
    port = server.Start(kAnyPort).value();
  }
  ~Fixture() { server.Stop(); }

  std::string Raw(const std::string& bytes, const std::string& end) {
    RawConnection connection(port);
    connection.Send(bytes);
    return connection.ReadUntil(end);
  }

  ClientRequest Request(const std::string& path) const {
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + path;
    return request;
  }

  std::atomic<int> handled = 0;
  std::atomic<int> sent = 0;
  // More than a socket takes at once.
  const std::shared_ptr<const std::string> file_text = [] {
    auto text = std::make_shared<std::string>();
    for (int i = 0; text->size() < (std::size_t{4} << 20); ++i) *text += std::to_string(i) + ' ';
    return text;
  }();
  Server server;
  std::uint16_t port = 0;

 private:
  ServerResponse Handle(const ServerRequest& request) {
    ++handled;
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    if (request.path == "/shared") {
      ServerResponse response;
      response.shared_body = std::make_shared<const std::string>("shared bytes");
      response.on_sent = [this](bool complete) { sent += complete ? 1 : 0; };
      return response;
    }
    if (request.path == "/file") {
      ServerResponse response;
      response.shared_body = file_text;
      response.shared_file = MemoryFile::Make(*file_text);
      return response;
    }
    if (request.path == "/status") return Text("", std::stoi(std::string(request.Query("is"))));
    if (request.path == "/range") return Text(std::string(request.Header("Range")));
    if (request.path == "/query") return Text(std::string(request.Query("a")));
    if (request.path == "/mark") return Text(std::to_string(++request.connection->mark));
    return Text(request.method + " " + request.path + " " + request.body);
  }
};

TEST_CASE("What is no good request never reaches the handler") {
  struct Case {
    const char* sentence;
    std::string bytes;
    std::string answer;  // its beginning
  };
  const Case cases[] = {
      {"should refuse what is not HTTP", "hello\r\n\r\n", "HTTP/1.1 400"},
      {"should refuse an unknown method",
       "FETCH / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
      {"should refuse a path of 5,000 characters",
       "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 414"},
      {"should refuse a path of 20,000 characters",
       "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 414"},
      {"should refuse a body over the limit",
       "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n" +
           std::string(1001, 'a'),
       "HTTP/1.1 413"},
      {"should refuse a chunked body over the limit",
       "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
       "7d0\r\n" +
           std::string(2000, 'a') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture;
    const std::string page = "refused " + c.answer.substr(9);
    const std::string answer = fixture.Raw(c.bytes, page);
    CHECK_THAT(answer, StartsWith(c.answer));
    CHECK_THAT(answer, ContainsSubstring(page));
    CHECK(fixture.handled == 0);
  }
}

TEST_CASE("A server goes on after a bad request") {
  Fixture fixture;
  fixture.Raw("\x16\x03\x01\x02garbage\r\n\r\n", "refused 400");
  Client client;
  const auto response = client.Send(fixture.Request("/x"));
  REQUIRE(response.has_value());
  CHECK(response->body == "GET /x ");
}

TEST_CASE("A client that stops in the middle of a request is let go") {
  Fixture fixture({.connections = 1, .read_timeout = std::chrono::seconds(1)});
  RawConnection stuck(fixture.port);
  stuck.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  CHECK(stuck.ReadUntil("").starts_with("HTTP/1.1 4"));
  CHECK(fixture.handled == 0);
}

TEST_CASE("A connection without requests is closed after the idle time") {
  Fixture fixture({.connections = 1, .idle_timeout = std::chrono::seconds(1)});
  RawConnection idle(fixture.port);
  CHECK(idle.ReadUntil("").empty());
}

TEST_CASE("A handler that throws is a plain 500 without its words") {
  Fixture fixture;
  Client client;
  const auto response = client.Send(fixture.Request("/throw"));
  REQUIRE(response.has_value());
  CHECK(response->status == 500);
  CHECK(response->body == "refused 500");
}

TEST_CASE("The handler gets method, path, query, headers and body") {
  Fixture fixture;
  Client client;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    INFO(method);
    ClientRequest request = fixture.Request("/a/b?c=d");
    request.method = method;
    if (std::string(method) != "GET") request.body = "text";
    const auto response = client.Send(request);
    REQUIRE(response.has_value());
    CHECK(response->body == std::string(method) + " /a/b " + request.body);
  }
  CHECK(client.Send(fixture.Request("/query?a=x%20y&b=2"))->body == "x y");
  CHECK(client.Send(fixture.Request("/query?b=2"))->body.empty());
}

TEST_CASE("A body is taken up to the limit, also with the type that curl gives it by default") {
  Fixture fixture({.connections = 8, .body_bytes = 100'000});
  Client client;
  ClientRequest request = fixture.Request("/");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = std::string(20'000, 'b');
  const auto response = client.Send(request);
  REQUIRE(response.has_value());
  CHECK(response->status == 200);
  CHECK(response->body.size() == std::string("POST / ").size() + request.body.size());
}

TEST_CASE("A request without a body does not take the next one for it") {
  Fixture fixture({.connections = 8, .body_bytes = 1000, .read_timeout = std::chrono::seconds(60)});
  for (const char* method : {"DELETE", "POST", "PUT", "PATCH"}) {
    INFO(method);
    RawConnection connection(fixture.port);
    connection.Send(std::string(method) + " /a HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_THAT(connection.ReadUntil(" /a "), ContainsSubstring("200 OK"));
    connection.Send("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK_THAT(connection.ReadUntil("GET /b "), ContainsSubstring("200 OK"));
  }
}

TEST_CASE("Requests that are sent without waiting for answers are all answered, in their order") {
  Fixture fixture;
  RawConnection connection(fixture.port);
  connection.Send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answers = connection.ReadUntil("");  // it is closed
  INFO(answers);
  const std::size_t second = answers.find("POST /2 abc");
  CHECK(answers.find("GET /1 ") < second);
  CHECK(answers.find("GET /3 ") > second);
  CHECK(fixture.handled == 3);
}

TEST_CASE("A server without sockets does not care for offers of another protocol") {
  Fixture fixture;
  RawConnection connection(fixture.port);
  connection.Send(
      "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string answer = connection.ReadUntil("GET /1 ");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(answer, ContainsSubstring("Content-Length: "));
  connection.Send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_THAT(connection.ReadUntil("GET /2 "), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("An answer that has no body says no length of one") {
  Fixture fixture;
  for (const char* status : {"204", "304"}) {
    INFO(status);
    RawConnection connection(fixture.port);
    connection.Send("GET /status?is=" + std::string(status) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = connection.ReadUntil("\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 " + std::string(status)));
    CHECK_THAT(answer, !ContainsSubstring("Content-Length"));
    // The next answer begins right behind it.
    connection.Send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_THAT(connection.ReadUntil("GET /next "), StartsWith("HTTP/1.1 200 "));
  }
  Client client;
  CHECK(client.Send(fixture.Request("/status?is=204"))->status == 204);
  CHECK(client.Send(fixture.Request("/status?is=200"))->status == 200);
}

TEST_CASE("The handler sees a Range as it came") {
  Fixture fixture;
  Client client;
  ClientRequest request = fixture.Request("/range");
  request.headers = {{"Range", "lines=1-2"}};
  CHECK(client.Send(request)->body == "lines=1-2");
}

TEST_CASE("A connection keeps its mark from one request to the next") {
  Fixture fixture;
  Client client;
  CHECK(client.Send(fixture.Request("/mark"))->body == "1");
  CHECK(client.Send(fixture.Request("/mark"))->body == "2");
  Client other;
  CHECK(other.Send(fixture.Request("/mark"))->body == "1");
  CHECK(client.Send(fixture.Request("/mark"))->body == "3");
}

TEST_CASE("What is in a file is sent from there, one answer after another") {
  Fixture fixture;
  REQUIRE(MemoryFile::Make(*fixture.file_text));
  CHECK_FALSE(MemoryFile::Make("few bytes"));
  Client client;
  for (int i = 0; i < 3; ++i) {
    CHECK(client.Send(fixture.Request("/file"))->body == *fixture.file_text);
    CHECK(client.Send(fixture.Request("/shared"))->body == "shared bytes");
  }
  ClientRequest head = fixture.Request("/file");
  head.method = "HEAD";
  CHECK(client.Send(head)->body.empty());
  CHECK(client.Send(fixture.Request("/query?a=b"))->body == "b");
}

TEST_CASE("A shared body is sent whole and its end is told") {
  Fixture fixture;
  Client client;
  CHECK(client.Send(fixture.Request("/shared"))->body == "shared bytes");
  CHECK(Eventually([&] { return fixture.sent == 1; }));
}

TEST_CASE("FindHeader ignores case and takes the first") {
  const HeaderList headers{{"X-A", "1"}, {"x-a", "2"}, {"X-Ab", "3"}};
  CHECK(FindHeader(headers, "x-A") == "1");
  CHECK(FindHeader(headers, "X-AB") == "3");
  CHECK(FindHeader(headers, "X").empty());
}

TEST_CASE("A taken port is refused with a reason") {
  Fixture fixture;
  Server second([](const ServerRequest&) { return Text(""); }, ErrorPage, {});
  const auto port = second.Start({"127.0.0.1", fixture.port, {}});
  REQUIRE_FALSE(port.has_value());
  CHECK_THAT(port.error(), ContainsSubstring("the port is in use"));
}

TEST_CASE("An address of another machine is refused with a reason") {
  Server server([](const ServerRequest&) { return Text(""); }, ErrorPage, {});
  const auto port = server.Start({"192.0.2.1", 0, {}});
  REQUIRE_FALSE(port.has_value());
  CHECK_THAT(port.error(), StartsWith("cannot listen on 192.0.2.1:0: "));
}

TEST_CASE("Stop may be called twice, and without a start") {
  Server never([](const ServerRequest&) { return Text(""); }, ErrorPage, {});
  never.Stop();
  Fixture fixture;
  fixture.server.Stop();
  fixture.server.Stop();
  Client client;
  CHECK_FALSE(client.Send(fixture.Request("/")).has_value());
}

TEST_CASE("A Unix socket is for its owner, replaces one that is left over, and is removed") {
  const tests::TemporaryDirectory directory;
  const std::string path = directory.Write("socket", "left over");
  Client client;
  ClientRequest request;
  request.url = "http://engine/x";
  request.unix_socket = path;
  {
    Server server([](const ServerRequest& r) { return Text(r.path); }, ErrorPage, {});
    CHECK(server.Start({{}, 0, path}).value() == 0);
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    CHECK(client.Send(request)->body == "/x");

    Server second([](const ServerRequest&) { return Text(""); }, ErrorPage, {});
    const auto refused = second.Start({{}, 0, path});
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error(), ContainsSubstring("another process listens there"));
    CHECK(client.Send(request)->body == "/x");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace provider::http
