// Evaluations that train nothing: a score is a hash of what the evaluation depends on, so that a
// test knows every number without running a model, and any two dependencies can be told apart.
#ifndef LATHE_SEARCH_TESTING_SYNTHETIC_EVALUATION_H_
#define LATHE_SEARCH_TESTING_SYNTHETIC_EVALUATION_H_

#include <gtest/gtest.h>

#include <string_view>

#include "dsl/hash.h"
#include "dsl/text.h"
#include "search/outcome.h"

namespace lathe {

// The program of a text that a test wrote.
inline Program Parsed(std::string_view text) {
  auto program = ParseOrStatus(text, "test");
  EXPECT_TRUE(program.ok()) << program.status() << "\n" << text;
  return program.ok() ? *std::move(program) : Program();
}

// A number in [0, 1) that follows from all of its arguments.
inline double SyntheticUniform(std::string_view text, int arena, double base_lr, int seed,
                               uint64_t purpose) {
  FieldHasher hasher;
  hasher.Text(text).Number(static_cast<uint64_t>(arena)).Real(base_lr);
  hasher.Number(static_cast<uint64_t>(seed)).Number(purpose);
  return static_cast<double>(hasher.Digest().high >> 11) * 0x1p-53;
}

// A score per seed as a trained model would give it; one program in eight diverges on every seed.
inline EvaluationResult SyntheticEvaluation(const EvaluationRequest& request) {
  const std::string& text = request.program->text;
  const double base_lr = request.base_lr.value_or(-1);
  EvaluationResult result;
  for (int seed : request.seeds) {
    auto uniform = [&](uint64_t purpose) {
      return SyntheticUniform(text, request.arena, base_lr, seed, purpose);
    };
    SeedScore score;
    score.diverged = SyntheticUniform(text, request.arena, 0, 0, 0) < 0.125;
    score.objective = SyntheticUniform(text, request.arena, base_lr, 0, 1) + 0.1 * uniform(2);
    if (request.measure_test) {
      score.test_loss = score.objective + 0.1 * uniform(3);
      score.test_error = uniform(4);
    }
    result.push_back(score);
    if (score.diverged && request.stop_at_divergence) break;
  }
  return result;
}

}  // namespace lathe

#endif  // LATHE_SEARCH_TESTING_SYNTHETIC_EVALUATION_H_
