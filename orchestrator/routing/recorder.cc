#include "orchestrator/routing/recorder.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "provider/base/durable_file.h"
#include "provider/base/secret.h"
#include "provider/fragment_text.h"
#include "provider/last_known_good.h"
#include "provider/packed_text.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;

constexpr auto kRetry = 2s;
constexpr auto kGathering = 25ms;

// When documents come faster than they can be written, the history leaves some out.
constexpr std::size_t kMostWaiting = 256;

bool Exists(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::exists(path, unknown);
}

}  // namespace

std::string PackFragments(const provider::Fragments& fragments) {
  const auto packed = provider::Pack(provider::FragmentsToText(fragments));
  provider::GzipStitcher stitcher(packed->deflated.size());
  stitcher.Add(*packed);
  return std::move(stitcher).Finish();
}

Result<provider::Fragments> UnpackFragments(const std::string& bytes) {
  if (bytes.empty()) return provider::Fragments();
  auto fragments = provider::ParseFragments(provider::Unpack(bytes));
  if (fragments) return *std::move(fragments);
  return Failure(Error{ErrorKind::kStorage, "a part of the history is damaged", fragments.error()});
}

std::size_t CountSites(const provider::DocumentState& state) {
  return state.CountFragments() - (state.Find(kSharedKey) ? 1 : 0);
}

std::filesystem::path HeldMark(const std::filesystem::path& last_known_good) {
  return last_known_good.string() + ".held";
}

Recorder::Recorder(store::History* history, Options options)
    : history_(history),
      options_(std::move(options)),
      held_(Exists(HeldMark(options_.last_known_good)) ? std::optional<store::Revision>(0)
                                                       : std::nullopt),
      kept_(options_.kept),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Recorder::~Recorder() {
  thread_.request_stop();
  thread_.join();
}

void Recorder::Record(Publication publication) {
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) queue_.back().snapshot.reset();
    if (queue_.size() >= kMostWaiting) {
      // What is left out is in the next one.
      publication.of_another_database |= queue_.back().of_another_database;
      publication.of_tasks_only &= queue_.back().of_tasks_only;
      queue_.pop_back();
    }
    queue_.push_back(std::move(publication));
  }
  wake_.notify_all();
}

void Recorder::RecordHeld(store::Revision revision) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(held_, revision)) {
    const auto written = provider::WriteDurably(HeldMark(options_.last_known_good), "");
    if (!written) spdlog::error("{}", written.error());
  }
}

store::Revision Recorder::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

std::string Recorder::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Recorder::Run(const std::stop_token& stop) {
  LoadLatest();
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [&] { return !queue_.empty(); };
    if (unkept_) {
      wake_.wait_for(lock, stop, kRetry, has_work);
    } else {
      wake_.wait(lock, stop, has_work);
    }
    // Those who are given the document go first; what comes right behind is written with it.
    wake_.wait_for(lock, stop, kGathering, [] { return false; });
    KeepNewest(lock);
    while (!queue_.empty()) {
      const Publication publication = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (!publication.of_tasks_only) AddToHistory(publication);
      lock.lock();
      KeepNewest(lock);
    }
    if (stop.stop_requested()) return;
  }
}

// Writes the newest document, if it is not on disk yet.
void Recorder::KeepNewest(std::unique_lock<std::mutex>& lock) {
  if (!queue_.empty() && queue_.back().snapshot) {
    unkept_ = queue_.back();
    queue_.back().snapshot.reset();
  }
  if (!unkept_) return;
  lock.unlock();
  if (Keep(*unkept_)) unkept_.reset();
  lock.lock();
}

bool Recorder::Keep(const Publication& publication) {
  std::vector<std::uint64_t> keys = publication.state.Keys();
  std::erase(keys, kSharedKey);
  const auto written = provider::WriteDurably(
      options_.last_known_good,
      provider::LastKnownGoodToText(
          {publication.snapshot, std::move(keys), options_.source, publication.rolled_back_to}));
  const std::lock_guard lock(mutex_);
  if (written) {
    kept_ = publication.snapshot->revision();
    problem_.clear();
    if (held_ && *held_ <= kept_) {
      std::error_code unknown;
      std::filesystem::remove(HeldMark(options_.last_known_good), unknown);
      held_.reset();
    }
  } else if (problem_ != written.error()) {
    problem_ = written.error();
    spdlog::error("the document is served, but a restart would not have it: {}", problem_);
  }
  return written.has_value();
}

// What the history ends with, to go on from there.
void Recorder::LoadLatest() {
  if (!history_) return;
  const auto list = history_->List();
  if (!list || list->empty()) return;
  const auto parts = history_->PartsOf(list->front().revision);
  if (!parts) return;
  latest_ = list->front().revision;
  for (const store::HistoryPart& part : *parts) {
    digests_[part.number] = provider::Sha256Hex(part.bytes);
    found_[part.number] = part.bytes;
  }
}

void Recorder::AddToHistory(const Publication& publication) {
  if (!history_) return;
  const store::Revision revision = publication.revision;
  if (revision < latest_ || publication.of_another_database) {
    spdlog::warn("the history of routing is of another database: it begins anew");
    if (auto cleared = history_->Clear(); !cleared) return;
    last_.reset();
    digests_.clear();
    found_.clear();
  }
  const std::vector<store::HistoryPart> changed = ChangedParts(publication.state);
  const provider::Difference difference = DifferenceTo(publication.state, changed);
  const auto count = [](const std::vector<std::uint64_t>& keys) {
    return static_cast<std::size_t>(
        std::ranges::count_if(keys, [](std::uint64_t key) { return key != kSharedKey; }));
  };
  if (revision == latest_ && changed.empty()) {  // as it was before a restart
    last_ = publication.state;
    found_.clear();
    return;
  }
  const auto added =
      history_->Add({.revision = revision,
                     .published = std::chrono::duration_cast<std::chrono::milliseconds>(
                                      publication.published.time_since_epoch())
                                      .count(),
                     .sites = CountSites(publication.state),
                     .added = count(difference.added),
                     .removed = count(difference.removed),
                     .changed = count(difference.changed),
                     .rolled_back_to = publication.rolled_back_to},
                    changed, std::max<std::size_t>(options_.revisions, 1));
  if (!added) {
    // The next one has all that differs from what the history ends with.
    if (history_problem_ != added.error().message) spdlog::error("{}", added.error().message);
    history_problem_ = added.error().message;
    return;
  }
  history_problem_.clear();
  for (const store::HistoryPart& part : changed) {
    if (part.bytes.empty()) {
      digests_.erase(part.number);
    } else {
      digests_[part.number] = provider::Sha256Hex(part.bytes);
    }
  }
  latest_ = revision;
  last_ = publication.state;
  found_.clear();
}

std::vector<store::HistoryPart> Recorder::ChangedParts(const provider::DocumentState& state) {
  std::map<std::uint64_t, const provider::Fragments*> known;
  if (last_) {
    for (const auto& shard : last_->shards) known[shard.number] = shard.fragments.get();
  }
  std::vector<store::HistoryPart> changed;
  std::set<std::uint64_t> present;
  for (const auto& shard : state.shards) {
    present.insert(shard.number);
    const auto found = known.find(shard.number);
    if (found != known.end() && found->second == shard.fragments.get()) continue;
    std::string bytes = PackFragments(*shard.fragments);
    const auto digest = digests_.find(shard.number);
    if (digest != digests_.end() && digest->second == provider::Sha256Hex(bytes)) continue;
    changed.push_back({shard.number, std::move(bytes)});
  }
  for (const auto& [number, digest] : digests_) {
    if (!present.contains(number)) changed.push_back({number, {}});
  }
  return changed;
}

provider::Difference Recorder::DifferenceTo(const provider::DocumentState& state,
                                            const std::vector<store::HistoryPart>& changed) const {
  if (last_) return Compare(*last_, state);
  provider::DocumentState before;
  provider::DocumentState after;
  for (const store::HistoryPart& part : changed) {
    const auto add = [&](provider::DocumentState& to, const std::string& bytes) {
      auto fragments = UnpackFragments(bytes);
      if (!fragments || fragments->empty()) return;
      to.shards.push_back(
          {part.number, std::make_shared<const provider::Fragments>(*std::move(fragments))});
    };
    const auto old = found_.find(part.number);
    if (old != found_.end()) add(before, old->second);
    add(after, part.bytes);
  }
  std::ranges::sort(before.shards, {}, &provider::DocumentState::Shard::number);
  std::ranges::sort(after.shards, {}, &provider::DocumentState::Shard::number);
  return Compare(before, after);
}

}  // namespace orchestrator::routing
