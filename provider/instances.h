#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "provider/histogram.h"

namespace provider {

// A Traefik that the operator named.
struct ConfiguredInstance {
  std::string name;
  std::string entry_point;  // http:// URL through which its data plane is probed; empty: not probed
  std::string pool = "default";
  std::string tls_entry_point = {};  // https:// URL where sites with TLS answer; empty: not asked
};

struct InstanceStatus {
  std::string name;
  std::string address;  // of its last poll
  bool configured = false;
  bool probed = false;   // its data plane is asked; else a delivery is all that is known
  bool polling = false;  // polled lately, or a poll is held for it now
  bool gone = false;     // somebody said that it is no more, and nothing was heard of it since
  std::optional<std::chrono::system_clock::time_point> last_poll;
  std::uint64_t polls = 0;
  std::uint64_t delivered = 0;  // revision; 0: nothing yet
  std::uint64_t confirmed = 0;  // revision that its data plane answered with last; 0: unknown
  // From the last delivery that was confirmed to its confirmation.
  std::optional<std::chrono::milliseconds> time_to_apply;
  std::string problem;  // why it is not confirmed, for people; empty when all is well
};

// Whether a revision is active everywhere, and if not, who is waited for.
struct Confirmation {
  bool everywhere = false;
  bool held = false;                     // by the promise: it will not come by itself
  std::vector<std::string> waiting_for;  // sentences, one an instance
};

// Who polls, what was delivered, what a probe confirmed. A configured instance counts until it is
// declared gone, and again from the moment at which something is heard of it; one that was learned
// from its polls counts while it polls. Thread-safe.
class Instances {
 public:
  using Clock = std::chrono::steady_clock;

  // A delivery to an instance that cannot be probed counts as applied after this time, and one more
  // second for each so many bytes: large documents take Traefik longer.
  static constexpr std::chrono::seconds kDeliveryGrace{5};
  static constexpr std::uint64_t kBytesPerGraceSecond = 1'000'000;
  // A learned instance that has not polled for this long is no longer counted, nor shown.
  static constexpr std::chrono::seconds kForgottenAfter{90};
  // An instance that has polled within this time is not gone.
  static constexpr std::chrono::seconds kSilence{10};
  // Nobody waits longer than this for an instance to apply what it was given: it may have refused
  // the document, and what comes next may be what it needs.
  static constexpr std::chrono::seconds kLongestApplying{15};

  // What outlives the process about instances that were declared gone.
  struct Absences {
    std::vector<std::string> gone;  // names of configured instances
    // Told the name of one that is heard of again. Called without a lock, on the thread that heard.
    std::function<void(const std::string& name)> on_return;
  };

  explicit Instances(std::vector<ConfiguredInstance> configured);

  // Those that were declared gone before. One that was heard of meanwhile is told to have returned.
  void SetAbsences(Absences absences);

  const std::vector<ConfiguredInstance>& configured() const { return configured_; }

  // What the numbers of documents do not promise. A document may be served that lacks routes of
  // revisions that are older than its own.
  struct Promise {
    // No document has what came after this revision; with the reason, a sentence.
    std::optional<std::pair<std::uint64_t, std::string>> nothing_after;
    // Documents of older revisions confirm nothing.
    std::uint64_t true_from = 0;
    bool held = false;  // what comes after is held back until somebody says otherwise
  };
  void SetPromise(Promise promise);

  // The state of this revision is in the document that is published now. `committed`: when the
  // change was made.
  void RecordPublished(std::uint64_t revision, Clock::time_point committed);

  // From a commit to its confirmation by all Traefiks that count.
  const Histogram& confirmations() const { return confirmations_; }

  void RecordPollBegin(const std::string& name, const std::string& address);
  void RecordPollEnd(const std::string& name);
  // `bytes`: of the document as Traefik reads it.
  void RecordDelivered(const std::string& name, std::uint64_t revision, std::uint64_t bytes = 0);
  void RecordProbe(const std::string& name, std::uint64_t revision);
  void RecordProbeFailure(const std::string& name, const std::string& problem);

  // Counts an instance no more until something is heard of it; a learned one is forgotten. The
  // error says why it cannot be gone, or that there is none of this name (kUnknown).
  enum class Refusal : std::uint8_t { kUnknown, kAlive };
  std::expected<void, std::pair<Refusal, std::string>> DeclareGone(const std::string& name);

  bool IsGone(const std::string& name) const;

  // Whether a probe says that this instance has not applied yet what it was given last.
  bool IsApplying(const std::string& name) const;

  // Blocks while IsApplying, until the deadline at most, or until `abandoned` (asked about a few
  // times a second) says so.
  void WaitApplied(const std::string& name, Clock::time_point deadline,
                   const std::function<bool()>& abandoned) const;

  std::vector<InstanceStatus> List() const;

  // Is `revision` or a later one active on every Traefik that counts? Never when none counts.
  Confirmation Confirm(std::uint64_t revision) const;

  // Blocks until Confirm(revision) says everywhere, the deadline, or a stop.
  Confirmation WaitConfirmed(std::uint64_t revision, Clock::time_point deadline,
                             const std::stop_token& stop) const;

 private:
  struct Delivery {
    std::uint64_t revision;
    Clock::time_point at;
    Clock::time_point settles;
  };

  struct Entry {
    InstanceStatus status;
    unsigned polls_running = 0;
    std::optional<Clock::time_point> last_poll;
    std::optional<Clock::time_point> last_delivery;
    std::uint64_t foreign = 0;        // what it answers with, while that was not published here
    std::deque<Delivery> deliveries;  // the last few, oldest first
    std::string address_before;       // the last one that was another
    std::optional<Clock::time_point> returned_to;  // when polls last came from that one again
  };

  static void RememberDelivery(std::deque<Delivery>& deliveries, Delivery delivery);
  bool IsPolling(const Entry& entry) const;
  bool Counts(const Entry& entry) const;
  bool IsApplyingLocked(const std::string& name) const;
  void ObserveConfirmed();
  Clock::time_point SettledAt(std::uint64_t revision) const;
  void Return(Entry& entry, std::unique_lock<std::mutex>& lock);
  bool HasSettled(const Entry& entry, std::uint64_t revision) const;
  Confirmation ConfirmLocked(std::uint64_t revision) const;

  const std::vector<ConfiguredInstance> configured_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::uint64_t changes_ = 0;             // guarded by mutex_
  Promise promise_;                       // guarded by mutex_
  std::uint64_t published_ = 0;           // guarded by mutex_; the newest revision
  struct Commit {
    std::uint64_t revision;
    Clock::time_point at;
  };
  std::deque<Commit> unconfirmed_;  // guarded by mutex_; the oldest first
  Histogram confirmations_;
  std::function<void(const std::string&)> on_return_;  // guarded by mutex_
};

}  // namespace provider
