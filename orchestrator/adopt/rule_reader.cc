#include "orchestrator/adopt/rule_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace orchestrator::adopt {
namespace {

using Failure = std::unexpected<std::string>;

constexpr int kDeepestNesting = 32;

// What a part of a rule asks for: some hosts, or a path by itself.
struct Part {
  enum class Kind {
    kHosts,
    kPath,          // Path(`/p`): the path and nothing below it
    kFolder,        // PathPrefix(`/p/`): what is below it
    kOpenPrefix,    // PathPrefix(`/p`): both, and /px
    kPathAndBelow,  // Path(`/p`) || PathPrefix(`/p/`)
    kAnyPath,       // PathPrefix(`/`)
  };

  Kind kind = Kind::kHosts;
  std::size_t begin = 0;  // where it stands in the rule
  std::vector<site::Address> hosts;
  std::optional<traefik::PathPrefix> path;
};

using Parsed = std::expected<Part, std::string>;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class RuleReader {
 public:
  explicit RuleReader(std::string_view rule) : rule_(rule) {}

  std::expected<HostRule, std::string> Read() {
    Parsed part = ReadDisjunction();
    if (!part) return Failure(part.error());
    SkipSpace(/*line_breaks=*/false);
    const bool ends = rule_.find_first_not_of(" \t\r\n", position_) == std::string_view::npos;
    if (!ends) return Failure(Unexpected("the end"));
    if (part->kind != Part::Kind::kHosts) {
      return Failure(fmt::format("has a path without a host {}", At(part->begin)));
    }
    HostRule read{{}, std::move(open_prefixes_)};
    for (site::Address& address : part->hosts) {
      if (std::ranges::find(read.addresses, address) == read.addresses.end()) {
        read.addresses.push_back(std::move(address));
      }
    }
    return read;
  }

 private:
  // Rules are Go expressions: a line may break behind an operator, a comma or an opening
  // parenthesis only. Behind anything else its break ends the rule.
  void SkipSpace(bool line_breaks) {
    const std::string_view spaces = line_breaks ? " \t\r\n" : " \t\r";
    position_ = std::min(rule_.find_first_not_of(spaces, position_), rule_.size());
  }

  bool Take(std::string_view token) {
    SkipSpace(/*line_breaks=*/false);
    if (!rule_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }

  static std::string At(std::size_t position) {
    return fmt::format("at character {}", position + 1);
  }

  std::string Unexpected(std::string_view wanted) const {
    if (position_ >= rule_.size()) {
      return fmt::format("ends {}, where {} is expected", At(position_), wanted);
    }
    const char c = rule_[position_];
    if (c == '\n')
      return fmt::format("has a line break {} that ends it for Traefik", At(position_));
    if (c == '!') return fmt::format("has a negation {}, which sites cannot say", At(position_));
    const auto byte = static_cast<unsigned char>(c);
    const std::string shown =
        byte > ' ' && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("byte {:#04x}", byte);
    return fmt::format("has {} {}, where {} is expected", shown, At(position_), wanted);
  }

  Parsed ReadDisjunction() {
    Parsed all = ReadConjunction();
    while (all && Take("||")) {
      const Parsed next = ReadConjunction();
      if (!next) return next;
      all = Either(*std::move(all), *next);
    }
    return all;
  }

  Parsed ReadConjunction() {
    Parsed all = ReadTerm();
    while (all && Take("&&")) {
      const Parsed next = ReadTerm();
      if (!next) return next;
      all = Both(*std::move(all), *next);
    }
    return all;
  }

  Parsed ReadTerm() {
    SkipSpace(/*line_breaks=*/true);
    const std::size_t begin = position_;
    if (Take("(")) return ReadGroup(begin);
    while (position_ < rule_.size() && IsLetter(rule_[position_])) ++position_;
    const std::string_view matcher = rule_.substr(begin, position_ - begin);
    if (matcher.empty()) return Failure(Unexpected("Host(`…`)"));
    if (matcher != "Host" && matcher != "Path" && matcher != "PathPrefix") {
      return Failure(
          fmt::format("has the matcher {} {}; only Host, Path and PathPrefix can be taken over",
                      matcher, At(begin)));
    }
    const auto values = ReadArguments();
    if (!values) return Failure(values.error());
    return matcher == "Host" ? Hosts(*values, begin) : Path(matcher, *values, begin);
  }

  Parsed ReadGroup(std::size_t begin) {
    if (depth_ == kDeepestNesting) {
      return Failure(
          fmt::format("has more than {} parentheses in each other {}", kDeepestNesting, At(begin)));
    }
    ++depth_;
    Parsed inner = ReadDisjunction();
    --depth_;
    if (inner && !Take(")")) return Failure(Unexpected("')'"));
    return inner;
  }

  std::expected<std::vector<std::string_view>, std::string> ReadArguments() {
    if (!Take("(")) return Failure(Unexpected("'('"));
    std::vector<std::string_view> values;
    do {
      SkipSpace(/*line_breaks=*/true);
      if (!values.empty() && Take(")")) return values;  // Go allows a comma behind the last one
      const auto value = ReadText();
      if (!value) return Failure(value.error());
      values.push_back(*value);
    } while (Take(","));
    if (!Take(")")) return Failure(Unexpected("')'"));
    return values;
  }

  std::expected<std::string_view, std::string> ReadText() {
    const std::size_t begin = position_;
    const char quote = begin < rule_.size() ? rule_[begin] : '\0';
    if (quote != '`' && quote != '"') return Failure(Unexpected("a text in backticks"));
    const std::size_t end = rule_.find(quote, begin + 1);
    if (end == std::string_view::npos) {
      return Failure(fmt::format("has a text {} that does not end", At(begin)));
    }
    const std::string_view text = rule_.substr(begin + 1, end - begin - 1);
    if (quote == '"' && text.contains('\\')) {
      return Failure(
          fmt::format("has an escape {}; names and paths need none", At(rule_.find('\\', begin))));
    }
    position_ = end + 1;
    return text;
  }

  static Parsed Hosts(const std::vector<std::string_view>& names, std::size_t begin) {
    Part part{Part::Kind::kHosts, begin, {}, {}};
    for (const std::string_view name : names) {
      const bool ascii =
          std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      // A site could have such a name; this rule has never matched it.
      if (!ascii) {
        return Failure(
            fmt::format("has the host '{}' {}, which Traefik refuses: not ASCII", name, At(begin)));
      }
      auto host = traefik::HostName::Parse(name);
      if (!host) {
        return Failure(
            fmt::format("has the host '{}' {}, which {}", name, At(begin), host.error()));
      }
      part.hosts.push_back({*std::move(host), {}});
    }
    return part;
  }

  static Parsed Path(std::string_view matcher, const std::vector<std::string_view>& values,
                     std::size_t begin) {
    if (values.size() != 1) {
      return Failure(fmt::format("has {} paths in the {} {}; one can be taken over", values.size(),
                                 matcher, At(begin)));
    }
    std::string_view text = values.front();
    Part part{Part::Kind::kPath, begin, {}, {}};
    if (matcher == "PathPrefix") {
      part.kind = Part::Kind::kOpenPrefix;
      if (text == "/") {
        part.kind = Part::Kind::kAnyPath;
        return part;
      }
      if (text.ends_with('/')) {
        part.kind = Part::Kind::kFolder;
        text.remove_suffix(1);
      }
    }
    auto path = traefik::PathPrefix::Parse(text);
    if (!path) {
      return Failure(
          fmt::format("has the path '{}' {}, which {}", values.front(), At(begin), path.error()));
    }
    part.path = *std::move(path);
    return part;
  }

  static Parsed Either(Part left, const Part& right) {
    using enum Part::Kind;
    if (left.kind == kHosts && right.kind == kHosts) {
      left.hosts.insert(left.hosts.end(), right.hosts.begin(), right.hosts.end());
      return left;
    }
    const std::pair kinds{left.kind, right.kind};
    if ((kinds == std::pair{kPath, kFolder} || kinds == std::pair{kFolder, kPath}) &&
        left.path == right.path) {
      left.kind = kPathAndBelow;
      return left;
    }
    if (left.kind == kHosts || right.kind == kHosts) {
      return Failure(fmt::format("has a path without a host {}",
                                 At(left.kind == kHosts ? right.begin : left.begin)));
    }
    return Failure(
        fmt::format("has a choice of paths {} that is not Path(`/p`) || "
                    "PathPrefix(`/p/`)",
                    At(right.begin)));
  }

  Parsed Both(Part left, Part right) {
    using enum Part::Kind;
    const std::size_t second = right.begin;
    if (left.kind != kHosts) std::swap(left, right);
    if (left.kind != kHosts || right.kind == kHosts) {
      return Failure(fmt::format("asks for two {} at once {}",
                                 left.kind == kHosts ? "hosts" : "paths", At(second)));
    }
    if (right.kind == kAnyPath) return left;
    if (right.kind == kPath || right.kind == kFolder) {
      return Failure(fmt::format("has a path {} that takes {}, while a site takes both",
                                 At(right.begin),
                                 right.kind == kPath ? "nothing below it" : "only what is below"));
    }
    for (site::Address& address : left.hosts) {
      if (address.path) return Failure(fmt::format("has a second path {}", At(right.begin)));
      address.path = right.path;
    }
    if (right.kind == kOpenPrefix) open_prefixes_.push_back(*right.path);
    return left;
  }

  std::string_view rule_;
  std::size_t position_ = 0;
  int depth_ = 0;
  std::vector<traefik::PathPrefix> open_prefixes_;
};

}  // namespace

std::expected<HostRule, std::string> ReadRule(std::string_view rule) {
  return RuleReader(rule).Read();
}

std::expected<std::vector<site::Address>, std::string> ReadHostRule(std::string_view rule) {
  auto read = ReadRule(rule);
  if (!read) return Failure(read.error());
  return std::move(read->addresses);
}

}  // namespace orchestrator::adopt
