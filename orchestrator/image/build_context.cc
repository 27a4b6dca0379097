#include "orchestrator/image/build_context.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/files/archive.h"

namespace orchestrator::image {
namespace {

constexpr std::size_t kPipeBytes = std::size_t{1} << 20;
constexpr const char* kDockerfile = "Dockerfile";
constexpr const char* kIgnoreFile = ".dockerignore";
// In the context only: a site's own file of this name is left out. Always the same name, since
// `COPY .` copies it, too: with another one each time, every build would make a new image.
constexpr const char* kGivenDockerfile = ".orchestrator-dockerfile";
// What each file's path may be compared with. A file that names single files is what has more.
constexpr std::size_t kMostIgnoreNames = 20'000;

// The site's .dockerignore; empty where it has none.
Result<IgnoreFile> ReadIgnoreFile(const files::SiteFiles& site) {
  static constexpr std::uint64_t kLargest = 1 << 20;
  const auto file = site.OpenForReading(files::RelativePath::Parse(kIgnoreFile).value());
  if (!file) {
    return file.error().kind == ErrorKind::kNotFound ? Result<IgnoreFile>(IgnoreFile())
                                                     : Failure(file.error());
  }
  if (file->size > kLargest) {
    return Failure(Error{ErrorKind::kInvalid,
                         fmt::format("{} has more than {} bytes", kIgnoreFile, kLargest)});
  }
  std::string text(file->size, '\0');
  const auto count = file->ReadAt(0, text);
  if (!count) return Failure(count.error());
  text.resize(*count);
  IgnoreFile ignored(text);
  if (ignored.names() > kMostIgnoreNames) {
    return Failure(Error{
        ErrorKind::kInvalid,
        fmt::format("the patterns of {} have {} names between slashes in all; {} are allowed: "
                    "leave out folders, or use * and **, instead of naming single files",
                    kIgnoreFile, ignored.names(), kMostIgnoreNames)});
  }
  return ignored;
}

files::ArchiveOptions::Choice Choose(const IgnoreFile& ignored, std::string_view path,
                                     bool is_folder) {
  using Choice = files::ArchiveOptions::Choice;
  // Of two files of one name the engine keeps the later one, which would be the site's.
  if (path == ".home" || path == kGivenDockerfile) return Choice::kSkipAll;
  // The engine reads these itself.
  if (path == kDockerfile || path == kIgnoreFile || !ignored.Excludes(path)) return Choice::kTake;
  return is_folder && ignored.has_exceptions() ? Choice::kSkip : Choice::kSkipAll;
}

}  // namespace

Result<std::unique_ptr<BuildContext>> BuildContext::Start(const files::SiteFiles& site,
                                                          Options options) {
  auto ignored = ReadIgnoreFile(site);
  if (!ignored) return Failure(ignored.error());
  return std::unique_ptr<BuildContext>(
      new BuildContext(site, *std::move(ignored), std::move(options)));
}

BuildContext::BuildContext(const files::SiteFiles& site, IgnoreFile ignored, Options options)
    : site_(site),
      ignored_(std::move(ignored)),
      options_(std::move(options)),
      pipe_(kPipeBytes),
      packer_([this](const std::stop_token& stop) { Pack(stop); }) {}

BuildContext::~BuildContext() { Cancel(); }

std::string BuildContext::dockerfile() const {
  return options_.dockerfile ? kGivenDockerfile : kDockerfile;
}

void BuildContext::Cancel() {
  packer_.request_stop();
  pipe_.Abort();
}

std::optional<Error> BuildContext::Finish() {
  Cancel();
  if (packer_.joinable()) packer_.join();
  return error_;
}

void BuildContext::Pack(const std::stop_token& stop) {
  files::ArchiveOptions archive;
  archive.choose = [this](std::string_view path, bool is_folder) {
    return Choose(ignored_, path, is_folder);
  };
  if (options_.dockerfile) archive.addition = {kGivenDockerfile, *options_.dockerfile};
  std::int64_t size = 0;
  const auto is_too_large = [&] { return options_.most_bytes > 0 && size > options_.most_bytes; };
  const auto packed = files::WriteArchive(
      site_, {}, files::ArchiveFormat::kTar,
      [&](std::string_view bytes) {
        size += static_cast<std::int64_t>(bytes.size());
        return !is_too_large() && pipe_.Write(bytes);
      },
      stop, archive);
  if (is_too_large()) {
    error_ = Error{ErrorKind::kInvalid,
                   fmt::format("the site's files are more than the {} bytes that a build may be "
                               "given; name what it needs not in {}",
                               options_.most_bytes, kIgnoreFile)};
  } else if (!packed && packed.error().kind != ErrorKind::kCancelled) {
    // Cancelled: the engine takes no more of it, and says why.
    error_ = packed.error();
    error_->message.insert(0, "cannot read the site's directory: ");
  }
  pipe_.EndOfWriting(packed.has_value());
}

}  // namespace orchestrator::image
