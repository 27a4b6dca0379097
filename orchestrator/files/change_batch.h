#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace orchestrator::files {

enum class ChangeKind {
  kCreated,
  kChanged,  // its content, mode or owner
  kRemoved,
  kMoved,
  kOverflow,  // changes were lost: read everything again
};

// Paths are bytes, from the site's directory.
struct ChangeEvent {
  ChangeKind kind = ChangeKind::kChanged;
  std::string path = {};      // empty for kOverflow
  std::string old_path = {};  // of kMoved
  bool is_folder = false;

  friend bool operator==(const ChangeEvent&, const ChangeEvent&) = default;
};

// Events in order, where several of the same path become one as long as the last state is told.
class ChangeBatch {
 public:
  void Add(ChangeKind kind, const std::string& path, bool is_folder);
  void AddMove(const std::string& old_path, const std::string& path, bool is_folder);
  // All that was added becomes one kOverflow.
  void Overflow();

  bool empty() const { return events_.empty(); }
  std::vector<ChangeEvent> Take();

 private:
  void Append(ChangeEvent event);

  bool overflow_ = false;
  std::vector<ChangeEvent> events_;
  std::unordered_map<std::string, std::size_t> last_;  // of a path, in events_
};

}  // namespace orchestrator::files
