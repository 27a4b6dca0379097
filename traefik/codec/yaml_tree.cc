#include "traefik/codec/yaml_tree.h"

#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <yaml.h>

namespace traefik::codec {
namespace {

// Deeper than any configuration, and far from the end of the stack.
constexpr std::size_t kDeepest = 100;

Position PositionOf(const yaml_mark_t& mark) {
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

std::string_view TextOf(const yaml_char_t* text) {
  return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view();
}

// Finds the bytes of an event, which libyaml places by characters. Only goes forward.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // is not counted
  }

  std::string_view Between(std::size_t start, std::size_t end) {
    const std::size_t first = Find(start);
    return text_.substr(first, Find(end) - first);
  }

 private:
  std::size_t Find(std::size_t character) {
    for (; character_ < character && at_ < text_.size(); ++character_) {
      do {
        ++at_;
      } while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80);
    }
    return at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t character_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : bytes_(text) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { yaml_parser_delete(&parser_); }

  std::expected<YamlTree, Problem> Read() {
    for (bool more = true; more;) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) return std::unexpected(ParserProblem());
      const std::unique_ptr<yaml_event_t, decltype(&yaml_event_delete)> owner(&event,
                                                                              yaml_event_delete);
      more = event.type != YAML_STREAM_END_EVENT;
      if (event.type == YAML_DOCUMENT_END_EVENT) is_read_ = true;
      if (auto wrong = Take(event); !wrong.empty()) {
        return std::unexpected(MakeProblem(wrong, PositionOf(event.start_mark)));
      }
    }
    return std::move(tree_);
  }

 private:
  static Problem MakeProblem(std::string_view what, Position at) {
    return {"", fmt::format("cannot be read as YAML: {}", what), at.line, at.column};
  }

  Problem ParserProblem() const {
    if (is_read_) {
      return MakeProblem("what follows here is no part of it, and Traefik would ignore it",
                         PositionOf(parser_.problem_mark));
    }
    const std::string_view what = parser_.problem ? parser_.problem : "it ends too early";
    if (!parser_.context) return MakeProblem(what, PositionOf(parser_.problem_mark));
    return MakeProblem(fmt::format("{} {} (from line {} on)", what, parser_.context,
                                   parser_.context_mark.line + 1),
                       PositionOf(parser_.problem_mark));
  }

  // What is wrong with the event; empty for nothing.
  std::string Take(const yaml_event_t& event) {
    if (is_read_) return PassOver(event);
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT: {
        const yaml_version_directive_t* version = event.data.document_start.version_directive;
        return version && version->minor != 1 ? "%YAML must be 1.1 there" : "";
      }
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event.data.scalar;
        YamlNode& node = Add(YamlNode::Kind::kScalar, event, scalar.tag, scalar.anchor);
        node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        node.is_plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
        // libyaml takes more than yaml.v3 does.
        if (node.is_plain && flow_depth_ > 0 && node.text.contains('?')) {
          return fmt::format("{} must be in quotes between braces or brackets: it has a ?",
                             node.text);
        }
        return scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? WrongEscape(event) : "";
      }
      case YAML_SEQUENCE_START_EVENT: {
        const auto& list = event.data.sequence_start;
        Open(Add(YamlNode::Kind::kList, event, list.tag, list.anchor),
             list.style == YAML_FLOW_SEQUENCE_STYLE);
        return open_.size() > kDeepest ? "it is nested too deep" : "";
      }
      case YAML_MAPPING_START_EVENT: {
        const auto& map = event.data.mapping_start;
        Open(Add(YamlNode::Kind::kMap, event, map.tag, map.anchor),
             map.style == YAML_FLOW_MAPPING_STYLE);
        return open_.size() > kDeepest ? "it is nested too deep" : "";
      }
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        open_.pop_back();
        if (flow_depth_ > 0) --flow_depth_;
        return {};
      case YAML_ALIAS_EVENT: {
        YamlNode& node = Add(YamlNode::Kind::kAlias, event, nullptr, nullptr);
        node.text = TextOf(event.data.alias.anchor);
        const auto target = anchors_.find(node.text);
        if (target == anchors_.end()) return fmt::format("there is no anchor '{}'", node.text);
        node.target = target->second;
        return {};
      }
      default:
        return {};
    }
  }

  // What follows the first document must be YAML, too.
  std::string PassOver(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (tree_.next_document.line == 0) tree_.next_document = PositionOf(event.start_mark);
        return {};
      case YAML_SEQUENCE_START_EVENT:
      case YAML_MAPPING_START_EVENT:
        return ++passed_depth_ > kDeepest ? "it is nested too deep" : "";
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        --passed_depth_;
        return {};
      default:
        return {};
    }
  }

  void Open(YamlNode& node, bool is_flow) {
    open_.push_back(&node);
    if (is_flow || flow_depth_ > 0) ++flow_depth_;  // nothing else can be in it
  }

  YamlNode& Add(YamlNode::Kind kind, const yaml_event_t& event, const yaml_char_t* tag,
                const yaml_char_t* anchor) {
    YamlNode& node = tree_.nodes.emplace_back();
    node.kind = kind;
    node.at = PositionOf(event.start_mark);
    node.tag = TextOf(tag);
    if (anchor) anchors_[std::string(TextOf(anchor))] = &node;
    if (open_.empty()) {
      tree_.root = &node;
    } else {
      open_.back()->children.push_back(&node);
    }
    return node;
  }

  // The one escape that only libyaml takes.
  std::string WrongEscape(const yaml_event_t& event) {
    const std::string_view raw = bytes_.Between(event.start_mark.index, event.end_mark.index);
    for (std::size_t at = 0; (at = raw.find('\\', at)) != std::string_view::npos; at += 2) {
      if (raw.substr(at).starts_with("\\/")) return "the escape \\/ is not known there: write /";
    }
    return {};
  }

  yaml_parser_t parser_;
  Bytes bytes_;
  YamlTree tree_;
  std::vector<YamlNode*> open_;
  std::size_t flow_depth_ = 0;    // how many of them are in braces or brackets
  bool is_read_ = false;          // the first document
  std::size_t passed_depth_ = 0;  // in what follows it
  std::map<std::string, YamlNode*, std::less<>> anchors_;
};

}  // namespace

std::expected<YamlTree, Problem> ReadYamlTree(std::string_view text) { return Reader(text).Read(); }

}  // namespace traefik::codec
