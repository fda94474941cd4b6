// An evaluator without training, for tests of what is around it: scores follow from the program,
// the task and the seed; how long it takes is drawn at random, so that results come back in another
// order than they were asked for.
#ifndef LATHE_EVALUATORS_TESTING_SYNTHETIC_EVALUATOR_H_
#define LATHE_EVALUATORS_TESTING_SYNTHETIC_EVALUATOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "dsl/random.h"
#include "dsl/text.h"
#include "evaluators/evaluator.h"
#include "evaluators/task/task.h"

namespace lathe {

class SyntheticEvaluator : public Evaluator {
 public:
  // Sleeps up to `most` per evaluation, drawn from `delay_seed` and the number of the call.
  explicit SyntheticEvaluator(std::chrono::microseconds most = {}, uint64_t delay_seed = 0)
      : most_(most), delay_seed_(delay_seed) {}

  std::string NumericClass() const override { return "synthetic"; }
  absl::Status Check(const v1::Task&) override { return absl::OkStatus(); }

  absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task, int seed_index,
                                      Measure measure) override {
    const uint64_t call = calls_.fetch_add(1);
    RandomStream delay(delay_seed_, {call});
    if (most_.count() > 0) std::this_thread::sleep_for(most_ * delay.Uniform());
    if (fail_at_ == call) return absl::UnavailableError("the machine is on fire");
    const Hash128 hash = HashBytes(Print(program));
    RandomStream score(hash.low, {TaskHash(task).low, static_cast<uint64_t>(seed_index)});
    Evaluation evaluation;
    evaluation.diverged = hash.high % 8 == 0;
    evaluation.objective = score.Uniform();
    evaluation.validation.loss = evaluation.objective;
    if (measure == Measure::kValidationAndTest) {
      evaluation.test = {score.Uniform(), score.Uniform()};
    }
    return evaluation;
  }

  void FailAt(uint64_t call) { fail_at_ = call; }
  uint64_t Calls() const { return calls_.load(); }

 private:
  const std::chrono::microseconds most_;
  const uint64_t delay_seed_;
  uint64_t fail_at_ = ~uint64_t{0};
  std::atomic<uint64_t> calls_{0};
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TESTING_SYNTHETIC_EVALUATOR_H_
