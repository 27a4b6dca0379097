#include "traefik/codec/edit.h"

#include <algorithm>

namespace traefik::codec {
namespace {

struct Place {
  std::string_view path;  // "*": each member of an object or of a list
  ReferenceTarget target;
};

constexpr ReferenceTarget kHttpService{"http", "services"};
constexpr ReferenceTarget kTcpService{"tcp", "services"};
constexpr ReferenceTarget kUdpService{"udp", "services"};
constexpr ReferenceTarget kHttpMiddleware{"http", "middlewares"};

constexpr Place kPlaces[] = {
    {"http.routers.*.service", kHttpService},
    {"http.routers.*.middlewares.*", kHttpMiddleware},
    {"http.routers.*.parentRefs.*", {"http", "routers"}},
    {"http.routers.*.tls.options", {"tls", "options"}},
    {"http.services.*.loadBalancer.serversTransport", {"http", "serversTransports"}},
    {"http.services.*.middlewares.*", kHttpMiddleware},
    {"http.services.*.weighted.services.*.name", kHttpService},
    {"http.services.*.highestRandomWeight.services.*.name", kHttpService},
    {"http.services.*.mirroring.service", kHttpService},
    {"http.services.*.mirroring.mirrors.*.name", kHttpService},
    {"http.services.*.failover.service", kHttpService},
    {"http.services.*.failover.fallback", kHttpService},
    {"http.middlewares.*.chain.middlewares.*", kHttpMiddleware},
    {"http.middlewares.*.errors.service", kHttpService},
    {"tcp.routers.*.service", kTcpService},
    {"tcp.routers.*.middlewares.*", {"tcp", "middlewares"}},
    {"tcp.routers.*.tls.options", {"tls", "options"}},
    {"tcp.services.*.loadBalancer.serversTransport", {"tcp", "serversTransports"}},
    {"tcp.services.*.weighted.services.*.name", kTcpService},
    {"udp.routers.*.service", kUdpService},
    {"udp.services.*.weighted.services.*.name", kUdpService},
};

Value* FindMutable(Value& object, std::string_view name) {
  return const_cast<Value*>(std::as_const(object).Find(name));
}

using Visit = std::function<void(const ReferenceTarget&, const Path&, std::string&)>;

void Walk(Value& value, std::string_view rest, const ReferenceTarget& target, const Path& path,
          const Visit& visit) {
  if (rest.empty()) {
    if (auto* name = std::get_if<std::string>(&value.data)) visit(target, path, *name);
    return;
  }
  const std::size_t dot = rest.find('.');
  const std::string_view step = rest.substr(0, dot);
  const std::string_view after = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
  if (step != "*") {
    if (Value* member = FindMutable(value, step))
      Walk(*member, after, target, {&path, step}, visit);
  } else if (auto* members = std::get_if<Object>(&value.data)) {
    for (Member& member : *members) {
      Walk(member.value, after, target, {&path, member.name}, visit);
    }
  } else if (auto* items = std::get_if<List>(&value.data)) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      const std::string index = std::to_string(i);
      Walk((*items)[i], after, target, {&path, index}, visit);
    }
  }
}

}  // namespace

Value& ObjectAt(Value& object, std::string_view name) {
  if (!object.object()) object.data = Object();
  if (Value* found = FindMutable(object, name)) return *found;
  Put(object, name, Value{Object()});
  return *FindMutable(object, name);
}

Value& NamedAt(Value& configuration, std::string_view protocol, std::string_view kind) {
  return ObjectAt(ObjectAt(configuration, protocol), kind);
}

Value& ListAt(Value& object, std::string_view name) {
  if (Value* found = FindMutable(object, name); found && found->list()) return *found;
  Put(object, name, Value{List()});
  return *FindMutable(object, name);
}

void Put(Value& object, std::string_view name, Value value) {
  if (Value* found = FindMutable(object, name)) {
    *found = std::move(value);
    return;
  }
  auto& members = std::get<Object>(object.data);
  const auto place = std::ranges::lower_bound(members, name, {}, &Member::name);
  members.insert(place, Member{std::string(name), std::move(value)});
}

void Merge(Value& into, const Value& from) {
  if (!from.object()) return;
  for (const Member& protocol : *from.object()) {
    if (!protocol.value.object()) continue;
    for (const Member& kind : *protocol.value.object()) {
      Value& section = ObjectAt(into, protocol.name);
      if (const List* items = kind.value.list()) {
        Value* there = FindMutable(section, kind.name);
        if (auto* list = there ? std::get_if<List>(&there->data) : nullptr) {
          list->insert(list->end(), items->begin(), items->end());
        } else {
          Put(section, kind.name, kind.value);
        }
      } else if (const Object* objects = kind.value.object()) {
        Value& named = ObjectAt(section, kind.name);
        for (const Member& object : *objects) Put(named, object.name, object.value);
      }
    }
  }
}

void ForEachNamed(Value& configuration,
                  const std::function<void(std::string_view, std::string_view, Member&)>& visit) {
  auto* protocols = std::get_if<Object>(&configuration.data);
  if (!protocols) return;
  for (Member& protocol : *protocols) {
    auto* kinds = std::get_if<Object>(&protocol.value.data);
    if (!kinds) continue;
    for (Member& kind : *kinds) {
      auto* objects = std::get_if<Object>(&kind.value.data);
      if (!objects) continue;
      for (Member& object : *objects) visit(protocol.name, kind.name, object);
    }
  }
}

void ForEachReference(Value& configuration, const Visit& visit) {
  for (const Place& place : kPlaces) Walk(configuration, place.path, place.target, {}, visit);
}

}  // namespace traefik::codec
