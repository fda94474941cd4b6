#include "dsl/vm/builds.h"
#include "dsl/vm/isa_portable.inc.h"
#include "dsl/vm/kernels.inc.h"

namespace lathe::vm {

const Kernels& PortableKernels() {
  return kTable;
}

}  // namespace lathe::vm
