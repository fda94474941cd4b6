// How fast programs run: on the vm, in torch, written by hand; and how fast they are made.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/random_program.h"
#include "dsl/verify.h"
#include "dsl/vm/executor.h"
#include "dsl/vm/kernels.h"
#include "evaluators/torch/blas.h"
#include "search/mutate.h"
#include "tests/bench/evaluations.h"
#include "tests/bench/figures.h"
#include "tests/bench/fused.h"

namespace lathe::bench {
namespace {

constexpr double kLr = 1e-3, kDecay = 0.01, kEps = 1e-8;

// The arrays of one parameter.
struct Model {
  explicit Model(int64_t n) : w(n), g(n), m(n), v(n) {
    RandomStream random(1, {static_cast<uint64_t>(n)});
    for (int64_t i = 0; i < n; ++i) {
      w[i] = static_cast<float>(random.Normal());
      g[i] = static_cast<float>(random.Normal());
    }
  }
  std::vector<float> w, g, m, v;
};

// w <- w - update in one pass, as a training loop would.
void RunVm(benchmark::State& state, const char* name, int64_t n) {
  Model model(n);
  const Program program = Canonicalize(*KnownProgram(name));
  const std::vector<Shape> shapes = {{n, 1}};
  auto run = *VmExecutor().Prepare(program, shapes);
  double lr = kLr, t = 0, total_steps = 1e6;
  StepBindings bindings;
  bindings.inputs = {{model.w.data()}, {model.g.data()}, {&lr}, {&t}, {&total_steps}, {}, {}};
  bindings.outputs = {{model.w.data()}};
  bindings.subtract_outputs = true;
  for (auto _ : state) {
    t += 1;
    if (!run->Step(bindings).ok()) state.SkipWithError("the step failed");
  }
}

void RunFused(benchmark::State& state, const std::string& name, int64_t n) {
  Model model(n);
  double t = 0;
  for (auto _ : state) {
    t += 1;
    if (name == "adamw") {
      const double r1 = 1 / (1 - std::pow(0.9, t)), r2 = 1 / (1 - std::pow(0.999, t));
      FusedAdamW(n, model.w.data(), model.g.data(), model.m.data(), model.v.data(), kLr, kDecay,
                 0.9f, 0.999f, kEps, static_cast<float>(r1), static_cast<float>(r2));
    } else {
      FusedLion(n, model.w.data(), model.g.data(), model.m.data(), kLr, 0.1f, 0.9f, 0.99f);
    }
    benchmark::ClobberMemory();
  }
}

// torch's own way: in place, as few temporaries as its optimizers have.
void RunTorch(benchmark::State& state, const std::string& name, int64_t n) {
  const at::NoGradGuard guard;
  at::Tensor w = at::randn({n}), g = at::randn({n}), m = at::zeros({n}), v = at::zeros({n});
  double t = 0;
  for (auto _ : state) {
    t += 1;
    if (name == "adamw") {
      const double c1 = 1 - std::pow(0.9, t), c2 = 1 - std::pow(0.999, t);
      w.mul_(1 - kLr * kDecay);
      m.mul_(0.9).add_(g, 0.1);
      v.mul_(0.999).addcmul_(g, g, 0.001);
      at::Tensor scale = (v.sqrt().div_(std::sqrt(c2))).add_(kEps);
      w.addcdiv_(m, scale, -kLr / c1);
    } else {
      w.mul_(1 - kLr * 0.1);
      at::Tensor c = m.mul(0.9).add_(g, 0.1).sign_();
      w.add_(c, -kLr);
      m.mul_(0.99).add_(g, 0.01);
    }
  }
}

constexpr int64_t kBatch = 32, kChannels = 64, kSide = 16, kGroups = 32;

void EvoNormOnVm(benchmark::State& state) {
  const Program program = Canonicalize(*KnownProgram("evonorm_s0"));
  const std::vector<Shape> shapes = {LayerShape(kBatch, kChannels, kSide, kSide, kGroups)};
  auto run = *VmExecutor().Prepare(program, shapes);
  std::vector<float> x(kBatch * kChannels * kSide * kSide), y(x.size());
  std::vector<float> gamma(kChannels, 1.1f), beta(kChannels, 0.1f), v(kChannels, 0.9f);
  RandomStream random(2, {});
  for (float& number : x) number = static_cast<float>(random.Normal());
  StepBindings bindings;
  bindings.inputs = {{x.data()}, {gamma.data()}, {beta.data()}, {v.data()}, {v.data()}};
  bindings.outputs = {{y.data()}};
  for (auto _ : state) {
    if (!run->Step(bindings).ok()) state.SkipWithError("the step failed");
  }
}

void EvoNormInTorch(benchmark::State& state) {
  const at::NoGradGuard guard;
  const at::Tensor x = at::randn({kBatch, kChannels, kSide, kSide});
  const at::Tensor gamma = at::full({1, kChannels, 1, 1}, 1.1);
  const at::Tensor beta = at::full({1, kChannels, 1, 1}, 0.1);
  const at::Tensor v = at::full({1, kChannels, 1, 1}, 0.9);
  for (auto _ : state) {
    const at::Tensor grouped = x.view({kBatch, kGroups, kChannels / kGroups, kSide, kSide});
    const at::Tensor deviation = grouped.var({2, 3, 4}, /*unbiased=*/false, /*keepdim=*/true)
                                     .add_(1e-5)
                                     .sqrt_()
                                     .expand_as(grouped)
                                     .reshape(x.sizes());
    at::Tensor y = (x * (x * v).sigmoid_()).div_(deviation).mul_(gamma).add_(beta);
    benchmark::DoNotOptimize(y.data_ptr());
  }
}

// What a search does before it has something to evaluate, over programs of 20 statements.
void MakePrograms(benchmark::State& state) {
  MutationOptions options;
  options.space = SearchSpace::Default(OptimizerSignature());
  RandomStream random(3, {});
  RandomProgramSize size;
  size.min_statements = size.max_statements = 20;
  std::vector<Program> parents;
  for (int i = 0; i < 64; ++i) {
    parents.push_back(RandomProgram(OptimizerSignature(), options.space, size, random));
  }
  size_t next = 0;
  for (auto _ : state) {
    const Mutation mutation = Mutate(parents[next++ % parents.size()], options, random);
    if (!Verify(mutation.program).ok()) continue;
    benchmark::DoNotOptimize(MakeCanonical(mutation.program).hash);
  }
}

std::string SizeName(int exponent) {
  return "1e" + std::to_string(exponent);
}

std::vector<Figure> RegisterOptimizers() {
  std::vector<Figure> figures;
  for (const char* name : {"adamw", "lion"}) {
    for (int exponent = 3; exponent <= 7; ++exponent) {
      const int64_t n = static_cast<int64_t>(std::pow(10, exponent));
      const std::string of = std::string(name) + "_" + SizeName(exponent);
      benchmark::RegisterBenchmark(("vm_" + of).c_str(), RunVm, name, n)->UseRealTime();
      benchmark::RegisterBenchmark(("fused_" + of).c_str(), RunFused, name, n)->UseRealTime();
      benchmark::RegisterBenchmark(("torch_" + of).c_str(), RunTorch, name, n)->UseRealTime();
      figures.push_back(Ratio("torch_over_vm_" + of, "torch_" + of, "vm_" + of));
      figures.push_back(Ratio("vm_over_fused_" + of, "vm_" + of, "fused_" + of));
    }
  }
  return figures;
}

int Main(int argc, char** argv) {
  at::set_num_threads(1);
  std::vector<Figure> figures = RegisterOptimizers();
  benchmark::RegisterBenchmark("vm_evonorm_s0", EvoNormOnVm)->UseRealTime();
  benchmark::RegisterBenchmark("torch_evonorm_s0", EvoNormInTorch)->UseRealTime();
  benchmark::RegisterBenchmark("make_programs", MakePrograms)->UseRealTime();
  figures.push_back(Ratio("torch_over_vm_evonorm_s0", "torch_evonorm_s0", "vm_evonorm_s0"));
  figures.push_back(PerSecond("programs_per_second", "make_programs"));
  for (Figure& figure : RegisterEvaluations()) figures.push_back(std::move(figure));
  const std::string isa(vm::AvailableKernels()[0]->name);
  return RunBenchmarks(argc, argv, figures,
                       {"kernels of the vm: " + isa, "BLAS of torch: " + BlasName()});
}

}  // namespace
}  // namespace lathe::bench

int main(int argc, char** argv) {
  return lathe::bench::Main(argc, argv);
}
