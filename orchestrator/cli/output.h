#pragma once

#include <string>
#include <vector>

#include "orchestrator/error.h"

namespace orchestrator::cli {

// Exit statuses of the program.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

// Rows of a table, the first one the heading, in columns wide enough.
void PrintTable(const std::vector<std::vector<std::string>>& rows);

// The error for people, on standard error, every field on a line of its own. Returns kFailed.
int PrintError(const Error& error);

// JSON text, indented.
void PrintJson(const std::string& json);

// Replaces the line on a terminal; a line of its own elsewhere, but only when it says something
// new.
class Progress {
 public:
  ~Progress();
  void Show(const std::string& line);

 private:
  std::string last_;
};

}  // namespace orchestrator::cli
