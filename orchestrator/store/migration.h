#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/site/site.h"

namespace orchestrator::store {

// An order to route sites from one side, and how far it has come. Its steps say the rest.
struct Migration {
  enum class State {
    kRunning,
    kPaused,       // no batch is begun; sites that are on their way go on
    kAborting,     // the same, and none will be
    kRollingBack,  // what was moved goes back
    kFinished,
    kAborted,
    kRolledBack,
  };

  std::uint64_t id = 0;  // the revision that took it in
  site::RoutingMode to = site::RoutingMode::kProvider;
  State state = State::kRunning;
  std::string reason;           // why it is in this state, where nobody ordered that
  bool resumes_itself = false;  // paused: goes on when the reason is gone
  std::string pool;             // of its sites; empty: of any
  bool chosen = false;          // its sites were named: they go even where they choose otherwise
  std::size_t there = 0;        // sites that were on that side already
  // Unset: it is about some sites. Set: about the whole system and so about new sites, too; this
  // was their default mode before.
  std::optional<site::RoutingMode> default_before;
  std::size_t batch = 100;             // sites that are moved at once
  std::size_t canary = 5;              // sites of the first batch
  std::chrono::milliseconds pause{0};  // from the end of a batch to the next one
  std::vector<std::string> accept;     // differences, by their pointers
  std::int64_t created = 0;            // seconds since 1970
  std::int64_t ended = 0;              // 0: not yet

  friend bool operator==(const Migration&, const Migration&) = default;
};

constexpr bool IsLive(Migration::State state) { return state < Migration::State::kFinished; }

const char* Name(Migration::State state);

// What a migration does with one site.
struct MigrationStep {
  enum class State {
    kPlanned,
    kStarted,    // it is to go over
    kMoved,      // it is routed from the new side alone
    kSkipped,    // it stays, `note` says why
    kReturning,  // it is to go back
    kReturned,
  };
  static constexpr std::size_t kStates = 6;

  std::uint64_t migration = 0;
  site::SiteId site;
  std::size_t batch = 0;
  State state = State::kPlanned;
  site::RoutingMode mode_before = site::RoutingMode::kDefault;       // its own
  site::RoutingMode followed_before = site::RoutingMode::kProvider;  // see SiteRecord::followed
  std::string before;  // of the first batch: how Traefiks answered for it, see routing::Canary
  std::string note;

  friend bool operator==(const MigrationStep&, const MigrationStep&) = default;
};

const char* Name(MigrationStep::State state);

// How many steps are in each state, and the first few of those under way.
struct MigrationCounts {
  std::array<std::size_t, MigrationStep::kStates> by_state{};
  std::size_t batches = 0;
  std::size_t batches_begun = 0;
  std::vector<site::SiteId> under_way;

  std::size_t Count(MigrationStep::State state) const {
    return by_state[static_cast<std::size_t>(state)];
  }
};

}  // namespace orchestrator::store
