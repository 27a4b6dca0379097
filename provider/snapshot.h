#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "provider/http/memory_file.h"
#include "provider/packed_text.h"
#include "traefik/layout.h"

namespace provider {

// A map of the document ("http/routers") with its members in parts.
struct Section {
  std::string name;
  std::vector<std::shared_ptr<const PackedText>> parts;
};

// What every poll gets until the next change: a document with its revision. Nobody can change it,
// so it is shared between threads. Its compressed bytes are there from the start; the plain ones
// are put together when somebody first asks for them. The bytes hold the default certificate's key:
// treat them as a secret.
class Snapshot {
 public:
  enum class Encoding : std::uint8_t { kPlain, kGzip };
  using Bytes = std::shared_ptr<const std::string>;

  Snapshot(std::uint64_t revision, std::vector<Section> sections, traefik::Form form);

  // What is left of a snapshot on disk: its packed bytes.
  struct Restored {
    std::uint64_t revision = 0;
    traefik::Form form = traefik::Form::kJson;
    std::size_t plain_size = 0;
    std::string etag;
    std::string gzip;
  };
  explicit Snapshot(Restored restored);

  std::uint64_t revision() const { return revision_; }
  // Another number for every snapshot that this process makes, from 1 on: a restored one may have
  // other bytes than the one that is made of the same revision.
  std::uint64_t id() const { return id_; }
  bool is_stale() const { return is_stale_; }  // restored: there may be a newer state
  traefik::Form form() const { return form_; }
  std::size_t plain_size() const { return plain_size_; }
  const std::string& etag() const { return etag_; }  // without quotes; same bytes, same tag

  // The document as Traefik is to get it.
  Bytes plain() const { return BytesOf(form_, Encoding::kPlain); }
  const Bytes& gzip() const { return gzip_; }
  // gzip() as the kernel sends it; null where it cannot be had. Thread-safe.
  std::shared_ptr<const http::MemoryFile> GzipFile() const;

  // The same in another form; null where a stale one is not known in it. Thread-safe.
  Bytes BytesOf(traefik::Form form, Encoding encoding) const;

 private:
  std::string Stitch(traefik::Form form, std::size_t& plain_size) const;
  std::string Render(traefik::Form form) const;

  const std::uint64_t id_;
  const std::uint64_t revision_;
  const bool is_stale_ = false;
  const std::vector<Section> sections_;
  const traefik::Form form_;
  std::size_t plain_size_ = 0;
  std::string etag_;
  Bytes gzip_;
  mutable std::once_flag file_made_;
  mutable std::shared_ptr<const http::MemoryFile> gzip_file_;  // when somebody first asked for it
  mutable std::mutex mutex_;
  mutable Bytes made_[2][2];  // guarded by mutex_; by form and encoding
};

}  // namespace provider
