#include "tests/bench/ready_search.h"

#include "dsl/text.h"

namespace lathe::bench {

Program ReadyProgram(uint64_t number) {
  const Signature& signature = OptimizerSignature();
  const Operand g = Operand::Input(*signature.InputByName("g"));
  const Operand lr = Operand::Input(*signature.InputByName("lr"));
  const double factor = 1.5 + 1e-7 * static_cast<double>(number);
  Program program;
  program.instructions = {{Op::mul, {}, {lr, Operand::Constant(factor)}},
                          {Op::mul, {}, {g, Operand::Instruction(0)}}};
  program.outputs = {Operand::Instruction(1)};
  return program;
}

std::variant<Proposal, Wait, Done> ReadyStrategy::Next(uint64_t index) {
  if (index >= count_) return Done{"all are proposed"};
  return Proposal{ReadyProgram(index), {}, "ready"};
}

ReadySearch::ReadySearch(uint64_t count, uint64_t window, LogWriter& log)
    : window_(window), log_(log) {
  candidates_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Candidate candidate;
    candidate.form = std::make_shared<const CanonicalForm>(MakeCanonical(ReadyProgram(i)));
    candidate.record.index = i;
    candidate.record.slot = i;
    candidate.record.raw_text = Print(ReadyProgram(i));
    candidate.record.program = candidate.form->hash;
    candidate.record.operation = "ready";
    candidates_.push_back(std::move(candidate));
  }
}

ReadySearch::Action ReadySearch::Next() {
  if (proposed_ == candidates_.size()) {
    if (told_ < proposed_) return Wait{};
    return Done{"all are told"};
  }
  if (in_flight_.size() >= window_) return Wait{};
  Candidate& candidate = candidates_[proposed_];
  candidate.record.told = told_;
  log_.Proposed(candidate.record, candidate.form.get());
  in_flight_.emplace_back();
  Evaluate evaluate{proposed_++, {}};
  evaluate.request.program = candidate.form;
  evaluate.request.seeds = {0};
  evaluate.request.stop_at_divergence = true;
  return evaluate;
}

void ReadySearch::Complete(uint64_t slot, const EvaluationResult& result) {
  in_flight_[slot - told_] = OutcomeOf(result);
  TellResolved();
}

void ReadySearch::Fail(uint64_t slot) {
  in_flight_[slot - told_] = Outcome::Failed();
  TellResolved();
}

void ReadySearch::TellResolved() {
  for (; !in_flight_.empty() && in_flight_.front(); in_flight_.pop_front()) {
    log_.Told(told_++, {*in_flight_.front(), {}});
  }
}

}  // namespace lathe::bench
