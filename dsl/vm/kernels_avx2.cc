#include "dsl/vm/builds.h"
#include "dsl/vm/isa_avx2.inc.h"
#include "dsl/vm/kernels.inc.h"

namespace lathe::vm {

const Kernels& Avx2Kernels() {
  return kTable;
}

}  // namespace lathe::vm
