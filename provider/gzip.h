#pragma once

#include <string>
#include <string_view>

namespace provider {

// `text` as one gzip member at zlib's fastest level. The header holds no time: same text, same
// bytes.
std::string Gzip(std::string_view text);

}  // namespace provider
