// What an exported layer keeps: parameters that are trained, and running averages.
#ifndef LATHE_DSL_EXPORT_LAYER_BUFFERS_H_
#define LATHE_DSL_EXPORT_LAYER_BUFFERS_H_

#include <string>
#include <vector>

#include "dsl/export/lowering.h"

namespace lathe {

struct LayerParameter {
  std::string name;
  double start = 0;  // scales start at 1, offsets at 0
};
// Those that the program reads.
std::vector<LayerParameter> LayerParameters(const ExportedProgram& program);

struct LayerBuffer {
  int instruction = 0;
  std::string name;
  AxisSet axes;
  double start = 0;
  bool is_root = false;  // the result is the root of the moment that the buffer holds
};
// Of reductions that are computed.
std::vector<LayerBuffer> LayerBuffers(const ExportedProgram& program);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_LAYER_BUFFERS_H_
