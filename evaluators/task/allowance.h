// How long an evaluation may take before whoever runs it takes it for stuck. Far above what it
// should take: a bound against what never ends, not an estimate.
#ifndef LATHE_EVALUATORS_TASK_ALLOWANCE_H_
#define LATHE_EVALUATORS_TASK_ALLOWANCE_H_

#include "dsl/program.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// Of `seeds` training runs with `program` on the resolved `task`, one after another: 30 s and the
// time that a slow machine would take, at most 7 days.
double EvaluationAllowanceSeconds(const Program& program, const v1::Task& task, int seeds);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_ALLOWANCE_H_
