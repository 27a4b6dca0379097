#include "traefik/router_text.h"

#include "traefik/base/json_text.h"

namespace traefik {
namespace {

std::vector<std::string> Texts(const codec::Value& list) {
  std::vector<std::string> texts;
  if (!list.list()) return texts;
  for (const codec::Value& item : *list.list()) {
    if (item.text()) texts.push_back(*item.text());
  }
  return texts;
}

void ReadTls(const codec::Value& tls, RouterText& out) {
  std::string members;
  if (tls.object()) {
    for (const codec::Member& member : *tls.object()) {
      if (member.name == "domains" && member.value.list()) {
        for (const codec::Value& domain : *member.value.list()) {
          AppendMembers(out.tls_domains, codec::ToJson(domain));
        }
        continue;
      }
      AppendMember(members, member.name, codec::ToJson(member.value));
    }
  }
  out.tls = "{" + members + "}";
  out.tls_options = codec::TextOf(tls, "options");
  out.has_resolver = !codec::TextOf(tls, "certResolver").empty();
}

void AppendName(std::string& members, std::string_view name) {
  if (!members.empty()) members += ',';
  AppendJsonString(members, name);
  members += ":{";
}

}  // namespace

RouterText RenderRouter(const std::string& name, const codec::Value& router) {
  RouterText out;
  out.name = name;
  out.rule = codec::TextOf(router, "rule");
  out.old_syntax = codec::TextOf(router, "ruleSyntax") == "v2";
  if (!router.object()) return out;
  for (const codec::Member& member : *router.object()) {
    if (member.name == "entryPoints") {
      out.entry_points = Texts(member.value);
    } else if (member.name == "tls") {
      ReadTls(member.value, out);
    } else if (member.name == "observability") {
      out.observability = codec::ToJson(member.value);
    } else if (member.name == "middlewares" && member.value.list()) {
      for (const codec::Value& each : *member.value.list()) {
        AppendMembers(out.middlewares, codec::ToJson(each));
      }
    } else {
      if (member.name == "priority" && member.value.number()) out.priority = *member.value.number();
      if (member.name == "parentRefs") out.parents = Texts(member.value);
      AppendMember(out.body, member.name, codec::ToJson(member.value));
    }
  }
  return out;
}

void AppendListening(std::string& out, std::span<const std::string> entry_points,
                     std::string_view tls, std::string_view tls_domains,
                     std::string_view observability) {
  if (!entry_points.empty()) {
    out += R"(,"entryPoints":)";
    AppendJsonStrings(out, entry_points);
  }
  if (!tls.empty()) {
    out += R"(,"tls":)";
    out += tls;
    if (!tls_domains.empty()) {
      out.pop_back();  // the closing brace
      if (tls != "{}") out += ',';
      out += R"("domains":[)";
      out += tls_domains;
      out += "]}";
    }
  }
  if (!observability.empty()) {
    out += R"(,"observability":)";
    out += observability;
  }
}

void AppendRouter(std::string& members, const RouterText& router) {
  AppendName(members, router.name);
  std::string more;
  AppendMiddlewares(more, router.middlewares);
  AppendListening(more, router.entry_points, router.tls, router.tls_domains, router.observability);
  members += router.body;
  members += std::string_view(more).substr(router.body.empty() && !more.empty() ? 1 : 0);
  members += '}';
}

void AppendChildRouter(std::string& members, std::string_view name, const RouterText& router,
                       std::string_view parents, std::string_view chain) {
  AppendName(members, name);
  std::string_view middlewares = router.middlewares;
  middlewares.remove_prefix(chain.size());
  if (!chain.empty() && !middlewares.empty()) middlewares.remove_prefix(1);  // the comma
  std::string more;
  AppendMiddlewares(more, middlewares);
  more += R"(,"parentRefs":)";
  more += parents;
  members += router.body;
  members += std::string_view(more).substr(router.body.empty() ? 1 : 0);
  members += '}';
}

void AppendMiddlewares(std::string& out, std::string_view middlewares) {
  if (middlewares.empty()) return;
  out += R"(,"middlewares":[)";
  out += middlewares;
  out += ']';
}

}  // namespace traefik
