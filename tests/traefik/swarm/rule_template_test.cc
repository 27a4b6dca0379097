#include "traefik/swarm/rule_template.h"

#include <catch2/catch_test_macros.hpp>

namespace traefik::swarm {
namespace {

TEST_CASE("Normalize leaves letters and digits") {
  struct Case {
    const char* sentence;
    const char* name;
    const char* normal;
  };
  const Case cases[] = {
      {"should keep a plain name", "web1", "web1"},
      {"should replace what is no letter", "my_stack.web", "my-stack-web"},
      {"should make one dash of several", "a__-b", "a-b"},
      {"should leave none at the ends", "_a_", "a"},
      {"should make nothing of nothing", "--", ""},
      {"should keep letters beyond ASCII", "caf\xc3\xa9_x", "caf\xc3\xa9-x"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(Normalize(c.name) == c.normal);
  }
}

TEST_CASE("Evaluate writes what Go's templates would") {
  const TemplateData data{"my_web", {{"host", "A.example"}, {"com.x", "y"}}};
  struct Case {
    const char* sentence;
    const char* text;
    const char* value;
  };
  const Case cases[] = {
      {"should keep plain text", "Host(`a`)", "Host(`a`)"},
      {"should evaluate the usual rule", "Host(`{{ normalize .Name }}`)", "Host(`my-web`)"},
      {"should take a name as it is", "{{.Name}}", "my_web"},
      {"should read a label by index", "{{ index .Labels \"com.x\" }}", "y"},
      {"should find nothing in a label that is not there", "{{ index .Labels \"no\" }}", ""},
      {"should read a label by its name", "{{ .Labels.host }}", "A.example"},
      {"should say so where a name is not there", "{{ .Labels.no }}", "<no value>"},
      {"should pipe", "{{ .Labels.host | lower | trimSuffix \".example\" }}", "a"},
      {"should take parentheses", "{{ lower (index .Labels `host`) }}", "a.example"},
      {"should replace", "{{ replace \"_\" \".\" .Name }}", "my.web"},
      {"should fall back", "{{ index .Labels \"no\" | default \"d\" }}", "d"},
      {"should trim spaces around", "a {{- .Name -}} b", "amy_webb"},
      {"should take a branch", "{{ if eq .Name \"my_web\" }}a{{ else }}b{{ end }}", "a"},
      {"should take the other branch", "{{if not .Name}}a{{else}}b{{end}}", "b"},
      {"should take one of several",
       "{{ if index .Labels \"no\" }}a{{ else if .Labels.host | hasPrefix \"A\" }}b{{ else }}c{{ "
       "end }}",
       "b"},
      {"should leave out what is in a branch that is not taken",
       "{{ if ne .Name .Name }}a{{ if .Name }}b{{ end }}c{{ end }}d", "d"},
      {"should join conditions",
       "{{ if and .Name (or (index .Labels `no`) (contains `web` .Name)) }}a{{ end }}", "a"},
      {"should print", "{{ printf \"%s-%v%%\" .Name `x` }}", "my_web-x%"},
      {"should print a condition", "{{ eq .Name `x` `my_web` }} {{ hasSuffix `x` .Name }}",
       "true false"},
      {"should pass comments over", "a{{/* x */}}b", "ab"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(Evaluate(c.text, data) == std::string(c.value));
  }
}

TEST_CASE("Evaluate refuses what it does not know") {
  struct Case {
    const char* sentence;
    const char* text;
  };
  const Case cases[] = {
      {"should refuse an open action", "{{ .Name"},
      {"should refuse a condition without its end", "{{ if .Name }}a"},
      {"should refuse an end without its condition", "a{{ end }}"},
      {"should refuse two others", "{{ if .Name }}{{ else }}{{ else }}{{ end }}"},
      {"should refuse an unknown function in a branch that is not taken",
       "{{ if eq .Name `b` }}{{ sha1sum .Name }}{{ end }}"},
      {"should refuse a loop", "{{ range .Labels }}a{{ end }}"},
      {"should refuse a variable", "{{ $x := .Name }}"},
      {"should refuse a format that it does not know", "{{ printf `%d` .Name }}"},
      {"should refuse a format with too few values", "{{ printf `%s` }}"},
      {"should refuse an unknown function", "{{ sha256sum .Name }}"},
      {"should refuse an unknown field", "{{ .Other }}"},
      {"should refuse a missing argument", "{{ replace \"a\" }}"},
      {"should refuse too many arguments", "{{ lower .Name .Name }}"},
      {"should refuse an empty action", "{{ }}"},
      {"should refuse an open text", "{{ lower \"a }}"},
      {"should refuse a pipe into a value", "{{ .Name | .Name }}"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK_FALSE(Evaluate(c.text, {"a", {}}).has_value());
  }
  CHECK_FALSE(Evaluate("{{" + std::string(100'000, '(') + "}}", {"a", {}}).has_value());
}

}  // namespace
}  // namespace traefik::swarm
