// The builds of the kernels; which of them a machine can run is known at run time only.
#ifndef LATHE_DSL_VM_BUILDS_H_
#define LATHE_DSL_VM_BUILDS_H_

#include "dsl/vm/kernels.h"

namespace lathe::vm {

#if defined(__x86_64__)
const Kernels& Avx512Kernels();
const Kernels& Avx2Kernels();
#endif
const Kernels& PortableKernels();

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_BUILDS_H_
