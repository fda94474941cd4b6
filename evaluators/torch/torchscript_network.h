// A registered model as a network: a module of its own for each model of a population, so that
// whatever one keeps between calls is nothing to the others.
#ifndef LATHE_EVALUATORS_TORCH_TORCHSCRIPT_NETWORK_H_
#define LATHE_EVALUATORS_TORCH_TORCHSCRIPT_NETWORK_H_

#include <memory>

#include "evaluators/torch/network.h"
#include "evaluators/torch/torchscript_module.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// Of the resolved task's torchscript. `module`, which is never run itself, and `task` outlive the
// network; the seed index says where the module's random numbers start.
std::unique_ptr<Network> MakeTorchScriptNetwork(const TorchScriptModule& module,
                                                const v1::Task& task, int seed_index);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TORCHSCRIPT_NETWORK_H_
