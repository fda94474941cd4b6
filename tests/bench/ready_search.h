// Searches whose candidates are made beforehand: each is gradient descent with another factor.
#ifndef LATHE_TESTS_BENCH_READY_SEARCH_H_
#define LATHE_TESTS_BENCH_READY_SEARCH_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "search/strategy.h"
#include "search/trajectory.h"

namespace lathe::bench {

// Verifies, passes every filter, and differs from those of other numbers.
Program ReadyProgram(uint64_t number);

// Proposes them, so that a Trajectory's work can be measured without that of a real strategy.
class ReadyStrategy : public Strategy {
 public:
  explicit ReadyStrategy(uint64_t count) : count_(count) {}
  std::variant<Proposal, Wait, Done> Next(uint64_t index) override;
  void Tell(uint64_t, const Program&, const Outcome&) override {}
  std::string Save() const override { return ""; }
  absl::Status Load(std::string_view, const RawProgram&) override { return absl::OkStatus(); }

 private:
  const uint64_t count_;
};

// Stands in for a Trajectory where only the server is to be measured: the same requests and the
// same log, but all forms, hashes and texts are made before.
class ReadySearch {
 public:
  using Evaluate = Trajectory::Evaluate;
  using Action = Trajectory::Action;

  ReadySearch(uint64_t count, uint64_t window, LogWriter& log);
  Action Next();
  void Complete(uint64_t slot, const EvaluationResult& result);
  void Fail(uint64_t slot);

 private:
  struct Candidate {
    CandidateRecord record;
    std::shared_ptr<const CanonicalForm> form;
  };
  void TellResolved();

  const uint64_t window_;
  LogWriter& log_;
  std::vector<Candidate> candidates_;
  uint64_t proposed_ = 0, told_ = 0;
  std::deque<std::optional<Outcome>> in_flight_;  // from slot `told_` on
};

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_READY_SEARCH_H_
