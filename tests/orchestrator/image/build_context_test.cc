#include "orchestrator/image/build_context.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::image {
namespace {

using Catch::Matchers::ContainsSubstring;
using files::tests::Put;
using files::tests::SiteFixture;

// The text of a file by each name in the tar, in its order.
std::vector<std::pair<std::string, std::string>> ReadTar(BuildContext& context) {
  std::string bytes;
  std::string buffer(4096, '\0');
  for (;;) {
    const auto count = context.Read(buffer.data(), buffer.size());
    REQUIRE(count.has_value());
    if (*count == 0) break;
    bytes.append(buffer, 0, *count);
  }
  const std::unique_ptr<archive, decltype(&archive_read_free)> in(archive_read_new(),
                                                                  &archive_read_free);
  archive_read_support_format_tar(in.get());
  REQUIRE(archive_read_open_memory(in.get(), bytes.data(), bytes.size()) == ARCHIVE_OK);
  std::vector<std::pair<std::string, std::string>> files;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(in.get(), &entry) == ARCHIVE_OK) {
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    archive_read_data(in.get(), text.data(), text.size());
    files.emplace_back(archive_entry_pathname(entry), std::move(text));
  }
  return files;
}

TEST_CASE("A site cannot put its own file in the place of the Dockerfile that was given") {
  const SiteFixture fixture;
  const files::SiteFiles site = fixture.Open();
  Put(fixture.site / "Dockerfile", "of the site");
  for (const bool is_folder : {false, true}) {
    INFO(is_folder);
    std::filesystem::remove_all(fixture.site / ".orchestrator-dockerfile");
    Put(fixture.site / (is_folder ? ".orchestrator-dockerfile/file" : ".orchestrator-dockerfile"),
        "of the site");
    const auto context = BuildContext::Start(site, {.dockerfile = "given"}).value();
    CHECK(context->dockerfile() == ".orchestrator-dockerfile");
    const auto files = ReadTar(*context);
    CHECK_FALSE(context->Finish().has_value());
    CHECK(std::ranges::count_if(files, [](const auto& file) {
            return file.first.starts_with(".orchestrator-dockerfile");
          }) == 1);
    CHECK(std::ranges::find(files, std::pair<std::string, std::string>(".orchestrator-dockerfile",
                                                                       "given")) != files.end());
  }
  const auto own = BuildContext::Start(site, {}).value();
  CHECK(own->dockerfile() == "Dockerfile");
  const auto files = ReadTar(*own);
  CHECK(std::ranges::find(files, std::pair<std::string, std::string>(
                                     "Dockerfile", "of the site")) != files.end());
}

TEST_CASE("A context that was cancelled never comes to a good end, and says nothing of its own") {
  const SiteFixture fixture;
  const files::SiteFiles site = fixture.Open();
  Put(fixture.site / "file", "text");
  const auto context = BuildContext::Start(site, {}).value();
  context->Cancel();
  char buffer[512];
  CHECK_FALSE(context->Read(buffer, sizeof buffer).has_value());
  CHECK_FALSE(context->Finish().has_value());
  CHECK_FALSE(context->Read(buffer, sizeof buffer).has_value());
}

TEST_CASE("A site's files over the limit are refused with what to do") {
  const SiteFixture fixture;
  const files::SiteFiles site = fixture.Open();
  Put(fixture.site / "file", std::string(100'000, 'x'));
  const auto context =
      BuildContext::Start(site, {.dockerfile = std::nullopt, .most_bytes = 50'000}).value();
  char buffer[512];
  while (context->Read(buffer, sizeof buffer).value_or(0) > 0) {
  }
  const auto error = context->Finish();
  REQUIRE(error.has_value());
  CHECK(error->kind == ErrorKind::kInvalid);
  CHECK_THAT(error->message, ContainsSubstring(".dockerignore"));
}

TEST_CASE("A .dockerignore with which each file would take long is refused") {
  const SiteFixture fixture;
  const files::SiteFiles site = fixture.Open();
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "a/b\n";
  Put(fixture.site / ".dockerignore", text);
  CHECK(BuildContext::Start(site, {}).has_value());
  Put(fixture.site / ".dockerignore", text + "c\n");
  const auto refused = BuildContext::Start(site, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::kInvalid);
  CHECK_THAT(refused.error().message, ContainsSubstring("20001 names"));
}

}  // namespace
}  // namespace orchestrator::image
