#include "dsl/vm/isa_avx2.inc.h"
#include "evaluators/population/kernels.inc.h"

namespace lathe {

const PopulationKernels& Avx2PopulationKernels() {
  return kTable;
}

}  // namespace lathe
