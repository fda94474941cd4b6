// What torch computes on this thread while an object of this class lives.
//
//   ForwardCost cost;
//   module.OutputSizes(batch);
//   cost.MultiplyAdds();
#ifndef LATHE_EVALUATORS_TORCH_FORWARD_COST_H_
#define LATHE_EVALUATORS_TORCH_FORWARD_COST_H_

#include <memory>

namespace lathe {

// One at a time on a thread. Keeps all that is computed in memory, as a backward pass does.
class ForwardCost {
 public:
  ForwardCost();
  ~ForwardCost();
  ForwardCost(const ForwardCost&) = delete;
  ForwardCost& operator=(const ForwardCost&) = delete;

  // Of products of matrices and of convolutions.
  double MultiplyAdds() const;
  // That were written, in numbers of the size of a float.
  double Numbers() const;

  struct Count;

 private:
  std::unique_ptr<Count> count_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_FORWARD_COST_H_
