// TorchScript files for tests, written as torch writes them.
#ifndef LATHE_EVALUATORS_TORCH_TESTING_MADE_MODULES_H_
#define LATHE_EVALUATORS_TORCH_TESTING_MADE_MODULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "evaluators/datasets/registered_model.h"

namespace lathe {

struct MadeTensor {
  enum class Kind : uint8_t { kTrained, kFrozen, kBuffer, kAttribute };

  std::string name;
  std::vector<int64_t> sizes;
  std::string type = "float";  // or "half", "long", "complex"
  Kind kind = Kind::kTrained;
  std::string tied_to = "";  // the name of an earlier one that this is, too
  std::string view_of =
      "";  // an earlier one whose memory it shares; an attribute is its second row
};

// The file of a module of these tensors, whose values are drawn, with the methods of `source`; it
// says that it is given `example`, unless that is empty. It has attributes `training` and `calls`,
// a count.
std::string MakeTorchScript(const std::vector<MadeTensor>& tensors, const std::string& source,
                            const std::string& example = "");

// The net of `conv_net: {channels: [8, 16]}` on images of 1x8x8, with its parameters in its order.
std::string MakeConvNetFile();

// Batch norm, dropout and a count of its own calls, on 1x8x8: everything that a module may keep
// from one call to the next.
std::string MakeForgetfulNetFile();

// Describes a file and registers it in a folder, under a name.
v1::RegisteredModel RegisterMade(const std::string& directory, const std::string& name,
                                 const std::string& file);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TESTING_MADE_MODULES_H_
