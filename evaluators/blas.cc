#include "evaluators/blas.h"

#include <dlfcn.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

// OpenBLAS's own functions are looked up when the program runs: it may not be the BLAS at hand.
template <typename Function>
Function* FindSymbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

constexpr int kSequential = 0;  // openblas_get_parallel: built without threads

}  // namespace

std::string BlasName() {
  auto* core_name = FindSymbol<char*()>("openblas_get_corename");
  if (core_name == nullptr) return "blas";
  return absl::StrCat("openblas-", absl::AsciiStrToLower(core_name()));
}

absl::Status BlasAllowsThreads() {
  auto* parallel = FindSymbol<int()>("openblas_get_parallel");
  if (parallel == nullptr || parallel() != kSequential) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the installed BLAS is the sequential build of OpenBLAS, which gives wrong results when two "
      "threads use it at once: install libopenblas0-pthread, or evaluate with one thread");
}

void UseOneBlasThread() {
  auto* set_threads = FindSymbol<void(int)>("openblas_set_num_threads");
  if (set_threads != nullptr) set_threads(1);
}

}  // namespace lathe
