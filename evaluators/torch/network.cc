#include "evaluators/torch/network.h"

namespace lathe {

Network::Network(std::span<const Shape> shapes) {
  size_t size = 0;
  for (const Shape& shape : shapes) {
    offsets_.push_back(size);
    size += static_cast<size_t>(shape.Elements());
  }
  parameters_.resize(size);
  gradient_.resize(size);
}

}  // namespace lathe
