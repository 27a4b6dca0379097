#pragma once

#include <cstddef>
#include <string>

#include "traefik/codec/value.h"
#include "traefik/layout.h"
#include "traefik/schema/option.h"
#include "traefik/tree/partition.h"

namespace traefik {

struct CompileOptions {
  schema::Version version = schema::kNewest;  // before 3.6 routers stay flat
  // From so many HTTP routers on they become a tree, and large maps are merged from parts.
  std::size_t large = kLarge;
  tree::Limits limits = {};
};

// The bytes of a flat document in the shape that Traefik is fastest with, see tree::RouterTree and
// Form::kMerged. The meaning is the same.
std::string Compile(const codec::Value& flat, const CompileOptions& options);

}  // namespace traefik
