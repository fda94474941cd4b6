// Texts of programs, as long as those that a search meets, made faster than programs.
#ifndef LATHE_TESTS_BENCH_CANDIDATE_TEXTS_H_
#define LATHE_TESTS_BENCH_CANDIDATE_TEXTS_H_

#include <cstdint>
#include <string>

namespace lathe::bench {

// AdamW as the search behind Lion starts from it, with one constant that names the number; about
// 400 bytes.
class CandidateTexts {
 public:
  CandidateTexts();
  std::string Raw(uint64_t number) const;

 private:
  std::string before_, after_;  // the constant
};

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_CANDIDATE_TEXTS_H_
