#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/docker/types.h"

// The endless answers of an engine, cut into what they are made of. Pieces may be cut anywhere.
namespace orchestrator::docker {

// Lines of text, without their ends. One that is longer than 1 MiB is given in parts.
class LineSplitter {
 public:
  void Add(std::string_view bytes, const std::function<void(std::string_view line)>& sink);

 private:
  std::string rest_;
};

// The log of a service or task: frames of an eight byte head (stream, length) and text; or text
// alone, where the task has a terminal. Each line starts with its time and the task's details.
class LogParser {
 public:
  // False when the sink said so; nothing is given after that.
  bool Add(std::string_view bytes, const std::function<bool(const LogLine&)>& sink);

  // Why the engine ended the log before its end; empty when it did not.
  const std::string& problem() const { return problem_; }

 private:
  std::string rest_;
  std::string problem_;
};

// A line of the log as the engine writes it: "TIME DETAILS TEXT".
LogLine ParseLogLine(std::string_view line);

}  // namespace orchestrator::docker
