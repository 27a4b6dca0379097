#include "traefik/codec/value.h"

#include <fmt/format.h>

#include "traefik/base/json_text.h"

namespace traefik::codec {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

void Append(std::string& out, const Value& value) {
  std::visit(Overloaded{
                 [&](std::monostate) { out += "null"; },
                 [&](bool flag) { out += flag ? "true" : "false"; },
                 [&](std::int64_t number) { out += std::to_string(number); },
                 [&](double number) { out += fmt::format("{}", number); },
                 [&](const std::string& text) { AppendJsonString(out, text); },
                 [&](const List& list) {
                   out += '[';
                   for (std::size_t i = 0; i < list.size(); ++i) {
                     if (i > 0) out += ',';
                     Append(out, list[i]);
                   }
                   out += ']';
                 },
                 [&](const Object& members) {
                   out += '{';
                   for (std::size_t i = 0; i < members.size(); ++i) {
                     if (i > 0) out += ',';
                     AppendJsonString(out, members[i].name);
                     out += ':';
                     Append(out, members[i].value);
                   }
                   out += '}';
                 },
             },
             value.data);
}

}  // namespace

std::string ToJson(const Value& value) {
  std::string out;
  Append(out, value);
  return out;
}

}  // namespace traefik::codec
