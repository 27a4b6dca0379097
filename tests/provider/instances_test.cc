#include "provider/instances.h"

#include <future>
#include <numeric>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/support/eventually.h"

namespace provider {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Clock = Instances::Clock;

const ConfiguredInstance kProbed{"edge", "http://127.0.0.1:1"};
const ConfiguredInstance kUnprobed{"quiet", ""};

void Poll(Instances& instances, const std::string& name, std::uint64_t revision) {
  instances.RecordPollBegin(name, "10.0.0.9");
  instances.RecordDelivered(name, revision);
  instances.RecordPollEnd(name);
}

double Confirmations(const Instances& instances) {
  const std::vector<double> counts = instances.confirmations().Counts();
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

TEST_CASE("Nothing is confirmed while no Traefik counts") {
  const Instances instances({});
  const Confirmation confirmation = instances.Confirm(1);
  CHECK_FALSE(confirmation.everywhere);
  REQUIRE(confirmation.waiting_for.size() == 1);
  CHECK_THAT(confirmation.waiting_for[0], ContainsSubstring("no Traefik has polled"));
}

TEST_CASE("A configured instance counts before its first poll") {
  const Instances instances({kProbed, kUnprobed});
  const Confirmation confirmation = instances.Confirm(1);
  CHECK_FALSE(confirmation.everywhere);
  CHECK(confirmation.waiting_for.size() == 2);

  const auto list = instances.List();
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "edge");
  CHECK(list[0].probed);
  CHECK_FALSE(list[0].polling);
  CHECK_FALSE(list[0].problem.empty());
  CHECK_FALSE(list[1].probed);
  CHECK_FALSE(list[1].problem.empty());
}

TEST_CASE("A delivery alone does not confirm an instance that is probed") {
  Instances instances({kProbed});
  Poll(instances, "edge", 9);
  CHECK_FALSE(instances.Confirm(9).everywhere);
  instances.RecordProbe("edge", 8);
  CHECK_FALSE(instances.Confirm(9).everywhere);
  CHECK_THAT(instances.Confirm(9).waiting_for[0], ContainsSubstring("revision 8 of 9"));
  instances.RecordProbe("edge", 9);
  CHECK(instances.Confirm(9).everywhere);
  CHECK(instances.Confirm(3).everywhere);
  CHECK_FALSE(instances.Confirm(10).everywhere);
}

TEST_CASE("An instance that stops answering is not confirmed any more") {
  Instances instances({kProbed});
  instances.RecordProbe("edge", 5);
  instances.RecordProbeFailure("edge", "does not answer");
  const Confirmation confirmation = instances.Confirm(5);
  CHECK_FALSE(confirmation.everywhere);
  CHECK(confirmation.waiting_for == std::vector<std::string>{"edge: does not answer"});
  CHECK(instances.List()[0].confirmed == 0);
  CHECK(instances.List()[0].problem == "does not answer");
}

TEST_CASE("Every instance is waited for, and named") {
  Instances instances({{"a", "http://a"}, {"b", "http://b"}});
  instances.RecordProbe("a", 2);
  const Confirmation confirmation = instances.Confirm(2);
  CHECK_FALSE(confirmation.everywhere);
  REQUIRE(confirmation.waiting_for.size() == 1);
  CHECK_THAT(confirmation.waiting_for[0], ContainsSubstring("b"));
}

TEST_CASE("A learned instance counts from its first poll on and waits for the grace") {
  Instances instances({});
  Poll(instances, "10.0.0.9", 4);
  const Confirmation confirmation = instances.Confirm(4);
  CHECK_FALSE(confirmation.everywhere);
  CHECK_THAT(confirmation.waiting_for[0], ContainsSubstring("was given revision 4 of 4"));

  const auto list = instances.List();
  REQUIRE(list.size() == 1);
  CHECK_FALSE(list[0].configured);
  CHECK(list[0].polling);
  CHECK(list[0].polls == 1);
  CHECK(list[0].delivered == 4);
  CHECK(list[0].address == "10.0.0.9");
  CHECK(list[0].last_poll.has_value());
}

TEST_CASE("An instance applies from its delivery until its probe says so") {
  Instances instances({kProbed, kUnprobed});
  CHECK_FALSE(instances.IsApplying("edge"));
  CHECK_FALSE(instances.IsApplying("unknown"));
  Poll(instances, "edge", 5);
  CHECK_FALSE(instances.IsApplying("edge"));  // what it has is unknown
  instances.RecordProbe("edge", 4);
  CHECK(instances.IsApplying("edge"));
  CHECK_FALSE(instances.List()[0].time_to_apply.has_value());
  instances.RecordProbe("edge", 5);
  CHECK_FALSE(instances.IsApplying("edge"));
  CHECK(instances.List()[0].time_to_apply.has_value());
  Poll(instances, "edge", 6);
  CHECK(instances.IsApplying("edge"));
  instances.RecordProbeFailure("edge", "does not answer");
  CHECK_FALSE(instances.IsApplying("edge"));
  Poll(instances, "quiet", 6);
  CHECK_FALSE(instances.IsApplying("quiet"));
}

TEST_CASE("Waiting for an instance to apply ends at the deadline, or when nobody waits any more") {
  Instances instances({kProbed});
  instances.RecordProbe("edge", 4);
  Poll(instances, "edge", 5);
  instances.WaitApplied("edge", Clock::now() + 1ms, [] { return false; });
  CHECK(instances.IsApplying("edge"));
  instances.WaitApplied("edge", Clock::now() + 1h, [] { return true; });
  CHECK(instances.IsApplying("edge"));
}

TEST_CASE("An instance that is declared gone does not count until it is heard of again") {
  std::vector<std::string> returned;
  Instances instances({kProbed, kUnprobed});
  instances.SetAbsences(
      {.gone = {}, .on_return = [&](const std::string& name) { returned.push_back(name); }});
  instances.RecordProbe("edge", 7);
  CHECK_FALSE(instances.Confirm(7).everywhere);
  REQUIRE(instances.DeclareGone("quiet").has_value());
  CHECK(instances.IsGone("quiet"));
  CHECK(instances.Confirm(7).everywhere);
  CHECK(instances.List().size() == 2);
  CHECK(returned.empty());
  SECTION("by its poll") { instances.RecordPollBegin("quiet", "10.0.0.9"); }
  SECTION("by a probe") { instances.RecordProbe("quiet", 3); }
  CHECK_FALSE(instances.IsGone("quiet"));
  CHECK_FALSE(instances.Confirm(7).everywhere);
  CHECK(returned == std::vector<std::string>{"quiet"});
}

TEST_CASE("When all are gone, nothing is confirmed") {
  Instances instances({kUnprobed});
  REQUIRE(instances.DeclareGone("quiet").has_value());
  CHECK_FALSE(instances.Confirm(1).everywhere);
}

TEST_CASE("An instance stays gone over a restart, unless it was heard of first") {
  std::vector<std::string> returned;
  Instances instances({kProbed, kUnprobed, {"early", ""}});
  instances.RecordPollBegin("early", "10.0.0.9");
  instances.SetAbsences({.gone = {"quiet", "early", "unknown"},
                         .on_return = [&](const std::string& name) { returned.push_back(name); }});
  CHECK(instances.IsGone("quiet"));
  CHECK_FALSE(instances.IsGone("edge"));
  CHECK_FALSE(instances.IsGone("early"));
  CHECK_FALSE(instances.IsGone("unknown"));
  CHECK(returned == std::vector<std::string>{"early"});
}

TEST_CASE("An instance that is alive, or unknown, cannot be declared gone") {
  Instances instances({kProbed, kUnprobed});
  const auto refusal = [&](const std::string& name) {
    const auto declared = instances.DeclareGone(name);
    REQUIRE_FALSE(declared.has_value());
    INFO(declared.error().second);
    CHECK_FALSE(declared.error().second.empty());
    return declared.error().first;
  };
  CHECK(refusal("nobody") == Instances::Refusal::kUnknown);
  instances.RecordPollBegin("quiet", "10.0.0.9");
  CHECK(refusal("quiet") == Instances::Refusal::kAlive);
  instances.RecordPollEnd("quiet");
  CHECK(refusal("quiet") == Instances::Refusal::kAlive);
  instances.RecordProbe("edge", 1);
  CHECK(refusal("edge") == Instances::Refusal::kAlive);
  CHECK_FALSE(instances.IsGone("quiet"));
  CHECK_FALSE(instances.IsGone("edge"));
  instances.RecordProbeFailure("edge", "does not answer");
  CHECK(instances.DeclareGone("edge").has_value());
}

TEST_CASE("What a document does not promise is not confirmed, whatever its number is") {
  Instances instances({kProbed});
  instances.RecordProbe("edge", 10);
  CHECK(instances.Confirm(7).everywhere);
  instances.SetPromise({.nothing_after = {{5, "rolled back"}}, .true_from = 0, .held = true});
  CHECK(instances.Confirm(5).everywhere);
  const Confirmation confirmation = instances.Confirm(6);
  CHECK_FALSE(confirmation.everywhere);
  CHECK(confirmation.held);
  CHECK(confirmation.waiting_for == std::vector<std::string>{"rolled back"});
  instances.SetPromise({.nothing_after = {}, .true_from = 11, .held = false});
  CHECK_FALSE(instances.Confirm(5).everywhere);
  CHECK_FALSE(instances.Confirm(5).held);
  instances.RecordProbe("edge", 11);
  CHECK(instances.Confirm(5).everywhere);
}

TEST_CASE("A Traefik that serves what was not published here confirms nothing, also later") {
  Instances instances({kProbed});
  instances.RecordPublished(90, Clock::now());
  instances.RecordProbe("edge", 100);
  CHECK_FALSE(instances.Confirm(89).everywhere);
  CHECK_THAT(instances.Confirm(89).waiting_for.at(0), ContainsSubstring("not published here"));
  instances.RecordPublished(101, Clock::now());
  instances.RecordProbe("edge", 100);
  CHECK_FALSE(instances.Confirm(92).everywhere);
  SECTION("until it serves what was published here") { instances.RecordProbe("edge", 101); }
  SECTION("also when that has a smaller number") { instances.RecordProbe("edge", 95); }
  CHECK(instances.Confirm(92).everywhere);
}

TEST_CASE("A delivery to an instance that never polled is not counted") {
  Instances instances({});
  instances.RecordDelivered("unknown", 1);
  instances.RecordPollEnd("unknown");
  CHECK(instances.List().empty());
}

TEST_CASE("A poll without an end shows as polling") {
  Instances instances({kUnprobed});
  CHECK_FALSE(instances.List()[0].polling);
  instances.RecordPollBegin("quiet", "10.0.0.1");
  CHECK(instances.List()[0].polling);
}

TEST_CASE("Waiting for a confirmation ends with a stop, at the deadline, or with the probe") {
  Instances instances({kProbed});
  std::stop_source stopped;
  stopped.request_stop();
  CHECK_FALSE(instances.WaitConfirmed(1, Clock::now() + 1h, stopped.get_token()).everywhere);
  CHECK_FALSE(instances.WaitConfirmed(1, Clock::now() + 1ms, {}).everywhere);

  auto waiting = std::async(std::launch::async,
                            [&] { return instances.WaitConfirmed(1, Clock::now() + 1h, {}); });
  instances.RecordProbe("edge", 1);
  CHECK(waiting.get().everywhere);
}

TEST_CASE("A stop ends a wait that has begun") {
  const Instances instances({kProbed});
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return instances.WaitConfirmed(1, Clock::now() + 1h, stop.get_token());
  });
  stop.request_stop();
  CHECK_FALSE(waiting.get().everywhere);
}

TEST_CASE("A delivery counts as applied after its grace, however many follow it") {
  // A busy system delivers a revision with nearly every poll; the first ones must settle all the
  // same.
  Instances busy({});
  Instances quiet({});
  Poll(quiet, "a", 1);
  std::uint64_t revision = 0;
  const auto begin = Clock::now();
  const bool settled = tests::Eventually(
      [&] {
        Poll(busy, "a", ++revision);
        return busy.Confirm(1).everywhere;
      },
      2 * Instances::kDeliveryGrace, 20ms);
  CHECK(settled);
  CHECK(Clock::now() - begin >= Instances::kDeliveryGrace);
  CHECK(quiet.Confirm(1).everywhere);
  CHECK_FALSE(quiet.Confirm(2).everywhere);
  CHECK_FALSE(busy.Confirm(revision).everywhere);
}

TEST_CASE("A large document has more time to be applied, and its confirmation is timed by that") {
  Instances instances({});
  Instances small({});
  const auto begin = Clock::now();
  for (Instances* each : {&instances, &small}) each->RecordPollBegin("a", "10.0.0.9");
  instances.RecordPublished(1, begin);
  instances.RecordDelivered("a", 1, 2 * Instances::kBytesPerGraceSecond);
  small.RecordDelivered("a", 1, 1000);
  REQUIRE(tests::Eventually([&] { return small.Confirm(1).everywhere; }, 7s, 20ms));
  CHECK_FALSE(instances.Confirm(1).everywhere);
  REQUIRE(tests::Eventually([&] { return instances.Confirm(1).everywhere; }, 7s, 20ms));
  CHECK(Clock::now() - begin >= Instances::kDeliveryGrace + 2s);
  CHECK(Confirmations(instances) == 0);
  // Seen whenever something is heard next, and timed as it was.
  instances.RecordPollBegin("a", "10.0.0.9");
  CHECK(Confirmations(instances) == 1);
  CHECK(instances.confirmations().sum() < 7.1);
}

TEST_CASE("What is confirmed when a Traefik is gone is counted then") {
  Instances instances({kProbed, {"lost", "http://127.0.0.1:2"}});
  instances.RecordPublished(1, Clock::now());
  instances.RecordProbe("edge", 1);
  CHECK(Confirmations(instances) == 0);
  REQUIRE(instances.DeclareGone("lost"));
  CHECK(Confirmations(instances) == 1);
}

TEST_CASE("Two Traefiks of one name are told of, one that was moved is not") {
  Instances instances({kProbed});
  const auto problem_after = [&](const char* address) {
    instances.RecordPollBegin("edge", address);
    instances.RecordProbe("edge", 1);
    return instances.List()[0].problem;
  };
  CHECK(problem_after("10.0.0.1").empty());
  CHECK(problem_after("10.0.0.1").empty());
  CHECK(problem_after("10.0.0.2").empty());
  CHECK(problem_after("10.0.0.2").empty());
  CHECK_THAT(problem_after("10.0.0.1"),
             ContainsSubstring("10.0.0.2 and 10.0.0.1 by turns: two Traefiks"));
}

}  // namespace
}  // namespace provider
