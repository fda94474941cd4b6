#include "evaluators/torch/torch_settings.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <mutex>

#include "evaluators/torch/blas.h"

namespace lathe {

void UseTorchOnThisThread() {
  static std::once_flag once;
  std::call_once(once, [] {
    UseOneBlasThread();
    at::globalContext().setUserEnabledMkldnn(false);
    try {
      at::set_num_interop_threads(1);
    } catch (const c10::Error&) {
      // Somebody has set it before. An evaluation never uses that pool.
    }
  });
  // OpenMP keeps this number for each thread of ours.
  static thread_local const bool set = [] {
    at::set_num_threads(1);
    return true;
  }();
  static_cast<void>(set);
}

}  // namespace lathe
