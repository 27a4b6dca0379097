#include "orchestrator/api/file_href.h"

#include <fmt/format.h>

namespace orchestrator::api {
namespace {

std::string UrlPath(std::string_view bytes) {
  std::string url;
  for (const char c : bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").contains(c);
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

}  // namespace

std::string FileHref(site::SiteId id, std::string_view path) {
  return fmt::format("/v1/sites/{}/files{}{}", id.value, path.empty() ? "" : "/", UrlPath(path));
}

}  // namespace orchestrator::api
