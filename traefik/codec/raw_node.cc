#include "traefik/codec/raw_node.h"

#include "traefik/base/json_text.h"
#include "traefik/codec/json_reader.h"
#include "traefik/codec/scalar.h"
#include "traefik/codec/toml_reader.h"
#include "traefik/codec/yaml_reader.h"

namespace traefik::codec {

RawNode ReadDocument(std::string_view text, Problems& problems) {
  if (!IsUtf8(text)) {
    problems.errors.push_back({"", "is not UTF-8", 0, 0});
    return {};
  }
  Problems found;
  RawBuilder as_json(found);
  const bool is_json = TrimSpace(text).starts_with('{') && ReadJson(text, as_json);
  CheckCharacters(text, is_json, found);
  if (is_json) {
    problems.errors.insert(problems.errors.end(), found.errors.begin(), found.errors.end());
    problems.warnings.insert(problems.warnings.end(), found.warnings.begin(), found.warnings.end());
    return as_json.TakeRoot();
  }
  found = {};
  CheckCharacters(text, /*is_json=*/false, problems);
  RawBuilder as_yaml(problems);
  ReadYaml(text, as_yaml, problems);
  RawNode root = as_yaml.TakeRoot();
  if (problems.errors.empty() && root.children.empty() && !root.text.empty()) {
    problems.errors.push_back({"", "must be a map with http, tcp, udp or tls", 0, 0});
  }
  return root;
}

RawNode ReadTomlDocument(std::string_view text, Problems& problems) {
  RawBuilder builder(problems);
  ReadToml(text, builder, problems);
  return builder.TakeRoot();
}

}  // namespace traefik::codec
