#include "orchestrator/app/secrets.h"

#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/routing/migrations.h"
#include "provider/base/secret.h"
#include "provider/default_certificate.h"
#include "traefik/schema/schema.h"

namespace orchestrator::app {
namespace {

constexpr std::size_t kProbeSecretBytes = 16;

// What of the configuration is in the document.
std::string Fingerprint(const config::Config& config, std::string_view shared) {
  return provider::Sha256Hex(
      fmt::format("document 4{}|{}|{}|{}|{}", config.routing.follow_tasks ? " of tasks" : "",
                  fmt::join(config.routing.entry_points, ","), config.PagesUrl(),
                  traefik::schema::Name(config.traefik.Target()), shared));
}

std::string FingerprintSetting(const std::string& pool) {
  constexpr const char* kDefault = "document_fingerprint";
  return pool == site::kDefaultPool ? kDefault : fmt::format("{}/{}", kDefault, pool);
}

// The value of a setting, which is `make()` from the first time on.
Result<std::string> Once(store::Transaction& transaction, std::string_view key,
                         const std::function<std::string()>& make) {
  const auto current = transaction.Setting(key);
  if (!current) return Failure(current.error());
  if (*current) return **current;
  std::string value = make();
  if (auto set = transaction.SetSetting(key, value); !set) return Failure(set.error());
  return value;
}

Result<void> Prepare(store::Transaction& transaction, const config::Config& config,
                     std::string_view shared, Secrets& secrets) {
  traefik::Certificate made;
  const auto certificate = Once(transaction, "default_certificate", [&] {
    made = provider::MakeDefaultCertificate();
    return made.certificate_pem;
  });
  const auto key = Once(transaction, "default_certificate_key", [&] { return made.key_pem; });
  const auto secret =
      Once(transaction, "probe_secret", [] { return provider::RandomHex(kProbeSecretBytes); });
  const auto mode = Once(transaction, routing::kDefaultModeSetting,
                         [&] { return site::Name(config.routing.default_mode); });
  for (const auto* value : {&certificate, &key, &secret, &mode}) {
    if (!*value) return Failure(value->error());
  }
  secrets.default_certificate = {*certificate, *key};
  secrets.probe = {.host = "orchestrator-probe.invalid",
                   .secret_header = "X-Orchestrator-Probe",
                   .secret = *secret,
                   .revision_header = "X-Orchestrator-Revision"};

  const std::string current = Fingerprint(config, shared);
  for (const std::string& pool : config.routing.pools) {
    const std::string setting = FingerprintSetting(pool);
    const auto fingerprint = transaction.Setting(setting);
    if (!fingerprint) return Failure(fingerprint.error());
    if (*fingerprint == current) continue;
    if (auto set = transaction.SetSetting(setting, current); !set) return set;
    if (auto marked = transaction.MarkDocumentChanged(pool); !marked) return marked;
  }
  return {};
}

}  // namespace

Result<Secrets> PrepareStore(store::Store& store, const config::Config& config,
                             std::string_view shared) {
  Secrets secrets;
  const auto written = store.Write([&](store::Transaction& transaction) {
    return Prepare(transaction, config, shared, secrets);
  });
  if (!written) return Failure(written.error());
  return secrets;
}

}  // namespace orchestrator::app
