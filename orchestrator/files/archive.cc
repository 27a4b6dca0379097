#include "orchestrator/files/archive.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <memory>
#include <string>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <sys/stat.h>

#include "orchestrator/files/system_failure.h"
#include "orchestrator/files/tree_walk.h"

namespace orchestrator::files {
namespace {

constexpr std::string_view kWhat = "archive";
constexpr std::size_t kBufferBytes = 65'536;
// What the octal field of a tar header holds.
constexpr std::int64_t kLatestTarTime = 077777777777;

struct FreeArchive {
  void operator()(archive* value) const { archive_write_free(value); }
};
struct FreeEntry {
  void operator()(archive_entry* value) const { archive_entry_free(value); }
};

// Made before anything else runs: the C library may keep what it could not load while the process
// had no descriptor left, and crash on it later. They last as long as the process.
const locale_t kUtf8Locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
const locale_t kPlainLocale = newlocale(LC_CTYPE_MASK, "C", nullptr);

// libarchive asks the thread's locale how names are encoded, and marks names in zip archives as
// UTF-8 only then (archive_write_set_format_zip.c). The process itself stays in its own locale.
class NameLocale {
 public:
  explicit NameLocale(bool is_utf8) {
    const locale_t wanted = is_utf8 ? kUtf8Locale : kPlainLocale;
    if (wanted != nullptr) before_ = uselocale(wanted);
  }
  ~NameLocale() {
    if (before_ != nullptr) uselocale(before_);
  }
  NameLocale(const NameLocale&) = delete;
  NameLocale& operator=(const NameLocale&) = delete;

 private:
  locale_t before_ = nullptr;
};

class ArchiveWriter {
 public:
  ArchiveWriter(ArchiveFormat format, std::string path, const ArchiveSink& sink,
                const std::stop_token& stop)
      : format_(format), path_(std::move(path)), sink_(sink), stop_(stop) {}

  Result<void> Open() {
    archive* out = archive_.get();
    const bool set =
        (format_ == ArchiveFormat::kZip ? archive_write_set_format_zip(out)
                                        : archive_write_set_format_gnutar(out)) == ARCHIVE_OK &&
        (format_ != ArchiveFormat::kTarGz || archive_write_add_filter_gzip(out) == ARCHIVE_OK) &&
        (format_ != ArchiveFormat::kZip ||
         archive_write_zip_set_compression_deflate(out) == ARCHIVE_OK) &&
        archive_write_set_bytes_per_block(out, kBufferBytes) == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(out, 1) == ARCHIVE_OK &&
        archive_write_open2(out, this, nullptr, &ArchiveWriter::Take, nullptr, nullptr) ==
            ARCHIVE_OK;
    if (!set) return Fail();
    return {};
  }

  // Adds what an O_PATH descriptor stands for, except for the content of folders.
  Result<void> Add(const Descriptor& node, const std::string& name) {
    if (auto going_on = CheckStop(); !going_on) return going_on;
    struct stat status{};
    if (fstat(node.get(), &status) != 0) return SystemFailure(errno, kWhat, path_);
    switch (TypeOf(status)) {
      case EntryType::kFile:
        return AddFile(node, name);
      case EntryType::kFolder:
        return WriteHeader(status, name, std::nullopt);
      case EntryType::kLink:
        return WriteHeader(status, name, ReadLink(node, ""));
      case EntryType::kOther:
        return {};
    }
    return {};
  }

  Result<void> Add(const ArchiveOptions::Addition& addition) {
    struct stat status{};
    status.st_mode = S_IFREG | 0644;
    status.st_size = static_cast<off_t>(addition.text.size());
    if (auto written = WriteHeader(status, addition.name, std::nullopt); !written) return written;
    if (archive_write_data(archive_.get(), addition.text.data(), addition.text.size()) !=
        static_cast<la_ssize_t>(addition.text.size())) {
      return Fail();
    }
    return {};
  }

  Result<void> Close() {
    if (archive_write_close(archive_.get()) != ARCHIVE_OK) return Fail();
    return CheckStop();
  }

  // After an error: what follows is not given on, since it would make the archive look whole.
  // libarchive frees the compressor of a zip entry when the entry is finished, and its buffers when
  // the archive is closed, not when it is freed. A tar entry is not finished: it would be filled up
  // with zeros to its size, however big.
  void Break() {
    refused_ = true;
    if (format_ == ArchiveFormat::kZip) archive_write_finish_entry(archive_.get());
    archive_write_fail(archive_.get());
    archive_write_close(archive_.get());
  }

  Result<void> CheckStop() const {
    if (!refused_ && !stop_.stop_requested()) return {};
    return Refusal(ErrorKind::kCancelled, kWhat, path_, "it was told to stop");
  }

 private:
  static la_ssize_t Take(archive* /*out*/, void* self, const void* bytes, std::size_t size) {
    auto& writer = *static_cast<ArchiveWriter*>(self);
    writer.refused_ = writer.refused_ || writer.stop_.stop_requested() ||
                      !writer.sink_({static_cast<const char*>(bytes), size});
    // Refusing does not fail here, but at the next CheckStop: libarchive does not free its buffers
    // after a failure of its output.
    return static_cast<la_ssize_t>(size);
  }

  Failure Fail() {
    if (auto going_on = CheckStop(); !going_on) return Failure(going_on.error());
    const char* reason = archive_error_string(archive_.get());
    return Failure(Error{ErrorKind::kInternal, fmt::format("cannot {} {}", kWhat, Shown(path_)),
                         reason == nullptr ? "no reason given" : SafeText(reason)});
  }

  Result<void> WriteHeader(const struct stat& status, const std::string& name,
                           const std::optional<std::string>& link_target) {
    archive_entry_clear(entry_.get());
    archive_entry_copy_stat(entry_.get(), &status);
    archive_entry_copy_pathname(entry_.get(), name.c_str());
    // Hard links go in as files of their own.
    archive_entry_set_nlink(entry_.get(), 1);
    archive_entry_unset_ctime(entry_.get());
    archive_entry_unset_atime(entry_.get());
    archive_entry_set_mtime(entry_.get(),
                            std::clamp<std::int64_t>(status.st_mtim.tv_sec, 0, kLatestTarTime), 0);
    if (!S_ISREG(status.st_mode)) archive_entry_set_size(entry_.get(), 0);
    if (link_target) archive_entry_copy_symlink(entry_.get(), link_target->c_str());
    const NameLocale locale(IsUtf8(name));
    if (archive_write_header(archive_.get(), entry_.get()) < ARCHIVE_WARN) return Fail();
    return {};
  }

  Result<void> AddFile(const Descriptor& node, const std::string& name) {
    OpenFile file;
    file.descriptor = Reopen(node, O_RDONLY);
    file.path = path_;
    struct stat status{};
    if (!file.descriptor.valid() || fstat(file.descriptor.get(), &status) != 0) {
      return SystemFailure(errno, kWhat, path_);
    }
    if (auto written = WriteHeader(status, name, std::nullopt); !written) return written;
    // The size has been promised: no byte more, no byte less.
    const auto size = static_cast<std::uint64_t>(status.st_size);
    for (std::uint64_t offset = 0; offset < size;) {
      if (auto going_on = CheckStop(); !going_on) return going_on;
      const auto wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), size - offset));
      const auto count = file.ReadAt(offset, std::span(buffer_).first(wanted));
      if (!count) return Failure(count.error());
      std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(*count),
                buffer_.begin() + static_cast<std::ptrdiff_t>(wanted), '\0');
      if (archive_write_data(archive_.get(), buffer_.data(), wanted) !=
          static_cast<la_ssize_t>(wanted)) {
        return Fail();
      }
      offset += wanted;
    }
    return {};
  }

  ArchiveFormat format_;
  std::string path_;
  const ArchiveSink& sink_;
  const std::stop_token& stop_;
  bool refused_ = false;
  std::array<char, kBufferBytes> buffer_{};
  std::unique_ptr<archive_entry, FreeEntry> entry_{archive_entry_new()};
  std::unique_ptr<archive, FreeArchive> archive_{archive_write_new()};
};

Result<void> AddTree(ArchiveWriter& writer, const Descriptor& folder, const RelativePath& path,
                     const ArchiveOptions& options) {
  using Choice = ArchiveOptions::Choice;
  const auto in_site = [&](const std::string& below) {
    return path.is_root() ? below : path.text() + "/" + below;
  };
  auto walk = TreeWalk::Start(folder, path.text());
  if (!walk) return Failure(walk.error());
  while (true) {
    if (auto going_on = writer.CheckStop(); !going_on) return going_on;
    const auto name = walk->Next();
    if (!name) return Failure(name.error());
    if (!*name) {
      if (walk->depth() == 0) return {};
      if (auto left = walk->Leave(); !left) return left;
      continue;
    }
    if (IsHidden(path.is_root() && walk->depth() == 0, **name)) continue;
    const std::string below = walk->path().empty() ? **name : walk->path() + "/" + **name;
    if (below.size() > RelativePath::kLongestPath) continue;
    const Descriptor node = OpenBeneath(walk->folder(), **name, O_PATH);
    if (!node.valid() && IsNoOwnFolder(errno)) continue;
    if (!node.valid()) return SystemFailure(errno, kWhat, in_site(below));
    struct stat status{};
    if (fstat(node.get(), &status) != 0) return SystemFailure(errno, kWhat, in_site(below));
    const bool is_folder = S_ISDIR(status.st_mode);
    const Choice choice = options.choose ? options.choose(below, is_folder) : Choice::kTake;
    if (choice == Choice::kSkipAll) continue;
    if (choice == Choice::kTake) {
      if (auto added = writer.Add(node, below); !added) return added;
    }
    if (!is_folder) continue;
    const int entered = walk->Enter(**name);
    if (entered != 0 && !IsNoOwnFolder(entered))
      return SystemFailure(entered, kWhat, in_site(below));
  }
}

}  // namespace

Result<void> WriteArchive(const SiteFiles& site, const RelativePath& path, ArchiveFormat format,
                          const ArchiveSink& sink, const std::stop_token& stop,
                          const ArchiveOptions& options) {
  const auto node = site.root().OpenNode(path, kWhat);
  if (!node) return Failure(node.error());
  struct stat status{};
  if (fstat(node->get(), &status) != 0) return SystemFailure(errno, kWhat, path.text());
  // On the heap for its buffer.
  const auto writer = std::make_unique<ArchiveWriter>(format, path.text(), sink, stop);
  auto written = writer->Open();
  if (written && options.addition) written = writer->Add(*options.addition);
  if (written) {
    written = S_ISDIR(status.st_mode) ? AddTree(*writer, *node, path, options)
                                      : writer->Add(*node, path.name());
  }
  if (written) written = writer->Close();
  if (!written) writer->Break();
  return written;
}

}  // namespace orchestrator::files
