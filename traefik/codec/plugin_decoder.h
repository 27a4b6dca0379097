#pragma once

#include "traefik/codec/problem.h"
#include "traefik/codec/raw_node.h"
#include "traefik/codec/value.h"

namespace traefik::codec {

// The configuration of plugins, which has no schema: scalars become texts, lists of scalars keep
// the kind of their items where `typed` (documents), a map whose first key is an index is a list.
Value DecodePlugins(const RawNode& plugins, bool typed, const Path& path, Problems& problems);

}  // namespace traefik::codec
