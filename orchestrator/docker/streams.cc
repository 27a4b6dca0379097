#include "orchestrator/docker/streams.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace orchestrator::docker {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr std::size_t kHead = 8;
constexpr char kErrorStream = 3;  // what the engine itself says, at the end
constexpr std::string_view kTaskDetail = "com.docker.swarm.task.id=";

// Takes what comes before the first `end` off the text; all of it where there is none.
std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

bool IsFrame(std::string_view bytes) {
  return bytes[0] >= 0 && bytes[0] <= kErrorStream && bytes[1] == 0 && bytes[2] == 0 &&
         bytes[3] == 0;
}

std::size_t FrameSize(std::string_view head) {
  std::size_t size = 0;
  for (std::size_t i = 4; i < kHead; ++i) size = size << 8 | static_cast<unsigned char>(head[i]);
  return size;
}

}  // namespace

void LineSplitter::Add(std::string_view bytes,
                       const std::function<void(std::string_view line)>& sink) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    rest_ += bytes.substr(0, end);
    bytes.remove_prefix(std::min(end, bytes.size() - 1) + 1);
    if (end == std::string_view::npos && rest_.size() < kLongestLine) return;
    if (rest_.ends_with('\r')) rest_.pop_back();
    sink(rest_);
    rest_.clear();
  }
}

LogLine ParseLogLine(std::string_view line) {
  LogLine parsed;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  parsed.time = TakeUntil(line, ' ');
  std::string_view details = TakeUntil(line, ' ');
  while (!details.empty()) {
    const std::string_view detail = TakeUntil(details, ',');
    if (detail.starts_with(kTaskDetail)) parsed.task_id = detail.substr(kTaskDetail.size());
  }
  parsed.text = line;
  return parsed;
}

bool LogParser::Add(std::string_view bytes, const std::function<bool(const LogLine&)>& sink) {
  rest_ += bytes;
  std::string_view left = rest_;
  bool wanted = true;
  while (wanted && left.size() >= kHead) {
    LogLine line;
    if (IsFrame(left)) {
      const std::size_t size = FrameSize(left);
      if (left.size() < kHead + size && size < kLongestLine) break;
      const char stream = left[0];
      const std::string_view text = left.substr(kHead, size);
      left.remove_prefix(std::min(kHead + size, left.size()));
      if (stream == kErrorStream) {
        problem_ = text.substr(0, text.find_last_not_of("\r\n") + 1);
        continue;
      }
      line = ParseLogLine(text);
      if (stream == 2) line.stream = LogLine::Stream::kStderr;
    } else {
      const std::size_t end = left.find('\n');
      if (end == std::string_view::npos && left.size() < kLongestLine) break;
      line = ParseLogLine(left.substr(0, end));
      left.remove_prefix(std::min(end, left.size() - 1) + 1);
    }
    wanted = sink(line);
  }
  rest_.erase(0, rest_.size() - left.size());
  return wanted;
}

}  // namespace orchestrator::docker
