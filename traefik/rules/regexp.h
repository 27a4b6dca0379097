#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace re2 {
class RE2;
}

namespace traefik::rules {

// A regular expression as Go reads it. Immutable; copies share it.
class Regexp {
 public:
  // The error is a sentence for the person who wrote the pattern.
  static std::expected<Regexp, std::string> Compile(std::string_view pattern);

  // Whether it matches anywhere in `text`.
  bool Matches(std::string_view text) const;

 private:
  explicit Regexp(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const re2::RE2> compiled_;
};

// Why Compile refuses a pattern; empty when it does not.
std::string RegexpProblem(std::string_view pattern);

}  // namespace traefik::rules
