#include "dsl/vm/isa_portable.inc.h"
#include "evaluators/population/kernels.inc.h"

namespace lathe {

const PopulationKernels& PortablePopulationKernels() {
  return kTable;
}

}  // namespace lathe
