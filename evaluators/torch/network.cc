#include "evaluators/torch/network.h"

#include <algorithm>
#include <numeric>

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

void ForEachBatch(const Examples& examples, size_t most,
                  const std::function<void(std::span<const int> rows)>& visit) {
  std::vector<int> rows(static_cast<size_t>(examples.Count()));
  std::iota(rows.begin(), rows.end(), 0);
  for (size_t begin = 0; begin < rows.size(); begin += most) {
    visit(std::span(rows).subspan(begin, std::min(most, rows.size() - begin)));
  }
}

}  // namespace lathe
