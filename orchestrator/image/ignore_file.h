#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace orchestrator::image {

// A .dockerignore file, with the meaning that Docker's own client gives it: a pattern a line, as of
// shells for each part of a path, `**` for any number of parts; `!` takes back what was excluded
// before; `#` begins a comment. Immutable.
class IgnoreFile {
 public:
  IgnoreFile() = default;
  explicit IgnoreFile(std::string_view text);

  // A path relative to the folder of the file. What is below something that is excluded is, too.
  bool Excludes(std::string_view path) const;

  // Whether something below an excluded folder may not be excluded.
  bool has_exceptions() const { return has_exceptions_; }

  // The parts of all patterns together: what comparing one path with them costs.
  std::size_t names() const { return names_; }

 private:
  struct Rule {
    std::vector<std::string> parts;
    bool is_exception = false;
  };

  std::vector<Rule> rules_;
  bool has_exceptions_ = false;
  std::size_t names_ = 0;
};

}  // namespace orchestrator::image
