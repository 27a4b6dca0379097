#include "orchestrator/deploy/adoption.h"

#include <fmt/format.h>

#include "orchestrator/site/codec.h"
#include "provider/base/secret.h"

namespace orchestrator::deploy {

std::string AdoptionKey(const store::SiteRecord& record) {
  site::Site site = record.site;
  // What is of its routes or its replicas is not of its tasks.
  site.hosts.clear();
  site.routing = {};
  site.served = true;
  site.resources.max_request_body = site::Resources{}.max_request_body;
  return provider::Sha256Hex(
      fmt::format("{}\n{}\n{}", site::ToJson(site), record.built_image, record.restarts));
}

}  // namespace orchestrator::deploy
