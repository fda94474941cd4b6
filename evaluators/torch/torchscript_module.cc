#include "evaluators/torch/torchscript_module.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lathe {
namespace {

constexpr char kExampleFile[] = "lathe_example";
constexpr char kTraceback[] = "Traceback of TorchScript";

using NamedTensor = std::pair<std::string, at::Tensor>;

std::vector<NamedTensor> NamedParameters(const torch::jit::Module& module) {
  std::vector<NamedTensor> named;
  for (const auto& parameter : module.named_parameters(/*recurse=*/true)) {
    named.emplace_back(parameter.name, parameter.value);
  }
  return named;
}

// Those that are trained, each once.
std::vector<NamedTensor> Trained(const std::vector<NamedTensor>& named) {
  std::vector<NamedTensor> trained;
  std::set<const c10::TensorImpl*> seen;
  for (const NamedTensor& parameter : named) {
    if (!parameter.second.requires_grad()) continue;
    if (seen.insert(parameter.second.unsafeGetTensorImpl()).second) trained.push_back(parameter);
  }
  return trained;
}

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

absl::Status CheckParameter(const std::string& name, const at::Tensor& values) {
  if (values.scalar_type() != at::kFloat || values.layout() != at::kStrided) {
    return Wrong(absl::StrCat("parameter ", name, " is ", c10::toString(values.scalar_type()),
                              "; allowed: float32 (Float)"));
  }
  if (values.numel() == 0) return Wrong(absl::StrCat("parameter ", name, " has no numbers"));
  if (at::isfinite(values).all().item<bool>()) return absl::OkStatus();
  return Wrong(absl::StrCat("parameter ", name, " has numbers that are not finite"));
}

// A copy of a module keeps what is one tensor as one, but takes views of one memory for the same.
absl::Status CheckMemory(const torch::jit::Module& module) {
  std::map<const c10::StorageImpl*, std::pair<std::string, const c10::TensorImpl*>> owners;
  const auto check = [&](const std::string& name, const at::Tensor& values) {
    if (values.layout() != at::kStrided || values.numel() == 0) return absl::OkStatus();
    const auto [owner, fresh] = owners.try_emplace(values.storage().unsafeGetStorageImpl(), name,
                                                   values.unsafeGetTensorImpl());
    if (fresh || owner->second.second == values.unsafeGetTensorImpl()) return absl::OkStatus();
    return Wrong(absl::StrCat(owner->second.first, " and ", name,
                              " share memory without being the same tensor"));
  };
  absl::Status status;
  for (const auto& [name, values] : NamedParameters(module)) status.Update(check(name, values));
  for (const auto& buffer : module.named_buffers(/*recurse=*/true)) {
    status.Update(check(buffer.name, buffer.value));
  }
  return status;
}

absl::Status CheckModule(const torch::jit::Module& module) {
  const std::vector<NamedTensor> named = NamedParameters(module);
  for (const auto& [name, values] : named) {
    if (absl::Status status = CheckParameter(name, values); !status.ok()) return status;
  }
  if (Trained(named).empty()) {
    return Wrong(absl::StrCat("it has ", named.empty() ? "no parameters" : "only parameters that ",
                              named.empty() ? "" : "require no gradients",
                              "; a module that torch.jit.freeze was called on has none"));
  }
  if (!module.find_method("forward")) return Wrong("it has no forward method");
  return CheckMemory(module);
}

// A tensor [d0, d1, ...] is a matrix of d0 rows.
Shape ShapeOf(const at::Tensor& values) {
  const int64_t rows = values.dim() == 0 ? 1 : values.size(0);
  return {.rows = rows, .cols = values.numel() / rows};
}

// Only one thread draws random numbers at a time.
std::mutex& GeneratorMutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

at::Tensor InputOf(const TorchScriptBatch& batch) {
  const bool tokens = batch.input == v1::ModelDescription::TOKENS;
  // torch reads from memory that it may write to as far as its types go; a module that does so
  // writes to its own.
  void* const values = tokens ? static_cast<void*>(const_cast<int64_t*>(batch.tokens.data()))
                              : static_cast<void*>(const_cast<float*>(batch.numbers.data()));
  return at::from_blob(values, batch.sizes, tokens ? at::kLong : at::kFloat).clone();
}

// One row for each example or token.
at::Tensor CheckedRows(const c10::IValue& output, const TorchScriptBatch& batch) {
  const size_t places = batch.input == v1::ModelDescription::TOKENS ? 2 : 1;
  const std::vector<int64_t> given(batch.sizes.begin(),
                                   batch.sizes.begin() + static_cast<std::ptrdiff_t>(places));
  TORCH_CHECK(output.isTensor(), "forward returns ", output.tagKind(), "; required: one tensor");
  const at::Tensor& values = output.toTensor();
  TORCH_CHECK(values.scalar_type() == at::kFloat, "forward returns ",
              c10::toString(values.scalar_type()), "; required: float32 (Float)");
  const bool right = values.dim() == static_cast<int64_t>(places) + 1 &&
                     std::equal(given.begin(), given.end(), values.sizes().begin());
  TORCH_CHECK(right, "forward returns ", values.sizes(), " for ", at::IntArrayRef(batch.sizes),
              "; required: [", absl::StrJoin(given, ", "), ", outputs]");
  return values.reshape({-1, values.size(-1)});
}

at::Tensor RunForward(torch::jit::Module& module, const TorchScriptBatch& batch, bool training,
                      uint64_t seed) {
  // Optimization goes by what was run before: the first runs of a function would give other bits.
  const torch::jit::GraphOptimizerEnabledGuard as_it_stands(false);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  {
    const std::lock_guard lock(generator.mutex());
    generator.set_current_seed(seed);
  }
  module.train(training);
  return CheckedRows(module.forward({InputOf(batch)}), batch);
}

// Of each row.
at::Tensor Losses(const at::Tensor& rows, const at::Tensor& labels, v1::TorchScript::Loss loss) {
  if (loss == v1::TorchScript::SQUARED_ERROR) {
    const at::Tensor target = at::one_hot(labels, rows.size(1)).to(at::kFloat);
    return (rows - target).square().mean(1);
  }
  return at::cross_entropy_loss(rows, labels, {}, at::Reduction::None);
}

at::Tensor LabelsOf(const TorchScriptBatch& batch) {
  const auto count = static_cast<int64_t>(batch.labels.size());
  return at::from_blob(const_cast<int64_t*>(batch.labels.data()), {count}, at::kLong);
}

double SumOf(const at::Tensor& losses) {
  return losses.detach().to(at::kDouble).sum().item<double>();
}

void AddOperators(const torch::jit::Block& block, std::set<std::string>& names) {
  for (const torch::jit::Node* node : block.nodes()) {
    names.insert(node->kind().toQualString());
    for (const torch::jit::Block* inner : node->blocks()) AddOperators(*inner, names);
  }
}

}  // namespace

struct TorchScriptModule::State {
  torch::jit::Module module;
  std::string example;
  std::vector<Parameter> parameters;
  std::vector<at::Tensor> tensors;

  // From the module; `names` are those of what is trained, if that is known.
  void TakeParameters(const std::set<std::string>& names) {
    for (const auto& [name, values] : NamedParameters(module)) {
      if (names.contains(name)) values.requires_grad_(true);
    }
    for (const auto& [name, values] : Trained(NamedParameters(module))) {
      parameters.push_back({name, ShapeOf(values)});
      tensors.push_back(values);
    }
  }
};

TorchScriptModule::TorchScriptModule(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchScriptModule::TorchScriptModule(TorchScriptModule&&) noexcept = default;
TorchScriptModule& TorchScriptModule::operator=(TorchScriptModule&&) noexcept = default;
TorchScriptModule::~TorchScriptModule() = default;

absl::StatusOr<TorchScriptModule> TorchScriptModule::Load(std::string_view file) {
  try {
    auto state = std::make_unique<State>();
    std::istringstream in{std::string(file)};
    torch::jit::ExtraFilesMap extra = {{kExampleFile, ""}};
    state->module = torch::jit::load(in, at::kCPU, extra);
    state->example = extra[kExampleFile];
    if (absl::Status status = CheckModule(state->module); !status.ok()) return status;
    state->TakeParameters({});
    return TorchScriptModule(std::move(state));
  } catch (const std::exception& error) {
    return Wrong("cannot be read as TorchScript: " + OneLineOf(error));
  }
}

TorchScriptModule TorchScriptModule::Copy() const {
  auto state = std::make_unique<State>();
  {
    const at::NoGradGuard copies_are_leaves;
    state->module = state_->module.deepcopy();
  }
  state->example = state_->example;
  std::set<std::string> names;
  for (const Parameter& parameter : state_->parameters) names.insert(parameter.name);
  state->TakeParameters(names);
  return TorchScriptModule(std::move(state));
}

const std::string& TorchScriptModule::ExampleText() const {
  return state_->example;
}

const std::vector<TorchScriptModule::Parameter>& TorchScriptModule::Parameters() const {
  return state_->parameters;
}

std::vector<float> TorchScriptModule::ReadParameters() const {
  std::vector<float> values;
  for (const at::Tensor& tensor : state_->tensors) {
    const at::Tensor rows = tensor.detach().contiguous();
    values.insert(values.end(), rows.data_ptr<float>(), rows.data_ptr<float>() + rows.numel());
  }
  return values;
}

void TorchScriptModule::WriteParameters(std::span<const float> values) {
  const at::NoGradGuard no_gradients;
  size_t begin = 0;
  for (at::Tensor& tensor : state_->tensors) {
    const auto size = static_cast<size_t>(tensor.numel());
    float* const from = const_cast<float*>(values.subspan(begin, size).data());
    tensor.copy_(at::from_blob(from, tensor.sizes(), at::kFloat));
    begin += size;
  }
}

double TorchScriptModule::ForwardBackward(const TorchScriptBatch& batch, uint64_t seed,
                                          std::span<float> gradient) {
  const std::lock_guard lock(GeneratorMutex());
  const at::AutoGradMode with_gradients(true);
  const at::Tensor rows = RunForward(state_->module, batch, /*training=*/true, seed);
  const at::Tensor losses = Losses(rows, LabelsOf(batch), batch.loss);
  const auto gradients =
      torch::autograd::grad({losses.mean()}, state_->tensors, /*grad_outputs=*/{},
                            /*retain_graph=*/c10::nullopt, /*create_graph=*/false,
                            /*allow_unused=*/true);
  size_t begin = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const auto size = static_cast<size_t>(state_->tensors[i].numel());
    const std::span<float> own = gradient.subspan(begin, size);
    begin += size;
    if (!gradients[i].defined()) {
      std::ranges::fill(own, 0.0f);
      continue;
    }
    const at::Tensor values = gradients[i].contiguous();
    std::copy_n(values.data_ptr<float>(), size, own.begin());
  }
  return SumOf(losses) / static_cast<double>(batch.labels.size());
}

TorchScriptSums TorchScriptModule::Score(const TorchScriptBatch& batch, uint64_t seed) {
  const std::lock_guard lock(GeneratorMutex());
  const at::NoGradGuard no_gradients;
  const at::Tensor rows = RunForward(state_->module, batch, /*training=*/false, seed);
  const at::Tensor labels = LabelsOf(batch);
  return {.loss = SumOf(Losses(rows, labels, batch.loss)),
          .wrong = rows.argmax(1).ne(labels).sum().item<int64_t>()};
}

std::vector<int64_t> TorchScriptModule::OutputSizes(const TorchScriptBatch& batch) {
  const std::lock_guard lock(GeneratorMutex());
  const at::NoGradGuard no_gradients;
  return RunForward(state_->module, batch, /*training=*/false, /*seed=*/0).sizes().vec();
}

std::vector<std::string> TorchScriptModule::Operators() const {
  std::set<std::string> names;
  for (const auto& method : state_->module.get_methods()) {
    const auto graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    AddOperators(*graph->block(), names);
  }
  return {names.begin(), names.end()};
}

std::string OneLineOf(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string message =
      torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  std::vector<std::string> lines = absl::StrSplit(message, '\n', absl::SkipWhitespace());
  if (lines.empty()) return "unknown error";
  return message.find(kTraceback) == std::string::npos ? lines.front() : lines.back();
}

}  // namespace lathe
