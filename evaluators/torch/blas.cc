#include "evaluators/torch/blas.h"

#include <dlfcn.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

// The library that the process's matrix products come from; null if there is none to be found.
void* FindBlas() {
  void* product = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info;
  if (product == nullptr || dladdr(product, &info) == 0) return nullptr;
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

// A function of OpenBLAS's own, null for another BLAS. Looked for in the BLAS and in what it
// depends on, not in the whole process: an OpenBLAS may be loaded beside the BLAS that torch uses.
template <typename Function>
Function* FindSymbol(const char* name) {
  static void* const blas = FindBlas();
  return blas == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(blas, name));
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
