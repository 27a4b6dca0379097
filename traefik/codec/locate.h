#pragma once

#include <string_view>
#include <vector>

#include "traefik/codec/problem.h"
#include "traefik/codec/raw_node.h"

namespace traefik::codec {

// Gives problems that have a pointer only the line and column where a document says that part, or
// the innermost part around it that the document has. Of JSON nothing is known.
void Locate(const RawNode& document, std::vector<Problem>& problems);

}  // namespace traefik::codec
