// The seam behind which candidates are scored. What an evaluation returns follows from the program,
// the task, the seed index and the numeric class alone: never from the job, the thread, the order
// or what else is running.
#ifndef LATHE_EVALUATORS_EVALUATOR_H_
#define LATHE_EVALUATORS_EVALUATOR_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/program.h"
#include "evaluators/task/model_catalog.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// How a trained model does on one split.
struct SplitScore {
  double loss = 0;   // mean per example: cross-entropy in nats, unless the task has another
  double error = 0;  // share classified wrongly, 0 to 1
};

struct Evaluation {
  // The loss became NaN, infinite or more than ten times what it was at the start. An outcome of
  // the program like any other; the scores below mean nothing then.
  bool diverged = false;
  int steps = 0;  // taken until the end or until it diverged
  // What the task minimises.
  double objective = 0;
  SplitScore validation;
  SplitScore test;  // only where it was asked for
};

enum class Measure : uint8_t {
  kValidation,         // the test split is not looked at
  kValidationAndTest,  // for the one look at the end of a study
};

// Programs that are trained on one task with the same seeds.
struct PopulationRequest {
  std::span<const Program* const> programs;
  const v1::Task& task;  // resolved
  std::span<const int> seeds;
  Measure measure = Measure::kValidation;
  // A program's evaluations end with the first one that diverges.
  bool stop_at_divergence = false;
};

// Invalid argument unless all programs are optimizers and no seed index is below 0.
absl::Status CheckRequest(const PopulationRequest& request);

class Evaluator;

// Invalid argument unless the evaluator trains the task's model; the message says which one does.
absl::Status CheckModel(const v1::Task& task, const Evaluator& evaluator);

// Takes the evaluations of program i of a request, one per seed in order. The calls come in any
// order and from any thread, but one at a time.
using OnEvaluations =
    std::function<void(size_t i, absl::StatusOr<std::vector<Evaluation>> evaluations)>;

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // What two processes must share to give the same bits, e.g.
  // "lathe-3-vm-f32-1-glibc-2.36-fma".
  virtual std::string NumericClass() const = 0;

  // The models that it trains, named as by ModelName.
  virtual std::vector<std::string> Models() const { return {"mlp"}; }

  // Whether this evaluator can run `task`: its data are there and undamaged. The message names the
  // file or field at fault.
  virtual absl::Status Check(const v1::Task& task) = 0;

  // The data that are there, and the registered models if it trains these. What ships, as Check has
  // it, unless an evaluator knows of more.
  virtual DatasetSurvey Datasets();

  // Trains once with `program` as the optimizer. Safe to call from several threads. `task` is
  // resolved (see evaluators/task/task.h). An error is the machine's or the caller's fault, never
  // the program's.
  virtual absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task,
                                              int seed_index, Measure measure) = 0;

  // How many programs it is best given at a time.
  virtual int PopulationSize() const { return 1; }

  // The same for many programs and seeds; each program scores as it would alone. Returns once
  // `on_evaluations` has been called for every one. One after the other unless an evaluator knows
  // better.
  virtual void EvaluatePopulation(const PopulationRequest& request,
                                  const OnEvaluations& on_evaluations);
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_EVALUATOR_H_
