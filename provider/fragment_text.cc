#include "provider/fragment_text.h"

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace provider {
namespace {

using nlohmann::json;

json RouterToJson(const traefik::RouterText& router) {
  return {{"name", router.name},
          {"body", router.body},
          {"rule", router.rule},
          {"old_syntax", router.old_syntax},
          {"priority", router.priority},
          {"parents", router.parents},
          {"entry_points", router.entry_points},
          {"tls", router.tls},
          {"tls_options", router.tls_options},
          {"tls_domains", router.tls_domains},
          {"has_resolver", router.has_resolver},
          {"observability", router.observability}};
}

traefik::RouterText RouterFromJson(const json& value) {
  traefik::RouterText router;
  value.at("name").get_to(router.name);
  value.at("body").get_to(router.body);
  value.at("rule").get_to(router.rule);
  value.at("old_syntax").get_to(router.old_syntax);
  value.at("priority").get_to(router.priority);
  value.at("parents").get_to(router.parents);
  value.at("entry_points").get_to(router.entry_points);
  value.at("tls").get_to(router.tls);
  value.at("tls_options").get_to(router.tls_options);
  value.at("tls_domains").get_to(router.tls_domains);
  value.at("has_resolver").get_to(router.has_resolver);
  value.at("observability").get_to(router.observability);
  return router;
}

json FragmentToJson(const traefik::Fragment& fragment) {
  json routers = json::array();
  for (const traefik::RouterText& router : fragment.routers) {
    routers.push_back(RouterToJson(router));
  }
  return {{"routers", std::move(routers)},
          {"services", fragment.services},
          {"servers_transports", fragment.servers_transports},
          {"middlewares", fragment.middlewares},
          {"others", fragment.others}};
}

traefik::Fragment FragmentFromJson(const json& value) {
  traefik::Fragment fragment;
  for (const json& router : value.at("routers")) {
    fragment.routers.push_back(RouterFromJson(router));
  }
  value.at("services").get_to(fragment.services);
  value.at("servers_transports").get_to(fragment.servers_transports);
  value.at("middlewares").get_to(fragment.middlewares);
  value.at("others").get_to(fragment.others);
  return fragment;
}

}  // namespace

std::string FragmentsToText(const Fragments& fragments) {
  json out = json::array();
  for (const auto& [key, fragment] : fragments) out.push_back({key, FragmentToJson(*fragment)});
  return out.dump();
}

std::expected<Fragments, std::string> ParseFragments(std::string_view text) {
  try {
    Fragments fragments;
    for (const json& item : json::parse(text)) {
      fragments.emplace(item.at(0).get<std::uint64_t>(),
                        std::make_shared<const traefik::Fragment>(FragmentFromJson(item.at(1))));
    }
    return fragments;
  } catch (const json::exception& error) {
    return std::unexpected(error.what());
  }
}

}  // namespace provider
