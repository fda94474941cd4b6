#include "evaluators/blas.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

template <typename Function>
Function* Symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

TEST(Blas, NameFitsIntoANumericClass) {
  EXPECT_THAT(BlasName(), MatchesRegex("blas|openblas-[a-z0-9_]+"));
  EXPECT_EQ(BlasName() == "blas", Symbol<char*()>("openblas_get_corename") == nullptr);
}

TEST(Blas, RefusesThreadsForTheSequentialBuildOnly) {
  auto* parallel = Symbol<int()>("openblas_get_parallel");
  const bool sequential = parallel != nullptr && parallel() == 0;
  const absl::Status status = BlasAllowsThreads();
  EXPECT_EQ(status.ok(), !sequential) << status;
  if (status.ok()) return;
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("install libopenblas0-pthread"));
}

TEST(Blas, UsesOneThreadWhenTold) {
  auto* threads = Symbol<int()>("openblas_get_num_threads");
  if (threads == nullptr) GTEST_SKIP() << "not OpenBLAS";
  auto* set_threads = Symbol<void(int)>("openblas_set_num_threads");
  set_threads(2);
  UseOneBlasThread();
  EXPECT_EQ(threads(), 1);
}

}  // namespace
}  // namespace lathe
