// A population that one network runs model after model: each model's parameters are put into the
// network, so that all are computed by the same instructions in the same memory and no model can
// tell where it stands or who else is there. The batch, with what can be said of it without
// parameters, is taken once for all.
#ifndef LATHE_EVALUATORS_TORCH_NETWORK_POPULATION_H_
#define LATHE_EVALUATORS_TORCH_NETWORK_POPULATION_H_

#include <memory>
#include <vector>

#include "evaluators/model_population.h"
#include "evaluators/splits.h"
#include "evaluators/torch/network.h"

namespace lathe {

// Throws what torch throws.
class NetworkPopulation : public ModelPopulation {
 public:
  // `problem` outlives the object.
  NetworkPopulation(std::unique_ptr<Network> network, int models, const Problem& problem);

  std::span<float> Parameters(int model) override;
  std::span<float> Gradient() override { return network_->Gradient(); }
  std::span<const size_t> Offsets() const override { return network_->Offsets(); }
  void Load(int model, std::span<const float> values) override;
  void TakeBatch(std::span<const int> rows) override;
  double ForwardBackward(int model) override;
  SplitScore Score(int model, Split split) override;

 private:
  void Put(int model);

  const std::unique_ptr<Network> network_;
  const Problem& problem_;
  std::vector<float> parameters_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_NETWORK_POPULATION_H_
