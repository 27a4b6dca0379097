#include "provider/snapshot.h"

#include <utility>

#include "provider/secret.h"

namespace provider {
namespace {

std::vector<traefik::SectionShape> ShapesOf(const std::vector<Section>& sections) {
  std::vector<traefik::SectionShape> shapes;
  shapes.reserve(sections.size());
  for (const Section& section : sections) shapes.push_back({section.name, section.parts.size()});
  return shapes;
}

}  // namespace

Snapshot::Snapshot(std::uint64_t revision, std::vector<Section> sections, traefik::Form form)
    : revision_(revision), sections_(std::move(sections)), form_(form) {
  gzip_ = std::make_shared<const std::string>(Stitch(form_, plain_size_));
  std::string digests(1, form_ == traefik::Form::kMerged ? 'm' : 'j');
  for (const Section& section : sections_) {
    digests += section.name + '\n';
    for (const auto& part : section.parts) digests += part->digest;
  }
  constexpr std::size_t kEtagSize = 32;
  etag_ = Sha256Hex(digests).substr(0, kEtagSize);
}

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

Snapshot::Bytes Snapshot::BytesOf(traefik::Form form, Encoding encoding) const {
  if (form == form_ && encoding == Encoding::kGzip) return gzip_;
  const std::lock_guard lock(mutex_);
  Bytes& bytes = made_[static_cast<std::size_t>(form)][static_cast<std::size_t>(encoding)];
  if (!bytes) {
    std::size_t unused = 0;
    bytes = std::make_shared<const std::string>(encoding == Encoding::kGzip ? Stitch(form, unused)
                                                                            : Render(form));
  }
  return bytes;
}

}  // namespace provider
