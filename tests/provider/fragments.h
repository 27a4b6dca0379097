#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "traefik/document.h"

namespace tests {

// A fragment with one router, named after its key.
inline traefik::Fragment HostFragment(const std::string& host, std::uint64_t key) {
  traefik::RouterText router;
  router.name = fmt::format("r{}", key);
  router.rule = "Host(`" + host + "`)";
  router.body = fmt::format(R"j("rule":"Host(`{}`)")j", host);
  traefik::Fragment fragment;
  fragment.routers.push_back(std::move(router));
  return fragment;
}

}  // namespace tests
