#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace provider {

// A text with its compressed form, which can be put among others into one gzip member without being
// compressed again. Immutable, so it is shared between threads without a lock.
struct PackedText {
  std::string plain;
  std::string deflated;  // a raw deflate stream that ends at a byte's end, and does not finish
  std::uint32_t checksum = 0;   // CRC-32 of `plain`
  unsigned long operation = 0;  // zlib's crc32_combine_gen of the length of `plain`
  std::string digest;           // SHA-256 of `plain`, in hexadecimal digits
};

// Same text, same bytes.
std::shared_ptr<const PackedText> Pack(std::string text);

// What a gzip member of less than 4 GiB holds; an empty text where it is damaged.
std::string Unpack(std::string_view gzip);

// Writes one gzip member, at zlib's fastest level, whose header holds no time.
class GzipStitcher {
 public:
  explicit GzipStitcher(std::size_t expected_size);

  void Add(const PackedText& text);
  void AddPlain(std::string_view text);  // short: it is not compressed

  std::size_t plain_size() const { return plain_size_; }

  // Ends the member; nothing may be added after it.
  std::string Finish() &&;

 private:
  std::string out_;
  std::uint32_t checksum_ = 0;
  std::size_t plain_size_ = 0;
};

}  // namespace provider
