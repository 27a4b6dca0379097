#include "provider/packed_text.h"

#include <algorithm>
#include <new>
#include <ranges>
#include <stdexcept>
#include <utility>

#include <zlib.h>

#include "provider/base/secret.h"

namespace provider {
namespace {

constexpr int kRawWindow = -15;  // the largest, without a header
constexpr int kMemoryLevel = 8;

// One deflate state for each thread: making one costs more than a small text.
class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kRawWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string Deflate(std::string_view text) {
    constexpr std::size_t kFlushMark = 16;
    constexpr std::size_t kLargest = std::size_t{1} << 30;
    if (text.size() > kLargest) throw std::length_error("a part of the document is too large");
    deflateReset(&stream_);
    std::string out(deflateBound(&stream_, text.size()) + kFlushMark, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = deflate(&stream_, Z_FULL_FLUSH);
    if (status != Z_OK || stream_.avail_in != 0 || stream_.avail_out == 0) {
      throw std::length_error("a part of the document is too large to compress");
    }
    out.resize(stream_.total_out);
    out.shrink_to_fit();
    return out;
  }

 private:
  z_stream stream_{};
};

const Bytef* BytesOf(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

void AppendLittleEndian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace

std::shared_ptr<const PackedText> Pack(std::string text) {
  thread_local Deflater deflater;
  auto packed = std::make_shared<PackedText>();
  packed->plain = std::move(text);
  packed->deflated = deflater.Deflate(packed->plain);
  packed->checksum =
      static_cast<std::uint32_t>(crc32_z(0, BytesOf(packed->plain), packed->plain.size()));
  packed->operation = crc32_combine_gen(static_cast<z_off_t>(packed->plain.size()));
  packed->digest = Sha256Hex(packed->plain);
  return packed;
}

std::string Unpack(std::string_view gzip) {
  constexpr int kGzipWindow = 15 + 16;   // the largest, with gzip's header
  constexpr std::size_t kSizeBytes = 4;  // at the end, the lowest byte first
  if (gzip.size() < kSizeBytes) return {};
  std::size_t size = 0;
  for (const char c : gzip.substr(gzip.size() - kSizeBytes) | std::views::reverse) {
    size = size << 8 | static_cast<unsigned char>(c);
  }
  // No more than deflate can do, so that a damaged size costs no memory.
  constexpr std::size_t kBestRatio = 1032;
  if (size > gzip.size() * kBestRatio) return {};
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  std::string text(size, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return whole ? text : std::string();
}

GzipStitcher::GzipStitcher(std::size_t expected_size) {
  out_.reserve(expected_size + 64);
  constexpr char kFastest = 4;  // says how hard the compressor tried
  constexpr char kUnknownSystem = '\xFF';
  out_ += {'\x1F', '\x8B', 8, 0, 0, 0, 0, 0, kFastest, kUnknownSystem};
}

void GzipStitcher::Add(const PackedText& text) {
  out_ += text.deflated;
  checksum_ = static_cast<std::uint32_t>(
      crc32_combine_op(checksum_, text.checksum, static_cast<z_off_t>(text.operation)));
  plain_size_ += text.plain.size();
}

void GzipStitcher::AddPlain(std::string_view text) {
  checksum_ = static_cast<std::uint32_t>(crc32_z(checksum_, BytesOf(text), text.size()));
  plain_size_ += text.size();
  constexpr std::size_t kLargestBlock = 0xFFFF;
  while (!text.empty()) {
    const auto size = static_cast<std::uint32_t>(std::min(text.size(), kLargestBlock));
    out_ += '\0';  // a stored block, not the last
    AppendLittleEndian(out_, size, 2);
    AppendLittleEndian(out_, ~size, 2);
    out_ += text.substr(0, size);
    text.remove_prefix(size);
  }
}

std::string GzipStitcher::Finish() && {
  out_ += {'\x03', '\0'};  // an empty last block
  AppendLittleEndian(out_, checksum_, 4);
  AppendLittleEndian(out_, static_cast<std::uint32_t>(plain_size_), 4);
  return std::move(out_);
}

}  // namespace provider
