#include "traefik/layout.h"

#include <string>

#include "traefik/base/json_text.h"

namespace traefik {

void LayOut(std::span<const SectionShape> sections, Form form,
            const std::function<void(std::string_view)>& text,
            const std::function<void(std::size_t section, std::size_t part)>& part) {
  std::string between = "{";  // what comes before the next part
  std::string_view protocol;
  bool is_first = true;  // section of its protocol
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const SectionShape& section = sections[i];
    if (section.parts == 0) continue;
    const std::size_t slash = section.name.find('/');
    if (section.name.substr(0, slash) != protocol) {
      if (!protocol.empty()) between += "},";
      protocol = section.name.substr(0, slash);
      AppendJsonString(between, protocol);
      between += ":{";
      is_first = true;
    }
    if (!is_first) between += ',';
    is_first = false;
    AppendJsonString(between, section.name.substr(slash + 1));
    const bool is_list = section.name == "tls/certificates";
    const bool is_merged = form == Form::kMerged && section.parts > 1 && !is_list;
    between += is_list ? ":[" : is_merged ? ":{<<: [{" : ":{";
    for (std::size_t p = 0; p < section.parts; ++p) {
      text(between);
      part(i, p);
      between = is_merged ? "},{" : ",";
    }
    between = is_list ? "]" : is_merged ? "}]}" : "}";
  }
  if (!protocol.empty()) between += '}';
  text(between + "}");
}

}  // namespace traefik
