#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <sys/mount.h>
#include <sys/stat.h>

#include "orchestrator/files/archive.h"
#include "orchestrator/files/change_watch.h"
#include "orchestrator/files/site_files.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::files::tests {

constexpr std::size_t kKibibyte = 1024;

inline RelativePath At(std::string_view text) {
  auto path = RelativePath::Parse(text);
  if (!path) throw std::invalid_argument(path.error());
  return *path;
}

inline std::string Get(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void Put(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline unsigned ModeOf(const std::filesystem::path& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : ~0U;
}

inline const EntityTags kAnyTag{.any = true, .tags = {}};
inline EntityTags Tag(std::string text) { return {.any = false, .tags = {std::move(text)}}; }

template <typename T>
std::optional<ErrorKind> KindOf(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().kind);
}

template <typename T>
std::string MessageOf(const Result<T>& result) {
  return result ? "" : result.error().message;
}

// A site's directory, with a secret in a folder beside it that nobody may read or change.
class SiteFixture {
 public:
  ::tests::TemporaryDirectory directory;
  const std::filesystem::path site = directory.path() / "site";
  const std::filesystem::path outside = directory.path() / "outside";
  static constexpr std::string_view kSecret = "secret";

  SiteFixture() {
    std::filesystem::create_directories(site / "public");
    std::filesystem::create_directories(site / ".home");
    Put(site / ".orchestrator" / "run", "run");
    Put(outside / "file", kSecret);
    Put(outside / "folder" / "file", kSecret);
  }

  SiteFiles Open(Options options = {}) const { return SiteFiles::Open(site, options).value(); }

  // Nothing was made, changed or removed there.
  bool OutsideIsUntouched() const {
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(outside)) {
      entries += entry.exists() ? 1 : 0;
    }
    return entries == 3 && Get(outside / "file") == kSecret &&
           Get(outside / "folder" / "file") == kSecret && ModeOf(outside / "file") == 0644 &&
           ModeOf(outside) == 0755;
  }
};

// A small file system in memory on a folder.
class Mount {
 public:
  explicit Mount(std::filesystem::path folder, const std::string& options = "size=1m")
      : folder_(std::move(folder)) {
    if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) != 0) {
      throw std::system_error(errno, std::generic_category(),
                              "this test has to be allowed to mount a tmpfs (run it as root)");
    }
  }
  ~Mount() { umount2(folder_.c_str(), MNT_DETACH); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

 private:
  std::filesystem::path folder_;
};

inline Result<void> WriteText(const SiteFiles& files, const RelativePath& path,
                              std::string_view text, const WriteOptions& options = {}) {
  auto upload = files.StartWriting(path, options);
  if (!upload) return Failure(upload.error());
  if (auto appended = upload->Append(text); !appended) return appended;
  if (auto committed = upload->Commit(); !committed) return Failure(committed.error());
  return {};
}

inline Result<std::string> ReadText(const SiteFiles& files, const RelativePath& path) {
  const auto file = files.OpenForReading(path);
  if (!file) return Failure(file.error());
  std::string text(file->size, '\0');
  const auto count = file->ReadAt(0, text);
  if (!count) return Failure(count.error());
  text.resize(*count);
  return text;
}

inline Result<std::string> Archived(const SiteFiles& files, const RelativePath& path,
                                    ArchiveFormat format) {
  std::string bytes;
  const auto sink = [&](std::string_view part) {
    bytes += part;
    return true;
  };
  if (auto written = WriteArchive(files, path, format, sink, {}); !written) {
    return Failure(written.error());
  }
  return bytes;
}

struct Operation {
  std::string name;
  std::function<Result<void>(const SiteFiles&, const RelativePath&)> run;
};

// Everything that goes through a path, as one kind of function.
inline std::vector<Operation> AllOperations() {
  const auto drop = [](const auto& result) -> Result<void> {
    if (!result) return Failure(result.error());
    return {};
  };
  return {
      {"stat", [=](auto& files, auto& path) { return drop(files.Stat(path)); }},
      {"list", [=](auto& files, auto& path) { return drop(files.List(path, 10)); }},
      {"read", [=](auto& files, auto& path) { return drop(ReadText(files, path)); }},
      {"write", [=](auto& files, auto& path) { return WriteText(files, path, "theirs"); }},
      {"write with parents",
       [=](auto& files, auto& path) {
         return WriteText(files, path, "theirs", {.make_parents = true});
       }},
      {"make a folder",
       [=](auto& files, auto& path) { return drop(files.MakeFolder(path, 0700, false)); }},
      {"make folders",
       [=](auto& files, auto& path) { return drop(files.MakeFolder(path, 0700, true)); }},
      {"move away",
       [=](auto& files, auto& path) { return drop(files.Move(path, At("moved"), true)); }},
      {"move to",
       [=](auto& files, auto& path) { return drop(files.Move(At("movable"), path, true)); }},
      {"chmod", [=](auto& files, auto& path) { return drop(files.Chmod(path, 0777)); }},
      {"remove", [=](auto& files, auto& path) { return files.Remove(path); }},
      {"remove a tree", [=](auto& files, auto& path) { return files.RemoveTree(path); }},
      {"archive",
       [=](auto& files, auto& path) { return drop(Archived(files, path, ArchiveFormat::kTar)); }},
      {"watch", [=](auto& files, auto& path) { return drop(ChangeWatch::Start(files, path)); }},
  };
}

}  // namespace orchestrator::files::tests
