// Runs a trajectory or a study to its end with evaluations that complete in a chosen order, as
// machines of any number and speed would complete them.
#ifndef LATHE_SEARCH_TESTING_COMPLETION_ORDER_H_
#define LATHE_SEARCH_TESTING_COMPLETION_ORDER_H_

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/random.h"
#include "search/drive.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

// Which of the evaluations in flight completes next, and when.
class CompletionOrder {
 public:
  static CompletionOrder FirstFirst() { return CompletionOrder(Kind::kFirst, 0); }
  // Asks for all the work there is, then completes what was started last.
  static CompletionOrder LastFirst() { return CompletionOrder(Kind::kLast, 0); }
  // Completes any, also while more could be started.
  static CompletionOrder Random(uint64_t seed) { return CompletionOrder(Kind::kRandom, seed); }

  bool CompletesBeforeAsking() { return kind_ == Kind::kRandom && random_.Chance(0.4); }
  size_t Pick(size_t in_flight) {
    if (kind_ == Kind::kFirst) return 0;
    return kind_ == Kind::kLast ? in_flight - 1 : random_.Below(in_flight);
  }

 private:
  enum class Kind { kFirst, kLast, kRandom };
  CompletionOrder(Kind kind, uint64_t seed) : kind_(kind), random_(seed, {}) {}

  Kind kind_;
  RandomStream random_;
};

// Runs `machine` until Done and returns the reason. `evaluate` maps a request to its result and
// sees the requests in the order in which they are made.
template <typename Machine, typename EvaluateRequest>
std::string RunToEnd(Machine& machine, CompletionOrder order, EvaluateRequest evaluate) {
  std::vector<std::pair<uint64_t, EvaluationResult>> in_flight;
  auto complete_one = [&] {
    auto chosen = in_flight.begin() + static_cast<std::ptrdiff_t>(order.Pick(in_flight.size()));
    machine.Complete(chosen->first, chosen->second);
    in_flight.erase(chosen);
  };
  while (true) {
    if (!in_flight.empty() && order.CompletesBeforeAsking()) complete_one();
    auto action = machine.Next();
    if (auto* started = std::get_if<typename Machine::Evaluate>(&action)) {
      in_flight.emplace_back(IdOf(*started), evaluate(started->request));
    } else if (Done* done = std::get_if<Done>(&action)) {
      EXPECT_TRUE(in_flight.empty()) << "done before everything was told";
      return done->reason;
    } else if (in_flight.empty()) {
      ADD_FAILURE() << "waits with nothing in flight";
      return "";
    } else {
      complete_one();
    }
  }
}

}  // namespace lathe

#endif  // LATHE_SEARCH_TESTING_COMPLETION_ORDER_H_
