#include "provider/http/tls_context.h"

#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace provider::http {
namespace {

using Context = std::shared_ptr<SSL_CTX>;

std::string Reason() {
  const unsigned long code = ERR_peek_error();  // the deepest one
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "it is no PEM file of that kind";
}

std::unexpected<std::string> Unusable(const char* what, const std::filesystem::path& path) {
  return std::unexpected(
      fmt::format("the {} {} cannot be used: {}", what, path.string(), Reason()));
}

std::expected<Context, std::string> Read(const TlsFiles& files) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return std::unexpected("TLS cannot be set up: " + Reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A key with a password cannot be used, since there is nobody to ask.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return Unusable("certificate", files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Unusable("key", files.key);
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) return Unusable("key", files.key);
  if (files.client_ca.empty()) return context;
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(files.client_ca.c_str());
  if (!names ||
      SSL_CTX_load_verify_locations(context.get(), files.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Unusable("client CA", files.client_ca);
  }
  SSL_CTX_set_client_CA_list(context.get(), names);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Without it no session with a client's certificate can be taken up again.
  static constexpr unsigned char kName[] = "orchestrator";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof kName - 1);
  return context;
}

}  // namespace

std::expected<std::unique_ptr<TlsContext>, std::string> TlsContext::Load(
    TlsFiles files, std::function<void(const std::string&)> on_problem) {
  std::unique_ptr<TlsContext> loaded(new TlsContext(std::move(files), std::move(on_problem)));
  loaded->state_ = loaded->State();
  auto context = Read(loaded->files_);
  if (!context) return std::unexpected(context.error());
  loaded->current_ = *std::move(context);
  loaded->checked_ = Clock::now();
  return loaded;
}

std::shared_ptr<ssl_ctx_st> TlsContext::Current() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (now - checked_ < kRecheck) return current_;
  checked_ = now;
  std::string state = State();
  if (state == state_) return current_;
  state_ = std::move(state);
  auto context = Read(files_);
  if (context) {
    current_ = *std::move(context);
  } else if (on_problem_) {
    on_problem_(context.error() + "; what was read before is used on");
  }
  return current_;
}

void TlsContext::CountFailure(const std::string& peer, const std::string& reason) {
  ++failures_;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (!on_problem_ || now - told_ < kTellAgain) return;
  told_ = now;
  on_problem_(fmt::format("{} could not connect with TLS: {}", peer, reason));
}

// What changes when somebody puts other files in their place.
std::string TlsContext::State() const {
  std::string state;
  for (const auto* file : {&files_.certificate, &files_.key, &files_.client_ca}) {
    std::error_code unknown;
    const auto time = std::filesystem::last_write_time(*file, unknown);
    const auto size = std::filesystem::file_size(*file, unknown);
    state += fmt::format("{} {};", time.time_since_epoch().count(), size);
  }
  return state;
}

}  // namespace provider::http
