// The offline commands: what goes in, what comes out, and the exit status.
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace tests {
namespace {

using nlohmann::json;

struct Outcome {
  int status;
  json output;
};

Finished RunText(const std::string& command, const std::string& input) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("input", input);
  return RunProgram({"/bin/sh", "-c", R"("$0" traefik $1 <"$2" 2>/dev/null)", OrchestratorProgram(),
                     command, file});
}

Outcome Run(const std::string& command, const std::string& input) {
  const Finished finished = RunText(command, input);
  return {finished.status, json::parse(finished.output)};
}

TEST_CASE("labels become a configuration, and back") {
  const json labels{{"traefik.http.routers.a.rule", "Host(`a`)"},
                    {"traefik.http.services.a.loadbalancer.server.port", "80"},
                    {"unrelated", "x"}};
  const Outcome decoded = Run("decode-labels", labels.dump());
  CHECK(decoded.status == 0);
  CHECK(decoded.output.at("/http/routers/a/rule"_json_pointer) == "Host(`a`)");
  const Outcome encoded = Run("encode-labels", decoded.output.dump());
  CHECK(encoded.status == 0);
  json expected = labels;
  expected.erase("unrelated");
  CHECK(encoded.output == expected);
}

TEST_CASE("labels and configurations that cannot be converted say why, with status 1") {
  for (const char* input : {"", "[]", "{", R"({"a": 5})", R"({"traefik.http.x": "y"})"}) {
    INFO(input);
    const Outcome decoded = Run("decode-labels", input);
    CHECK(decoded.status == 1);
    CHECK(decoded.output.at("error").is_string());
  }
  const Outcome lost =
      Run("encode-labels",
          R"({"http": {"services": {"s": {"weighted": {"services": [{"name": "a"}]}}}}})");
  CHECK(lost.status == 1);
  CHECK(lost.output.at("/lost/0/pointer"_json_pointer) == "/http/services/s/weighted");
}

TEST_CASE("a flat document is compiled as the provider would serve it") {
  json document;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "r" + std::to_string(i);
    document["http"]["routers"][name] = {{"rule", "Host(`" + name + ".example`)"},
                                         {"service", "s"}};
  }
  document["http"]["services"]["s"]["loadBalancer"]["servers"] = {{{"url", "http://a"}}};
  document["tls"]["stores"]["default"]["defaultCertificate"] = {{"certFile", "c"},
                                                                {"keyFile", "k"}};
  struct Case {
    const char* sentence;
    const char* command;
    bool is_tree;
    bool is_merged;
  };
  const Case cases[] = {
      {"should be a tree of many routers", "compile", true, true},
      {"should stay flat for a Traefik without trees", "compile --target 3.5", false, true},
      {"should stay as it is below the size", "compile --large 1000", false, false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const std::string text = RunText(c.command, document.dump()).output;
    CHECK(text.contains("parentRefs") == c.is_tree);
    CHECK(text.contains("<<: [") == c.is_merged);
    const Outcome checked = Run("check", text);
    CHECK(checked.status == 0);
    CHECK(checked.output.at("/configuration/http/routers/r299/service"_json_pointer) == "s");
    CHECK(checked.output.contains("/configuration/tls/stores/default"_json_pointer));
  }
  const Outcome refused = Run("compile", R"({"http": {"routers": {}}})");
  CHECK(refused.status == 1);
  CHECK(refused.output.at("/errors/0/pointer"_json_pointer) == "/http/routers");
}

TEST_CASE("a document is checked") {
  const Outcome good =
      Run("check", "http:\n  routers:\n    a: {rule: \"Host(`a`)\", service: x@file}\n");
  CHECK(good.status == 0);
  CHECK(good.output.at("ok") == true);
  CHECK(good.output.at("/configuration/http/routers/a/service"_json_pointer) == "x@file");

  const Outcome bad = Run("check", "http:\n  routers:\n    a: {rule: \"Host(`a`)\", service: x}\n");
  CHECK(bad.status == 1);
  CHECK(bad.output.at("ok") == false);
  CHECK(bad.output.at("/errors/0/pointer"_json_pointer) == "/http/routers/a/service");
  CHECK(bad.output.at("/errors/0/line"_json_pointer) == 3);
}

TEST_CASE("a TOML file is checked") {
  const Outcome good =
      Run("check --toml", "[http.routers.a]\nrule = 'Host(`a`)'\nservice = 'x@file'\n");
  CHECK(good.status == 0);
  CHECK(good.output.at("/configuration/http/routers/a/service"_json_pointer) == "x@file");
  const Outcome bad = Run("check --toml", "[http.routers.a]\nrule = \n");
  CHECK(bad.status == 1);
  CHECK(bad.output.at("/errors/0/line"_json_pointer) == 2);
}

TEST_CASE("two documents are compared") {
  const TemporaryDirectory directory;
  const std::string a = directory.Write("a", "http: {routers: {r: {rule: x, service: s}}}\n");
  const std::string b = directory.Write("b", R"({"http": {"routers": {"r": {"rule": "y"}}}})");
  const std::string bad = directory.Write("bad", "{}");
  const auto diff = [](const std::vector<std::string>& arguments) {
    std::vector<std::string> command{OrchestratorProgram(), "traefik", "diff"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProgram(command);
  };
  const Finished text = diff({a, b});
  CHECK(text.status == 1);
  CHECK(text.output == "~ /http/routers/r/rule: \"x\" -> \"y\"\n- /http/routers/r/service \"s\"\n");
  CHECK(json::parse(diff({"--json", a, b}).output).size() == 2);
  CHECK(diff({a, a}).status == 0);
  CHECK(diff({a, bad}).status == 2);
  CHECK(diff({a, a + ".missing"}).status == 2);
}

TEST_CASE("a rule is checked") {
  const Outcome good = Run("check-rule", "Host(`a`) || Host(`B`)\n");
  CHECK(good.status == 0);
  CHECK(good.output == json{{"ok", true}, {"hosts", {"a", "b"}}});
  const Outcome bad = Run("check-rule", "Host(`a`");
  CHECK(bad.status == 1);
  CHECK(bad.output.at("ok") == false);
  CHECK(Run("check-rule --tcp", "HostSNI(`*`)").status == 0);
  CHECK(Run("check-rule --v2", "Host(`a`, `b`)").status == 0);
}

}  // namespace
}  // namespace tests
