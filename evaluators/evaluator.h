// The seam behind which candidates are scored. What an evaluation returns follows from the program,
// the task, the seed index and the numeric class alone: never from the job, the thread, the order
// or what else is running.
#ifndef LATHE_EVALUATORS_EVALUATOR_H_
#define LATHE_EVALUATORS_EVALUATOR_H_

#include <string>

#include "absl/status/statusor.h"
#include "dsl/program.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// How a trained model does on one split.
struct SplitScore {
  double loss = 0;   // mean cross-entropy, nats per example
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

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // What two processes must share to give the same bits, e.g.
  // "lathe-2-torch-1.13.0-avx2-openblas-haswell-glibc-2.36-vm-f32-1".
  virtual std::string NumericClass() const = 0;

  // Whether this evaluator can run `task`: its data are there and undamaged. The message names the
  // file or field at fault.
  virtual absl::Status Check(const v1::Task& task) = 0;

  // Trains once with `program` as the optimizer. Safe to call from several threads. `task` is
  // resolved (see evaluators/task/task.h). An error is the machine's or the caller's fault, never
  // the program's.
  virtual absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task,
                                              int seed_index, Measure measure) = 0;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_EVALUATOR_H_
