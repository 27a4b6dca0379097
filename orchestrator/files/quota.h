#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {

// kNoSpace.
Failure QuotaUsedUp(std::string_view what, const RelativePath& path, std::uint64_t quota_bytes);

// What one upload may write of what is left of its site's quota. All uploads of this process that
// write to the site at the same time share what is left. All numbers are bytes. Thread-safe.
class UploadQuota {
 public:
  // Made before the site's usage is measured, so that what others write meanwhile counts rather
  // twice than never.
  UploadQuota(std::uint64_t bytes, const Descriptor& site);

  // Until it is called nothing may be written.
  void SetUsed(std::uint64_t used);

  std::uint64_t bytes() const { return bytes_; }
  // Nothing was left at the start.
  bool is_used_up() const { return left_ == 0; }
  // False when there is not so much left, and never again is then.
  bool Take(std::uint64_t bytes) { return written_->fetch_add(bytes) + bytes <= begun_at_ + left_; }

 private:
  // What uploads to one site have written since the first of those that are under way began.
  using Written = std::atomic<std::uint64_t>;

  static std::shared_ptr<Written> WrittenTo(const Descriptor& site);

  std::uint64_t bytes_;
  std::shared_ptr<Written> written_;
  std::uint64_t begun_at_;
  std::uint64_t left_ = 0;
};

}  // namespace orchestrator::files
