#include "orchestrator/files/quota.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {

Failure QuotaUsedUp(std::string_view what, const RelativePath& path, std::uint64_t quota_bytes) {
  return Refusal(ErrorKind::kNoSpace, what, path.text(),
                 fmt::format("the site's quota of {} bytes is used up; remove files", quota_bytes));
}

UploadQuota::UploadQuota(std::uint64_t bytes, const Descriptor& site)
    : bytes_(bytes), written_(WrittenTo(site)), begun_at_(*written_) {}

void UploadQuota::SetUsed(std::uint64_t used) { left_ = bytes_ - std::min(bytes_, used); }

std::shared_ptr<UploadQuota::Written> UploadQuota::WrittenTo(const Descriptor& site) {
  static std::mutex mutex;
  static std::map<std::pair<dev_t, ino_t>, std::weak_ptr<Written>> all;
  struct stat status{};
  if (fstat(site.get(), &status) != 0) return std::make_shared<Written>(0);
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Written>& known = all[{status.st_dev, status.st_ino}];
  auto written = known.lock();
  if (!written) known = written = std::make_shared<Written>(0);
  return written;
}

}  // namespace orchestrator::files
