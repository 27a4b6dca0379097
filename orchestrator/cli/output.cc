#include "orchestrator/cli/output.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace orchestrator::cli {

void PrintTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

int PrintError(const Error& error) {
  fmt::print(stderr, "orchestrator: {}\n", error.message);
  for (const FieldProblem& field : error.fields) {
    if (field.pointer.empty() || error.message.contains(field.detail)) continue;
    fmt::print(stderr, "  {}: {}\n", field.pointer, field.detail);
  }
  return kFailed;
}

void PrintJson(const std::string& json) {
  const auto value = nlohmann::ordered_json::parse(json, nullptr, /*allow_exceptions=*/false);
  fmt::print("{}\n", value.is_discarded() ? json : value.dump(2));
}

Progress::~Progress() {
  if (!last_.empty() && isatty(STDERR_FILENO)) fmt::print(stderr, "\n");
}

void Progress::Show(const std::string& line) {
  if (line == last_) return;
  if (isatty(STDERR_FILENO)) {
    fmt::print(stderr, "\r\033[K{}", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
  last_ = line;
}

}  // namespace orchestrator::cli
