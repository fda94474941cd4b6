// Items to evaluate, for tests.
#ifndef LATHE_WORKERS_TESTING_ITEMS_H_
#define LATHE_WORKERS_TESTING_ITEMS_H_

#include <string>

#include "dsl/canonicalize.h"
#include "evaluators/task/task.h"
#include "lathe/v1/evaluator.pb.h"

namespace lathe {

// update = g * scale; another scale is another program.
inline CanonicalForm ScaledGradient(double scale) {
  Program program;
  program.instructions = {{Op::mul, {}, {Operand::Input(1), Operand::Constant(scale)}}};
  program.outputs = {Operand::Instruction(0)};
  return MakeCanonical(program);
}

// Of that program on the default task.
inline v1::EvaluationItem ItemFor(const CanonicalForm& form, double allowance_seconds = 60) {
  v1::EvaluationItem item;
  item.set_program_text(form.text);
  item.set_program_hash(form.hash.Hex());
  item.set_language_version(kLanguageVersion);
  *item.mutable_task() = *ResolveTask({});
  item.add_seed_indices(0);
  item.mutable_allowance()->set_seconds(static_cast<int64_t>(allowance_seconds));
  item.mutable_allowance()->set_nanos(
      static_cast<int>((allowance_seconds - static_cast<int64_t>(allowance_seconds)) * 1e9));
  return item;
}

inline v1::EvaluatorItem NumberedItem(uint64_t id, const v1::EvaluationItem& item) {
  v1::EvaluatorItem numbered;
  numbered.set_id(id);
  *numbered.mutable_item() = item;
  return numbered;
}

}  // namespace lathe

#endif  // LATHE_WORKERS_TESTING_ITEMS_H_
