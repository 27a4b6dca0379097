#include "traefik/codec/problem.h"

namespace traefik::codec {

std::string Path::Pointer() const {
  if (!parent) return {};
  std::string pointer = parent->Pointer() + "/";
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

}  // namespace traefik::codec
