#include "dsl/vm/builds.h"
#include "dsl/vm/isa_avx512.inc.h"
#include "dsl/vm/kernels.inc.h"

namespace lathe::vm {

const Kernels& Avx512Kernels() {
  return kTable;
}

}  // namespace lathe::vm
