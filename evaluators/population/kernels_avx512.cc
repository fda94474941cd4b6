#include "dsl/vm/isa_avx512.inc.h"
#include "evaluators/population/kernels.inc.h"

namespace lathe {

const PopulationKernels& Avx512PopulationKernels() {
  return kTable;
}

}  // namespace lathe
