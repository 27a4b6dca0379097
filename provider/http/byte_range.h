#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace provider::http {

// A part of a body, in bytes.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// What the header Range asks for of a body of `size` bytes (RFC 9110, 14.1.2 and 14.2). Nothing
// where there is none or it is to be passed over, so that all is sent: other units, what is no
// range, several ranges at once. A length of 0 where it asks for nothing that is there.
std::optional<ByteRange> ChooseRange(std::string_view header, std::uint64_t size);

}  // namespace provider::http
