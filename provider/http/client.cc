#include "provider/http/client.h"

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

namespace provider::http {
namespace {

constexpr long kKeepAliveSeconds = 30;  // on streams without an end
constexpr long kConnectSeconds = 20;
constexpr int kLongestPoll = 1000;  // milliseconds
constexpr std::size_t kLargestBody = std::size_t{512} << 20;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, MultiDeleter>;

// What one transfer at a time needs of libcurl. It keeps the connection for the next one, and the
// buffers.
struct Lane {
  Multi multi;
  Easy easy;  // goes before the other one
};

Lane MakeLane() {
  Lane lane{Multi(curl_multi_init()), Easy(curl_easy_init())};
  if (!lane.multi || !lane.easy) throw std::bad_alloc();
  return lane;
}

struct Transfer {
  const ClientRequest* request = nullptr;
  CURL* const easy;
  curl_slist* headers = nullptr;
  curl_slist* place = nullptr;
  char error[CURL_ERROR_SIZE] = "";
  ClientResponse response;
  const StreamHooks* hooks = nullptr;  // of Client::Stream
  bool too_large = false;
  bool ended = false;  // by its own hooks

  explicit Transfer(CURL* handle) : easy(handle) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_easy_reset(easy);  // which forgets what points to this
    curl_slist_free_all(headers);
    curl_slist_free_all(place);
  }
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (transfer.hooks && transfer.hooks->on_body) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      try {
        transfer.ended = !transfer.hooks->on_body({data, bytes});
      } catch (const std::exception&) {  // must not pass through libcurl
        transfer.ended = true;
      }
      return transfer.ended ? 0 : bytes;
    }
  }
  if (transfer.response.body.size() + bytes > kLargestBody) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(data, bytes);
  return bytes;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  std::string_view line(data, bytes);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();  // after a 100 Continue
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    transfer.response.headers.emplace_back(line.substr(0, colon), value);
  }
  return bytes;
}

std::size_t OnUpload(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::optional<std::size_t> given;
  try {
    given = transfer.hooks->read_body(buffer, size * count);
  } catch (const std::exception&) {  // must not pass through libcurl
    given.reset();
  }
  transfer.ended = !given;
  return given.value_or(CURL_READFUNC_ABORT);
}

// "https://10.0.0.1:8443/x" → "10.0.0.1:8443"; the port of the scheme where there is none.
std::string Authority(const std::string& url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) {
      return std::string();
    }
    const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
    return std::string(text);
  };
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return url;
  return part(CURLUPART_HOST) + ":" + part(CURLUPART_PORT);
}

void Prepare(Transfer& transfer) {
  const ClientRequest& request = *transfer.request;
  CURL* const easy = transfer.easy;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  if (!request.place.empty()) {
    // Any host and port of the URL go there.
    transfer.place = curl_slist_append(nullptr, ("::" + Authority(request.place)).c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.place);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  }
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (transfer.hooks && transfer.hooks->read_body) {  // chunked
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, OnUpload);
    curl_easy_setopt(easy, CURLOPT_READDATA, &transfer);
    transfer.headers = curl_slist_append(transfer.headers, "Transfer-Encoding: chunked");
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  for (const auto& [name, value] : request.headers) {
    transfer.headers =
        curl_slist_append(transfer.headers, fmt::format("{}: {}", name, value).c_str());
  }
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");
  // libcurl would call every body a form.
  if (FindHeader(request.headers, "Content-Type").empty()) {
    transfer.headers = curl_slist_append(transfer.headers, "Content-Type:");
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
}

std::expected<ClientResponse, ClientFailure> ResultOf(Transfer& transfer, CURLcode code) {
  using Kind = ClientFailure::Kind;
  const auto failure = [&](Kind kind) {
    const char* text = transfer.error[0] ? transfer.error : curl_easy_strerror(code);
    return std::unexpected(ClientFailure{kind, text});
  };
  switch (code) {
    case CURLE_OK: {
      long status = 0;
      curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
      transfer.response.status = static_cast<int>(status);
      return std::move(transfer.response);
    }
    case CURLE_OPERATION_TIMEDOUT:
      return failure(Kind::kTimeout);
    case CURLE_WRITE_ERROR:
      if (transfer.ended) return failure(Kind::kCancelled);
      return failure(transfer.too_large ? Kind::kTooLarge : Kind::kProtocol);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return failure(Kind::kUnreachable);
    case CURLE_ABORTED_BY_CALLBACK:
      return failure(Kind::kCancelled);
    default:
      return failure(Kind::kProtocol);
  }
}

void InitialiseCurl() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
}

// Runs the transfer on this thread until it is done or one of the tokens is asked to stop.
std::expected<ClientResponse, ClientFailure> Perform(const Lane& lane, const ClientRequest& request,
                                                     const StreamHooks* hooks,
                                                     const std::stop_token& stop,
                                                     const std::stop_token& closing) {
  CURLM* const multi = lane.multi.get();
  Transfer transfer(lane.easy.get());
  transfer.request = &request;
  transfer.hooks = hooks;
  Prepare(transfer);
  curl_multi_add_handle(multi, transfer.easy);
  const auto wake = [&] { curl_multi_wakeup(multi); };
  const std::stop_callback on_stop(stop, wake);
  const std::stop_callback on_closing(closing, wake);
  std::expected<ClientResponse, ClientFailure> result =
      std::unexpected(ClientFailure{ClientFailure::Kind::kCancelled, "cancelled"});
  int running = 1;
  while (running > 0 && !stop.stop_requested() && !closing.stop_requested()) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, kLongestPoll, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) result = ResultOf(transfer, message->data.result);
  }
  curl_multi_remove_handle(multi, transfer.easy);
  return result;
}

}  // namespace

class Client::Lanes {
 public:
  Lanes() { InitialiseCurl(); }

  ~Lanes() {
    closing_.request_stop();
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return taken_ == 0; });
  }

  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  std::expected<ClientResponse, ClientFailure> Send(const ClientRequest& request,
                                                    const std::stop_token& stop) {
    Lane lane = Take();
    auto result = Perform(lane, request, nullptr, stop, closing_.get_token());
    Return(std::move(lane));
    return result;
  }

 private:
  static constexpr std::size_t kMostIdle = 64;

  Lane Take() {
    const std::lock_guard lock(mutex_);
    Lane lane;
    if (idle_.empty()) {
      lane = MakeLane();
    } else {
      lane = std::move(idle_.back());  // the one whose connection was used last
      idle_.pop_back();
    }
    ++taken_;
    return lane;
  }

  void Return(Lane lane) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(lane));
    // The last touch of this object: the destructor waits for it.
    if (--taken_ == 0) returned_.notify_all();
  }

  std::stop_source closing_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t taken_ = 0;   // guarded by mutex_
  std::vector<Lane> idle_;  // guarded by mutex_
};

std::expected<ClientResponse, ClientFailure> Client::Stream(const ClientRequest& request,
                                                            const StreamHooks& hooks,
                                                            const std::stop_token& stop) {
  InitialiseCurl();
  return Perform(MakeLane(), request, &hooks, stop, {});
}

Client::Client() : lanes_(std::make_unique<Lanes>()) {}
Client::~Client() = default;

std::expected<ClientResponse, ClientFailure> Client::Send(const ClientRequest& request,
                                                          const std::stop_token& stop) {
  return lanes_->Send(request, stop);
}

}  // namespace provider::http
