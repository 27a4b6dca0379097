#pragma once

#include <string>
#include <string_view>

#include <zlib.h>

namespace tests {

struct Unpacked {
  std::string text;
  std::size_t bytes_left = 0;  // behind the first member
};

// Reads one gzip member. An empty text where it is none.
inline Unpacked Gunzip(std::string_view packed) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  Unpacked unpacked;
  char buffer[16384];
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    status = inflate(&stream, Z_NO_FLUSH);
    unpacked.text.append(buffer, sizeof buffer - stream.avail_out);
  }
  unpacked.bytes_left = stream.avail_in;
  inflateEnd(&stream);
  if (status != Z_STREAM_END) unpacked.text.clear();
  return unpacked;
}

}  // namespace tests
