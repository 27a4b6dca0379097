// The provider's listener with TLS: who is let in, what a connection costs, and new certificates.
#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <curl/curl.h>
#include <sys/socket.h>

#include "provider/poll_server.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/provider/snapshots.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace provider::http {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using tests::Certificates;
using tests::Eventually;
using tests::MakeSnapshot;
using tests::RawConnection;

// A client of one connection after the other, as Traefik is.
class TlsClient {
 public:
  // `certificate`: the name of its own; empty: it has none.
  TlsClient(const Certificates& certificates, const std::string& certificate)
      : curl_(curl_easy_init(), curl_easy_cleanup) {
    Set(CURLOPT_CAINFO, certificates.certificate("ca").c_str());
    if (!certificate.empty()) {
      Set(CURLOPT_SSLCERT, certificates.certificate(certificate).c_str());
      Set(CURLOPT_SSLKEY, certificates.key(certificate).c_str());
    }
    Set(CURLOPT_TIMEOUT, 20L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(
        CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* body) {
          static_cast<std::string*>(body)->append(data, size);
          return size;
        });
  }

  // The status; 0 where there is no answer.
  long Get(const std::string& url, const char* prefer = "") {
    std::string body;
    const std::string header = std::string("Prefer: ") + prefer;
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(
        curl_slist_append(nullptr, header.c_str()), curl_slist_free_all);
    Set(CURLOPT_URL, url.c_str());
    Set(CURLOPT_HTTPHEADER, headers.get());
    Set(CURLOPT_WRITEDATA, &body);
    long status = 0;
    if (curl_easy_perform(curl_.get()) == CURLE_OK) {
      curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
      curl_easy_getinfo(curl_.get(), CURLINFO_NUM_CONNECTS, &connections);
    }
    bytes = body.size();
    return status;
  }

  // Cuts the connection itself when `condition` holds, while a request is under way.
  bool VanishAfter(const std::string& url, const char* prefer,
                   const std::function<bool()>& condition) {
    curl_socket_t socket = -1;
    curl_easy_getinfo(curl_.get(), CURLINFO_ACTIVESOCKET, &socket);
    bool is_cut = false;
    {
      const std::jthread cutter(
          [&] { is_cut = Eventually(condition) && shutdown(socket, SHUT_RDWR) == 0; });
      Get(url, prefer);  // curl tries again on a new connection
    }
    return is_cut;
  }

  // All that comes for these bytes, until `end` has come, or for 10 s.
  std::string Exchange(const std::string& url, std::string_view sent, std::string_view end) {
    Set(CURLOPT_URL, url.c_str());
    Set(CURLOPT_CONNECT_ONLY, 1L);
    std::size_t count = 0;
    if (curl_easy_perform(curl_.get()) != CURLE_OK ||
        curl_easy_send(curl_.get(), sent.data(), sent.size(), &count) != CURLE_OK) {
      return "no connection";
    }
    std::string answers;
    Eventually([&] {
      std::array<char, 4096> some;
      while (curl_easy_recv(curl_.get(), some.data(), some.size(), &count) == CURLE_OK &&
             count > 0) {
        answers.append(some.data(), count);
      }
      return answers.contains(end);
    });
    return answers;
  }

  void SetTimeout(long seconds) { Set(CURLOPT_TIMEOUT, seconds); }

  // The next request needs another connection.
  void Reconnect() {
    Set(CURLOPT_MAXAGE_CONN, 0L);
    Set(CURLOPT_MAXLIFETIME_CONN, 1L);
    Set(CURLOPT_FRESH_CONNECT, 1L);
  }

  long connections = 0;  // that the last request needed
  std::size_t bytes = 0;

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(curl_.get(), option, value);
  }

  std::unique_ptr<CURL, void (*)(CURL*)> curl_;
};

class Fixture {
 public:
  explicit Fixture(bool knows_clients = true) : certificates(directory.path()) {
    certificates.Make("server", "ca");
    certificates.Make("client", "client-ca");
    certificates.Make("stranger", "other-ca");
    files = {certificates.certificate("server"), certificates.key("server"),
             knows_clients ? certificates.certificate("client-ca") : ""};
  }
  ~Fixture() {
    pools.Close();
    if (server) server->Stop();
  }

  void Start() {
    auto loaded = TlsContext::Load(files, [this](const std::string& what) {
      const std::lock_guard lock(mutex);
      problem = what;
    });
    PollServerOptions options;
    tls = std::move(loaded).value();
    options.tls = tls;
    server = std::make_unique<PollServer>(pools, std::move(options));
    port = server->Start({"127.0.0.1", 0, {}}).value();
    pools.Default().publisher.Publish(MakeSnapshot(3));
  }

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port) + "/configuration"; }
  void Forget() {
    const std::lock_guard lock(mutex);
    problem.clear();
  }
  std::string Problem() {
    const std::lock_guard lock(mutex);
    return problem;
  }

  tests::TemporaryDirectory directory;
  Certificates certificates;
  TlsFiles files;
  Pools pools{{}};
  std::shared_ptr<TlsContext> tls;
  std::unique_ptr<PollServer> server;
  std::uint16_t port = 0;
  std::mutex mutex;
  std::string problem;  // guarded by mutex
};

TEST_CASE("TLS files that cannot be used say which it is and why") {
  const Fixture fixture;
  const auto refusal = [&](auto&& change) {
    TlsFiles files = fixture.files;
    change(files);
    const auto loaded = TlsContext::Load(files, {});
    return loaded ? "" : loaded.error();
  };
  const auto missing = fixture.directory.path() / "missing.pem";
  const auto other = fixture.directory.path() / "other.txt";
  std::ofstream(other) << "no certificate\n";
  CHECK(refusal([](TlsFiles&) {}).empty());
  CHECK_THAT(
      refusal([&](TlsFiles& files) { files.certificate = missing; }),
      ContainsSubstring("certificate " + missing.string()) && ContainsSubstring("No such file"));
  CHECK_THAT(refusal([&](TlsFiles& files) { files.certificate = other; }),
             ContainsSubstring("certificate " + other.string()));
  CHECK_THAT(refusal([&](TlsFiles& files) { files.key = fixture.certificates.key("client"); }),
             ContainsSubstring("key ") && ContainsSubstring("mismatch"));
  // OpenSSL takes a key of another kind for a certificate that is still to come.
  fixture.certificates.MakeRsaKey("rsa");
  CHECK_THAT(refusal([&](TlsFiles& files) { files.key = fixture.certificates.key("rsa"); }),
             ContainsSubstring("key "));
  CHECK_THAT(refusal([&](TlsFiles& files) { files.key = other; }),
             ContainsSubstring("key " + other.string()));
  CHECK_THAT(refusal([&](TlsFiles& files) { files.client_ca = missing; }),
             ContainsSubstring("client CA " + missing.string()));
  CHECK_THAT(refusal([&](TlsFiles& files) { files.client_ca = other; }),
             ContainsSubstring("client CA " + other.string()));
}

TEST_CASE("Only clients with a certificate of the client CA are let in") {
  Fixture fixture;
  fixture.Start();
  CHECK(TlsClient(fixture.certificates, "").Get(fixture.url()) == 0);
  CHECK(TlsClient(fixture.certificates, "stranger").Get(fixture.url()) == 0);
  CHECK(TlsClient(fixture.certificates, "server").Get(fixture.url()) == 0);
  RawConnection plain(fixture.port);
  plain.Send("GET /configuration HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_FALSE(plain.Read(100).contains("HTTP/1.1"));
  CHECK(fixture.server->counters().attempts == 0);
  CHECK(Eventually([&] { return fixture.tls->failures() == 4; }));
  CHECK_THAT(fixture.Problem(), ContainsSubstring("127.0.0.1 could not connect with TLS"));

  TlsClient client(fixture.certificates, "client");
  CHECK(client.Get(fixture.url()) == 200);
  CHECK(client.bytes == MakeSnapshot(3)->plain()->size());
  CHECK(client.Get(fixture.url()) == 200);
  CHECK(client.connections == 0);  // the same one
  // A connection that takes up the session of one before has no certificate of its own.
  client.Reconnect();
  CHECK(client.Get(fixture.url()) == 200);
  CHECK(client.connections == 1);
}

TEST_CASE("Without a client CA everyone may connect who knows the server's") {
  Fixture fixture(/*knows_clients=*/false);
  fixture.Start();
  CHECK(TlsClient(fixture.certificates, "").Get(fixture.url()) == 200);
}

TEST_CASE("Requests that are sent without waiting for answers are all answered over TLS") {
  Fixture fixture;
  auto tls = TlsContext::Load(fixture.files, {});
  Server server(
      [](const ServerRequest& request) {
        ServerResponse response;
        response.body = "answer to " + request.path;
        return response;
      },
      [](int) { return ServerResponse{}; }, {.connections = 4}, {},
      std::shared_ptr<TlsContext>(std::move(tls).value()));
  const std::uint16_t port = server.Start({"127.0.0.1", 0, {}}).value();
  const std::string answers =
      TlsClient(fixture.certificates, "client")
          .Exchange("https://127.0.0.1:" + std::to_string(port) + "/",
                    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
                    "answer to /2");
  CHECK_THAT(answers, ContainsSubstring("answer to /1") && ContainsSubstring("answer to /2"));
  server.Stop();
}

TEST_CASE("A poll is held over TLS as without it") {
  Fixture fixture;
  fixture.Start();
  TlsClient client(fixture.certificates, "client");
  REQUIRE(client.Get(fixture.url(), "wait=30") == 200);
  SECTION("and answered by a change") {
    auto next =
        std::async(std::launch::async, [&] { return client.Get(fixture.url(), "wait=30"); });
    REQUIRE(Eventually([&] { return fixture.server->counters().holding == 1; }));
    fixture.pools.Default().publisher.Publish(MakeSnapshot(4));
    CHECK(next.get() == 200);
    CHECK(Eventually([&] { return fixture.server->counters().served == 2; }));
  }
  SECTION("and ends with a connection that goes without a word") {
    auto next = std::async(std::launch::async, [&] {
      TlsClient vanishing(fixture.certificates, "client");
      vanishing.Get(fixture.url());
      return vanishing.VanishAfter(fixture.url(), "wait=60",
                                   [&] { return fixture.server->counters().holding == 1; });
    });
    CHECK(next.get());
    CHECK(Eventually([&] { return fixture.server->counters().holding == 0; }, 5s));
  }
  SECTION("and ends with the connection") {
    auto next = std::async(std::launch::async, [&] {
      TlsClient impatient(fixture.certificates, "client");
      impatient.Get(fixture.url());
      impatient.SetTimeout(1);
      return impatient.Get(fixture.url(), "wait=60");
    });
    CHECK(next.get() == 0);
    CHECK(Eventually([&] { return fixture.server->counters().holding == 0; }, 5s));
  }
}

TEST_CASE("Who does not finish the handshake is cut, and holds up nobody") {
  Fixture fixture;
  auto tls = TlsContext::Load(fixture.files, {});
  Server server([](const ServerRequest&) { return ServerResponse{}; },
                [](int) { return ServerResponse{}; },
                {.connections = 4, .head_time = 1s, .read_timeout = 10s}, {},
                std::shared_ptr<TlsContext>(std::move(tls).value()));
  const std::uint16_t port = server.Start({"127.0.0.1", 0, {}}).value();
  std::vector<std::unique_ptr<RawConnection>> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(std::make_unique<RawConnection>(port));
  for (const auto& connection : silent) CHECK(connection->Send("\x16\x03\x01"));
  TlsClient client(fixture.certificates, "client");
  CHECK(client.Get("https://127.0.0.1:" + std::to_string(port) + "/") == 200);
  for (const auto& connection : silent) CHECK(connection->Read(10).empty());
  server.Stop();
}

TEST_CASE("Files that are replaced are used by new connections; bad ones are not") {
  Fixture fixture;
  fixture.Start();
  const auto connects = [&](const std::string& name) {
    return TlsClient(fixture.certificates, name).Get(fixture.url()) == 200;
  };
  TlsClient client(fixture.certificates, "client");
  REQUIRE(client.Get(fixture.url()) == 200);
  // Strangers become known.
  std::filesystem::copy_file(fixture.certificates.certificate("other-ca"), fixture.files.client_ca,
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(Eventually([&] { return connects("stranger"); }, 10s, 100ms));
  CHECK_FALSE(connects("client"));
  // Who was let in before is not for ever.
  client.Get(fixture.url());
  CHECK(client.Get(fixture.url()) == 0);
  fixture.Forget();

  std::ofstream(fixture.files.certificate) << "broken\n";
  CHECK(Eventually([&] { return connects("stranger") && !fixture.Problem().empty(); }, 10s, 100ms));
  CHECK_THAT(fixture.Problem(),
             ContainsSubstring(fixture.files.certificate.string()) && ContainsSubstring("used on"));
  CHECK(connects("stranger"));
}

}  // namespace
}  // namespace provider::http
