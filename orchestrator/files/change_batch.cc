#include "orchestrator/files/change_batch.h"

#include <utility>

namespace orchestrator::files {
namespace {

// More than a reader can want one by one; reading everything again is cheaper.
constexpr std::size_t kMostEvents = 65'536;

}  // namespace

void ChangeBatch::Append(ChangeEvent event) {
  if (overflow_) return;
  if (events_.size() >= kMostEvents) return Overflow();
  events_.push_back(std::move(event));
}

void ChangeBatch::Add(ChangeKind kind, const std::string& path, bool is_folder) {
  if (overflow_) return;
  const auto found = last_.find(path);
  if (found != last_.end()) {
    ChangeEvent& last = events_[found->second];
    const bool was_there = last.kind == ChangeKind::kCreated || last.kind == ChangeKind::kChanged;
    if (was_there && kind == ChangeKind::kChanged) return;
    if (last.kind == kind && last.is_folder == is_folder) return;
    if (was_there && kind == ChangeKind::kRemoved && !is_folder) {
      last.kind = kind;
      return;
    }
  }
  Append({.kind = kind, .path = path, .is_folder = is_folder});
  if (overflow_) return;
  // What was said of paths in a folder does not hold for another one of its name.
  if (is_folder && kind == ChangeKind::kRemoved) last_.clear();
  last_[path] = events_.size() - 1;
}

void ChangeBatch::AddMove(const std::string& old_path, const std::string& path, bool is_folder) {
  Append({.kind = ChangeKind::kMoved, .path = path, .old_path = old_path, .is_folder = is_folder});
  last_.clear();
}

void ChangeBatch::Overflow() {
  overflow_ = true;
  events_ = {ChangeEvent{.kind = ChangeKind::kOverflow}};
  last_.clear();
}

std::vector<ChangeEvent> ChangeBatch::Take() {
  overflow_ = false;
  last_.clear();
  return std::exchange(events_, {});
}

}  // namespace orchestrator::files
