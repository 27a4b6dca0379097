#include "provider/snapshot.h"

#include <atomic>
#include <utility>

#include "provider/base/secret.h"

namespace provider {
namespace {

std::vector<traefik::SectionShape> ShapesOf(const std::vector<Section>& sections) {
  std::vector<traefik::SectionShape> shapes;
  shapes.reserve(sections.size());
  for (const Section& section : sections) shapes.push_back({section.name, section.parts.size()});
  return shapes;
}

std::uint64_t NextId() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

Snapshot::Snapshot(std::uint64_t revision, std::vector<Section> sections, traefik::Form form)
    : id_(NextId()), revision_(revision), sections_(std::move(sections)), form_(form) {
  gzip_ = std::make_shared<const std::string>(Stitch(form_, plain_size_));
  std::string digests(1, form_ == traefik::Form::kMerged ? 'm' : 'j');
  for (const Section& section : sections_) {
    digests += section.name + '\n';
    for (const auto& part : section.parts) digests += part->digest;
  }
  constexpr std::size_t kEtagSize = 32;
  etag_ = Sha256Hex(digests).substr(0, kEtagSize);
}

Snapshot::Snapshot(Restored restored)
    : id_(NextId()),
      revision_(restored.revision),
      is_stale_(true),
      form_(restored.form),
      plain_size_(restored.plain_size),
      etag_(std::move(restored.etag)),
      gzip_(std::make_shared<const std::string>(std::move(restored.gzip))) {}

std::string Snapshot::Stitch(traefik::Form form, std::size_t& plain_size) const {
  std::size_t size = 0;
  for (const Section& section : sections_) {
    constexpr std::size_t kSeparator = 16;
    for (const auto& part : section.parts) size += part->deflated.size() + kSeparator;
  }
  GzipStitcher stitcher(size);
  traefik::LayOut(
      ShapesOf(sections_), form, [&](std::string_view text) { stitcher.AddPlain(text); },
      [&](std::size_t section, std::size_t part) {
        stitcher.Add(*sections_[section].parts[part]);
      });
  plain_size = stitcher.plain_size();
  return std::move(stitcher).Finish();
}

std::string Snapshot::Render(traefik::Form form) const {
  std::string out;
  out.reserve(plain_size_ + sections_.size());
  traefik::LayOut(
      ShapesOf(sections_), form, [&](std::string_view text) { out += text; },
      [&](std::size_t section, std::size_t part) { out += sections_[section].parts[part]->plain; });
  return out;
}

std::shared_ptr<const http::MemoryFile> Snapshot::GzipFile() const {
  std::call_once(file_made_, [&] { gzip_file_ = http::MemoryFile::Make(*gzip_); });
  return gzip_file_;
}

Snapshot::Bytes Snapshot::BytesOf(traefik::Form form, Encoding encoding) const {
  if (form == form_ && encoding == Encoding::kGzip) return gzip_;
  if (form != form_ && is_stale_) return nullptr;
  const std::lock_guard lock(mutex_);
  Bytes& bytes = made_[static_cast<std::size_t>(form)][static_cast<std::size_t>(encoding)];
  if (!bytes && is_stale_) {
    bytes = std::make_shared<const std::string>(Unpack(*gzip_));
  } else if (!bytes) {
    std::size_t unused = 0;
    bytes = std::make_shared<const std::string>(encoding == Encoding::kGzip ? Stitch(form, unused)
                                                                            : Render(form));
  }
  return bytes;
}

}  // namespace provider
