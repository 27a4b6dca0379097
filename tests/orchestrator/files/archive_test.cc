#include "orchestrator/files/archive.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <archive.h>
#include <archive_entry.h>
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/orchestrator/files/site_fixture.h"
#include "tests/support/eventually.h"

namespace orchestrator::files::tests {
namespace {

namespace fs = std::filesystem;

struct Content {
  unsigned type = 0;  // AE_IFREG and so on
  std::string text;   // of a link, its target
  unsigned mode = 0;

  friend bool operator==(const Content&, const Content&) = default;
};

// libarchive gives names that are marked as UTF-8 only where the locale has such names.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) { uselocale(locale_); }
  ~Utf8Locale() {
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
};

// By name. Fails the test when the archive is not whole.
std::map<std::string, Content> ReadArchive(const std::string& bytes) {
  const Utf8Locale locale;
  const std::unique_ptr<archive, decltype(&archive_read_free)> in(archive_read_new(),
                                                                  &archive_read_free);
  archive_read_support_filter_gzip(in.get());
  archive_read_support_format_tar(in.get());
  archive_read_support_format_zip_seekable(in.get());
  REQUIRE(archive_read_open_memory(in.get(), bytes.data(), bytes.size()) == ARCHIVE_OK);
  std::map<std::string, Content> contents;
  archive_entry* entry = nullptr;
  int status = ARCHIVE_OK;
  while ((status = archive_read_next_header(in.get(), &entry)) == ARCHIVE_OK ||
         status == ARCHIVE_WARN) {
    Content content{.type = archive_entry_filetype(entry),
                    .text = {},
                    .mode = static_cast<unsigned>(archive_entry_perm(entry))};
    if (content.type == AE_IFLNK) content.text = archive_entry_symlink(entry);
    if (content.type == AE_IFREG) {
      content.text.resize(static_cast<std::size_t>(archive_entry_size(entry)));
      REQUIRE(archive_read_data(in.get(), content.text.data(), content.text.size()) ==
              static_cast<la_ssize_t>(content.text.size()));
      char more = 0;
      REQUIRE(archive_read_data(in.get(), &more, 1) == 0);
    }
    std::string name = archive_entry_pathname(entry);
    if (name.ends_with('/')) name.pop_back();
    contents[name] = content;
  }
  INFO((archive_error_string(in.get()) ? archive_error_string(in.get()) : ""));
  REQUIRE(status == ARCHIVE_EOF);
  return contents;
}

TEST_CASE("An archive of nothing, or that nobody wants, is an error", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "file", std::string(1024 * kKibibyte, 'x'));
  const SiteFiles files = fixture.Open();
  for (const ArchiveFormat format :
       {ArchiveFormat::kTar, ArchiveFormat::kTarGz, ArchiveFormat::kZip}) {
    CHECK(KindOf(Archived(files, At("none"), format)) == ErrorKind::kNotFound);
    int calls = 0;
    const auto refuse = [&](std::string_view) {
      ++calls;
      return false;
    };
    CHECK(KindOf(WriteArchive(files, At(""), format, refuse, {})) == ErrorKind::kCancelled);
    CHECK(calls == 1);
    std::stop_source stop;
    std::string bytes;
    const auto stop_at_once = [&](std::string_view part) {
      bytes += part;
      stop.request_stop();
      return true;
    };
    CHECK(KindOf(WriteArchive(files, At(""), format, stop_at_once, stop.get_token())) ==
          ErrorKind::kCancelled);
    CHECK(bytes.size() <= 64 * kKibibyte);
  }
}

TEST_CASE("Refusing a part of a file without an end ends at once", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "sparse", "");
  fs::resize_file(fixture.site / "public" / "sparse", std::uintmax_t{1} << 43U);
  for (const ArchiveFormat format :
       {ArchiveFormat::kTar, ArchiveFormat::kTarGz, ArchiveFormat::kZip}) {
    std::size_t taken = 0;
    const auto take_little = [&](std::string_view part) {
      return (taken += part.size()) < 200'000;
    };
    CHECK(KindOf(WriteArchive(fixture.Open(), At("public"), format, take_little, {})) ==
          ErrorKind::kCancelled);
    CHECK(taken < 400'000);
  }
}

TEST_CASE("An archive has files, folders and links as they are, and nothing else", "[files]") {
  SiteFixture fixture;
  const std::string big(300'000, 'b');
  Put(fixture.site / "public" / "a" / "file", "text");
  Put(fixture.site / "public" / "empty", "");
  Put(fixture.site / "public" / "big", big);
  Put(fixture.site / "public" / "Grüße", "utf-8");
  Put(fixture.site / "public" / "\xFF\xFE", "bytes");
  Put(fixture.site / "public" / std::string(200, 'n') / std::string(200, 'm'), "long");
  Put(fixture.site / "public" / MakeUploadName(true), "unfinished");
  fs::create_symlink(fixture.outside / "file", fixture.site / "public" / "link");
  fs::create_directory_symlink(fixture.outside, fixture.site / "public" / "out");
  REQUIRE(mkfifo((fixture.site / "public" / "fifo").c_str(), 0600) == 0);
  REQUIRE(chmod((fixture.site / "public" / "a" / "file").c_str(), 0750) == 0);
  const SiteFiles files = fixture.Open();
  for (const ArchiveFormat format :
       {ArchiveFormat::kTar, ArchiveFormat::kTarGz, ArchiveFormat::kZip}) {
    INFO(static_cast<int>(format));
    const auto archived = Archived(files, At("public"), format);
    REQUIRE(archived.has_value());
    const auto contents = ReadArchive(*archived);
    CHECK(contents.size() == 10);
    CHECK(contents.at("a").type == AE_IFDIR);
    CHECK(contents.at("a/file") == Content{AE_IFREG, "text", 0750});
    CHECK(contents.at("empty") == Content{AE_IFREG, "", 0644});
    CHECK(contents.at("big").text == big);
    CHECK(contents.at("Grüße").text == "utf-8");
    CHECK(contents.at("\xFF\xFE").text == "bytes");
    CHECK(contents.at(std::string(200, 'n') + "/" + std::string(200, 'm')).text == "long");
    CHECK(contents.at("link").type == AE_IFLNK);
    CHECK(contents.at("link").text == (fixture.outside / "file").native());
    CHECK(contents.at("out").text == fixture.outside.native());

    const auto whole = ReadArchive(*Archived(files, At(""), format));
    CHECK(whole.contains("public/a/file"));
    CHECK(!whole.contains(".orchestrator"));
    CHECK(!whole.contains(".orchestrator/run"));
    const auto single = ReadArchive(*Archived(files, At("public/a/file"), format));
    CHECK(single == std::map<std::string, Content>{{"file", {AE_IFREG, "text", 0750}}});
    const auto link = ReadArchive(*Archived(files, At("public/link"), format));
    CHECK(link.at("link").type == AE_IFLNK);
  }
}

TEST_CASE("Names in zip archives are marked as UTF-8 where they are", "[files]") {
  // General purpose bit 11 in the local header (APPNOTE.TXT 4.4.4).
  const auto is_marked = [](const std::string& name) {
    SiteFixture fixture;
    Put(fixture.site / "public" / name, "x");
    const std::string bytes = *Archived(fixture.Open(), At("public"), ArchiveFormat::kZip);
    REQUIRE(bytes.starts_with("PK\x03\x04"));
    return (static_cast<unsigned char>(bytes[7]) & 0x08U) != 0;
  };
  CHECK(is_marked("Grüße"));
  CHECK(!is_marked("\xFF\xFE"));
}

TEST_CASE("Times and owners out of the ordinary do not break an archive", "[files]") {
  SiteFixture fixture;
  const Mount mount(fixture.site / "public");
  const fs::path path = fixture.site / "public" / "file";
  Put(path, "text");
  const SiteFiles files = SiteFiles::Open(fixture.site / "public", {}).value();
  REQUIRE(chown(path.c_str(), 4'000'000'000U, 4'000'000'000U) == 0);
  for (const time_t seconds : {time_t{-1}, std::numeric_limits<time_t>::max()}) {
    const timespec times[2] = {{seconds, 1}, {seconds, 1}};
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    for (const ArchiveFormat format : {ArchiveFormat::kTar, ArchiveFormat::kZip}) {
      const auto archived = Archived(files, At(""), format);
      INFO(MessageOf(archived));
      REQUIRE(archived.has_value());
      CHECK(ReadArchive(*archived).at("file").text == "text");
    }
  }
}

TEST_CASE("A file that shrinks or grows while it is read goes in with its first size", "[files]") {
  constexpr std::size_t kSize = 1024 * kKibibyte;
  for (const std::uintmax_t new_size : {std::uintmax_t{100'000}, std::uintmax_t{2 * kSize}}) {
    for (const ArchiveFormat format : {ArchiveFormat::kTar, ArchiveFormat::kZip}) {
      SiteFixture fixture;
      // Does not compress, so that the sink gets the start long before the end is read.
      std::string text(kSize, '\0');
      std::uint32_t state = 1;
      for (char& byte : text)
        byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
      const fs::path path = fixture.site / "public" / "file";
      Put(path, text);
      const SiteFiles files = fixture.Open();
      std::string bytes;
      const auto sink = [&](std::string_view part) {
        if (bytes.empty()) fs::resize_file(path, new_size);
        bytes += part;
        return true;
      };
      REQUIRE(WriteArchive(files, At("public"), format, sink, {}));
      const std::string got = ReadArchive(bytes).at("file").text;
      REQUIRE(got.size() == kSize);
      const auto same = static_cast<std::size_t>(
          std::mismatch(got.begin(), got.end(), text.begin()).first - got.begin());
      CHECK(same >= std::min<std::uintmax_t>(new_size, kSize));
      CHECK(got.find_first_not_of('\0', same) == std::string::npos);
    }
  }
}

TEST_CASE("An archive is whole though another thread changes the files all the time", "[files]") {
  SiteFixture fixture;
  const fs::path path = fixture.site / "public" / "file";
  Put(path, "x");
  Put(fixture.site / "public" / "other", "stays");
  const SiteFiles files = fixture.Open();
  std::atomic<int> changes = 0;
  const std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::error_code ignored;
      fs::resize_file(path, static_cast<std::uintmax_t>(changes % 7) * 50'000, ignored);
      ++changes;
    }
  });
  for (int round = 0; round < 50; ++round) {
    const int before = changes;
    REQUIRE(::tests::Eventually([&] { return changes > before; }));
    const auto archived = Archived(files, At("public"), ArchiveFormat::kTar);
    REQUIRE(archived.has_value());
    CHECK(ReadArchive(*archived).at("other").text == "stays");
  }
}

}  // namespace
}  // namespace orchestrator::files::tests
