// What the process's BLAS is and what it can be trusted with. torch's matrix products run on
// whatever library is installed as libblas.so.3; OpenBLAS is asked about itself, any other is
// unknown.
//
// Safe to use from any thread.
#ifndef LATHE_EVALUATORS_TORCH_BLAS_H_
#define LATHE_EVALUATORS_TORCH_BLAS_H_

#include <string>

#include "absl/status/status.h"

namespace lathe {

// The kernels in use, as a part of the numeric class: "openblas-haswell"; "blas" if unknown.
std::string BlasName();

// Whether two threads may call the BLAS at the same time. Failed precondition for the sequential
// build of OpenBLAS, whose products are now and then wrong then; the message says what to install.
absl::Status BlasAllowsThreads();

// Lets a product use the calling thread only, so that what it adds up does not depend on the
// machine's number of cores.
void UseOneBlasThread();

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_BLAS_H_
