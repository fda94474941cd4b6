#include "evaluators/torch/forward_cost.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct ForwardCost::Count {
  double multiply_adds = 0, bytes = 0;
  // What is computed is kept, so that no memory is used twice; other tensors come from outside.
  std::vector<c10::Storage> kept;
  std::set<const c10::StorageImpl*> made, outside;
  int inside = 0;  // operators that are counted already
  at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;
};

namespace {

using Values = std::span<const c10::IValue>;

thread_local ForwardCost::Count* current = nullptr;

// Multiply-adds for each number of the result, if the operator is one that is counted.
double MultiplyAddsEach(std::string_view name, Values inputs) {
  // Which operand's last but one extent, or which matrix's first one, is summed over.
  static const std::map<std::string_view, size_t> kSummed = {
      {"aten::mm", 1},      {"aten::bmm", 1},   {"aten::mv", 1}, {"aten::addmm", 2},
      {"aten::baddbmm", 2}, {"aten::addmv", 2}, {"aten::dot", 1}};
  const auto found = kSummed.find(name);
  if (found == kSummed.end() || found->second >= inputs.size()) return 0;
  const c10::IValue& operand = inputs[found->second];
  if (!operand.isTensor() || operand.toTensor().dim() == 0) return 0;
  const at::Tensor& values = operand.toTensor();
  return static_cast<double>(values.size(values.dim() > 1 ? values.dim() - 2 : 0));
}

bool IsConvolution(std::string_view name) {
  return name == "aten::convolution" || name == "aten::_convolution";
}

// Each weight of a filter works at every place of the result, or, transposed, of the input.
double ConvolutionMultiplyAdds(Values inputs, double results) {
  constexpr size_t kInput = 0, kWeight = 1, kTransposed = 6;
  const at::Tensor& weight = inputs[kWeight].toTensor();
  const double per_filter =
      static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
  const bool transposed = inputs[kTransposed].toBool();
  const double places =
      transposed ? static_cast<double>(inputs[kInput].toTensor().numel()) : results;
  return places * per_filter;
}

// The operator's own values, on a stack that may hold others below.
Values Last(Values values, size_t count) {
  return values.last(std::min(values.size(), count));
}

template <typename Visit>
void ForEachTensor(Values values, Visit visit) {
  for (const c10::IValue& value : values) {
    if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) visit(tensor);
    }
    if (value.isTensor()) visit(value.toTensor());
  }
}

bool HasStorage(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
}

struct Operator : at::ObserverContext {
  size_t returns = 0;
  bool counted = false;
  double each = 0;
  std::vector<c10::IValue> convolution;  // its inputs
};

std::unique_ptr<at::ObserverContext> Enter(const at::RecordFunction& function) {
  auto entered = std::make_unique<Operator>();
  const auto name = function.operator_name();
  const auto schema = name ? c10::Dispatcher::singleton().findSchema(*name) : c10::nullopt;
  if (current == nullptr || !schema) return entered;
  entered->returns = schema->schema().returns().size();
  const auto inputs = Last(Values(function.inputs().data(), function.inputs().size()),
                           schema->schema().arguments().size());
  ForEachTensor(inputs, [](const at::Tensor& tensor) {
    if (!HasStorage(tensor)) return;
    const c10::StorageImpl* const storage = tensor.storage().unsafeGetStorageImpl();
    if (!current->made.contains(storage)) current->outside.insert(storage);
  });
  if (current->inside > 0) return entered;
  entered->each = MultiplyAddsEach(name->name, inputs);
  if (IsConvolution(name->name)) entered->convolution.assign(inputs.begin(), inputs.end());
  entered->counted = entered->each > 0 || !entered->convolution.empty();
  current->inside += entered->counted ? 1 : 0;
  return entered;
}

void Leave(const at::RecordFunction& function, at::ObserverContext* context) {
  const auto* entered = static_cast<const Operator*>(context);
  if (current == nullptr || entered == nullptr) return;
  double results = 0;
  const auto outputs = Last(function.outputs(), entered->returns);
  ForEachTensor(outputs, [&](const at::Tensor& tensor) {
    if (!HasStorage(tensor)) return;
    results += static_cast<double>(tensor.numel());
    const c10::Storage& storage = tensor.storage();
    if (current->outside.contains(storage.unsafeGetStorageImpl())) return;
    if (!current->made.insert(storage.unsafeGetStorageImpl()).second) return;
    current->kept.push_back(storage);
    current->bytes += static_cast<double>(storage.nbytes());
  });
  if (!entered->counted) return;
  --current->inside;
  current->multiply_adds += entered->convolution.empty()
                                ? results * entered->each
                                : ConvolutionMultiplyAdds(entered->convolution, results);
}

}  // namespace

ForwardCost::ForwardCost() : count_(std::make_unique<Count>()) {
  current = count_.get();
  count_->handle = at::addThreadLocalCallback(at::RecordFunctionCallback(Enter, Leave)
                                                  .needsInputs(true)
                                                  .needsOutputs(true)
                                                  .scopes({at::RecordScope::FUNCTION}));
}

ForwardCost::~ForwardCost() {
  at::removeCallback(count_->handle);
  current = nullptr;
}

double ForwardCost::MultiplyAdds() const {
  return count_->multiply_adds;
}

double ForwardCost::Numbers() const {
  return count_->bytes / sizeof(float);
}

}  // namespace lathe
