#include "traefik/schema/schema.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "traefik/codec/decoder.h"
#include "traefik/codec/labels.h"

namespace traefik::schema {
namespace {

TEST_CASE("Every option is named once in its object, whatever the case") {
  std::set<std::string> paths;
  ForEachOption([&](std::string path, const Option&, Version) {
    for (char& c : path) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    INFO(path);
    CHECK(paths.insert(path).second);
  });
  CHECK(paths.size() > 500);
}

TEST_CASE("Versions are read, and newer ones count as the newest that is known") {
  CHECK(ParseVersion("2.11") == kV2_11);
  CHECK(ParseVersion("v3.0.4") == kV3_0);
  CHECK(ParseVersion("3.7") == kV3_7);
  CHECK(ParseVersion("3.12") == kV3_7);
  CHECK(ParseVersion("4.0") == kV3_7);
  for (const char* text : {"", "3", "x", "3.", "3.x", "2.10", "1.7", "3.7-rc1"}) {
    INFO(text);
    CHECK_FALSE(ParseVersion(text).has_value());
  }
}

codec::Problems CheckFor(Version target, std::string_view text) {
  codec::Problems problems;
  codec::DecodeDocument(text, problems, codec::Source::kDocument, target);
  return problems;
}

TEST_CASE("What a version does not know is named with the one that does") {
  const char* const tree =
      R"j({"http": {"routers": {"a": {"rule": "Path(`/`)", "parentRefs": ["b"]}}}})j";
  const auto problems = CheckFor(kV3_4, tree);
  REQUIRE(problems.errors.size() == 1);
  CHECK(problems.errors[0].pointer == "/http/routers/a/parentRefs");
  CHECK(problems.errors[0].detail == "needs Traefik 3.6 or newer, and the target is 3.4");
  CHECK(CheckFor(kV3_6, tree).errors.empty());
}

TEST_CASE("What a version does not know is not filled in for it") {
  codec::Problems problems;
  const auto value =
      codec::DecodeDocument(R"({"http": {"services": {"s": {"loadBalancer": {"servers": []}}}}})",
                            problems, codec::Source::kDocument, kV3_0);
  CHECK(problems.errors.empty());
  CHECK(codec::ToJson(value) ==
        R"({"http":{"services":{"s":{"loadBalancer":{"passHostHeader":true,)"
        R"("responseForwarding":{"flushInterval":"100ms"}}}}}})");
}

TEST_CASE("What was only filled in needs no version; what is given does, even the default") {
  CHECK(CheckFor(kV2_11, R"({"http": {"services": {"s": {"loadBalancer": {"servers": []}}}}})")
            .errors.empty());
  CHECK(CheckFor(kV2_11, R"({"http": {"services": {"s": {"loadBalancer": {"strategy": "wrr"}}}}})")
            .errors.size() == 1);
}

std::string ReadReference(const std::string& name) {
  const char* const folder = std::getenv("TEST_TRAEFIK_REFERENCE");
  REQUIRE(folder);
  std::ifstream file(std::filesystem::path(folder) / name);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Traefik's own reference documents name every option that its users may set. tests/run.sh gives
// their folder, where it is there.
TEST_CASE("Traefik's reference document of the file provider is taken", "[.reference]") {
  codec::Problems problems;
  const auto value = codec::DecodeDocument(ReadReference("file.yaml"), problems);
  for (const auto& error : problems.errors) UNSCOPED_INFO(error.pointer << ": " << error.detail);
  CHECK(problems.errors.empty());
  for (const auto& warning : problems.warnings) {
    UNSCOPED_INFO(warning.pointer << ": " << warning.detail);
  }
  CHECK(problems.warnings.empty());
  CHECK(nlohmann::json::parse(codec::ToJson(value)).flatten().size() > 400);
}

TEST_CASE("Traefik's reference of labels is taken", "[.reference]") {
  // Lines as `  - "traefik.http.…=foobar"`.
  std::istringstream lines(ReadReference("docker-labels.yml"));
  codec::Labels labels;
  for (std::string line; std::getline(lines, line);) {
    const auto start = line.find("traefik.");
    const auto equals = line.find('=');
    if (start == std::string::npos || equals == std::string::npos) continue;
    std::string value = line.substr(equals + 1);
    while (!value.empty() && (value.back() == '"' || value.back() == '\r')) value.pop_back();
    labels[line.substr(start, equals - start)] = value;
  }
  CHECK(labels.size() > 200);
  codec::Problems problems;
  codec::DecodeLabels(labels, problems);
  for (const auto& error : problems.errors) UNSCOPED_INFO(error.pointer << ": " << error.detail);
  CHECK(problems.errors.empty());
  for (const auto& warning : problems.warnings) {
    UNSCOPED_INFO(warning.pointer << ": " << warning.detail);
  }
  CHECK(problems.warnings.empty());
}

}  // namespace
}  // namespace traefik::schema
