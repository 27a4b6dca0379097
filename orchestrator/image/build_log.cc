#include "orchestrator/image/build_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "provider/base/secret.h"

namespace orchestrator::image {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;
constexpr std::size_t kIdBytes = 8;
// As a message of the engine, so that it is shown as those are.
constexpr std::string_view kCut =
    R"({"stream":"\n[the rest of the output is left out of this log: it has more than 16 MiB]\n"})";

}  // namespace

Result<std::unique_ptr<BuildLog>> BuildLog::Create(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const int descriptor =
      open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Failure(Error{ErrorKind::kStorage, fmt::format("cannot write the build's log {}: {}",
                                                          file.string(), std::strerror(errno))});
  }
  return std::unique_ptr<BuildLog>(new BuildLog(descriptor, provider::RandomHex(kIdBytes)));
}

std::unique_ptr<BuildLog> BuildLog::Load(const std::filesystem::path& file) {
  auto lines = ReadLines(file);
  if (lines.empty()) return nullptr;
  const auto first = nlohmann::json::parse(lines.front(), nullptr, /*allow_exceptions=*/false);
  const bool has_build = first.is_object() && first.contains("build");
  const std::string build = has_build && first.at("build").is_string()
                                ? first.at("build").get<std::string>()
                                : std::string();
  std::unique_ptr<BuildLog> log(new BuildLog(-1, build));
  log->Finish(FromLastLine(lines.back()));
  log->lines_ = std::move(lines);
  return log;
}

std::vector<std::string> BuildLog::ReadLines(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  return lines;
}

std::optional<std::string> BuildLog::ReadLastLine(const std::filesystem::path& file) {
  static constexpr std::streamoff kBlock = 4096;
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  std::string line;
  for (std::streamoff end = stream ? std::streamoff(stream.tellg()) : 0; end > 0;) {
    const std::streamoff begin = std::max<std::streamoff>(end - kBlock, 0);
    std::string block(static_cast<std::size_t>(end - begin), '\0');
    if (!stream.seekg(begin).read(block.data(), end - begin)) return std::nullopt;
    line.insert(0, block);
    end = begin;
    // The last character is the end of the line itself.
    const std::size_t before = line.size() < 2 ? line.npos : line.rfind('\n', line.size() - 2);
    if (before == line.npos) continue;
    line.erase(0, before + 1);
    break;
  }
  if (line.empty()) return std::nullopt;
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

BuildLog::~BuildLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

void BuildLog::Append(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (cut_) return;
  cut_ = bytes_ + line.size() > kMostBytes;
  Keep(cut_ ? kCut : line);
}

void BuildLog::AppendLast(std::string_view line) {
  const std::lock_guard lock(mutex_);
  Keep(line);
}

void BuildLog::Keep(std::string_view line) {
  bytes_ += line.size();
  lines_.emplace_back(line);
  const std::string text = fmt::format("{}\n", line);
  // A full disk must not end a build: those who follow it still see the line, and a line that is
  // cut is passed over by readers.
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = write(descriptor_, text.data() + written, text.size() - written);
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  changed_.notify_all();
}

void BuildLog::Finish(BuildStatus status) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  status_ = std::move(status);
  changed_.notify_all();
}

BuildLog::Lines BuildLog::Wait(std::size_t first, std::chrono::steady_clock::time_point deadline,
                               const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [&] { return finished_ || lines_.size() > first; });
  Lines result;
  result.finished = finished_;
  result.status = status_;
  for (std::size_t i = first; i < lines_.size(); ++i) result.lines.push_back(lines_[i]);
  return result;
}

}  // namespace orchestrator::image
