#include "evaluators/torch/network_population.h"

#include <algorithm>

namespace lathe {

NetworkPopulation::NetworkPopulation(std::unique_ptr<Network> network, int models,
                                     const Problem& problem)
    : network_(std::move(network)),
      problem_(problem),
      parameters_(network_->Parameters().size() * static_cast<size_t>(models)) {}

std::span<float> NetworkPopulation::Parameters(int model) {
  const size_t size = network_->Parameters().size();
  return std::span(parameters_).subspan(static_cast<size_t>(model) * size, size);
}

void NetworkPopulation::Load(int model, std::span<const float> values) {
  std::ranges::copy(values, Parameters(model).begin());
}

void NetworkPopulation::TakeBatch(std::span<const int> rows) {
  network_->TakeBatch(problem_.train, rows);
}

void NetworkPopulation::Put(int model) {
  network_->Select(model);
  std::ranges::copy(Parameters(model), network_->Parameters().begin());
}

double NetworkPopulation::ForwardBackward(int model) {
  Put(model);
  return network_->ForwardBackward();
}

SplitScore NetworkPopulation::Score(int model, Split split) {
  Put(model);
  return network_->Score(split == Split::kValidation ? problem_.validation : problem_.test);
}

}  // namespace lathe
