#include "tests/bench/candidate_texts.h"

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"

namespace lathe::bench {
namespace {

constexpr double kReplaced = 0.999;  // AdamW's constant for the second moment

}  // namespace

CandidateTexts::CandidateTexts() {
  const std::string text = Print(*KnownProgram("adamw_warm_start"));
  const std::string constant = NumberText(kReplaced);
  const size_t at = text.find(constant);
  before_ = text.substr(0, at);
  after_ = text.substr(at + constant.size());
}

std::string CandidateTexts::Raw(uint64_t number) const {
  return before_ + NumberText(kReplaced + 1e-12 * static_cast<double>(number + 1)) + after_;
}

}  // namespace lathe::bench
