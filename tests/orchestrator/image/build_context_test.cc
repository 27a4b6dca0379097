#include "orchestrator/image/build_context.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::image {
namespace {

using Catch::Matchers::ContainsSubstring;
using files::tests::Put;
using files::tests::SiteFixture;

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
