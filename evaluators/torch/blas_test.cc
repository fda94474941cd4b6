#include "evaluators/torch/blas.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// A function of an OpenBLAS anywhere in the process, whether or not it is the BLAS.
template <typename Function>
Function* Symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// Goes by the name of the file that the products come from, once its links are followed.
bool BlasIsOpenBlas() {
  Dl_info info;
  if (dladdr(dlsym(RTLD_DEFAULT, "sgemm_"), &info) == 0) return false;
  return std::filesystem::canonical(info.dli_fname).string().find("openblas") != std::string::npos;
}

TEST(Blas, NameTellsTheLibraryInUse) {
  EXPECT_THAT(BlasName(), MatchesRegex("blas|openblas-[a-z0-9_]+"));
  EXPECT_EQ(BlasName() != "blas", BlasIsOpenBlas());
}

TEST(Blas, RefusesThreadsForTheSequentialBuildOnly) {
  const bool sequential = BlasIsOpenBlas() && Symbol<int()>("openblas_get_parallel")() == 0;
  const absl::Status status = BlasAllowsThreads();
  EXPECT_EQ(status.ok(), !sequential) << status;
  if (status.ok()) return;
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("install libopenblas0-pthread"));
}

TEST(Blas, UsesOneThreadWhenTold) {
  if (!BlasIsOpenBlas()) GTEST_SKIP() << "another BLAS";
  Symbol<void(int)>("openblas_set_num_threads")(2);
  UseOneBlasThread();
  EXPECT_EQ(Symbol<int()>("openblas_get_num_threads")(), 1);
}

}  // namespace
}  // namespace lathe
