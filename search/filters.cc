#include "search/filters.h"

#include <cmath>

#include "dsl/cost.h"
#include "dsl/random.h"
#include "search/streams.h"

namespace lathe {
namespace {

constexpr std::array<double, 8> kProbeSteps = {1, 2, 3, 10, 100, 1000, 10000, 100000};

bool ReadsRequiredInput(const Program& program) {
  bool reads = false;
  ForEachOperand(program, [&](const Operand& operand) {
    reads |= operand == Operand::Input(program.signature->required_input);
  });
  return reads;
}

double ProbeGradient(RandomStream& random) {
  double kind = random.Uniform();
  if (kind < 0.1) return 0;
  double sign = random.Chance(0.5) ? 1 : -1;
  // 10^-10 to 10^0.5 for most, outliers up to 10^3.
  double exponent = kind < 0.95 ? -10 + 10.5 * random.Uniform() : 3 * random.Uniform();
  return sign * PortableExp2(exponent * 3.3219280948873623);
}

}  // namespace

Filters::Filters(FilterOptions options) : options_(std::move(options)) {
  probe_shapes_ = {{16, 12}, {24, 1}, {5, 16}};
  for (size_t step = 0; step < kProbeSteps.size(); ++step) {
    RandomStream random(0, {streams::kProbe, step});
    Probe probe{{}, {}, step % 2 == 0 ? 1.0 : 0.3, kProbeSteps[step], 100000};
    for (const Shape& shape : probe_shapes_) {
      probe.w.emplace_back(shape.Elements());
      probe.g.emplace_back(shape.Elements());
      double scale = PortableExp2(-6 + 8 * random.Uniform());
      for (double& w : probe.w.back()) w = scale * random.Normal();
      for (double& g : probe.g.back()) g = ProbeGradient(random);
    }
    probes_.push_back(std::move(probe));
  }
}

std::optional<Filter> Filters::Judge(const Program& canonical) const {
  if (canonical.signature != &OptimizerSignature()) return Filter::ill_formed;
  if (!ReadsRequiredInput(canonical)) return Filter::ignores_gradient;
  if (IsOverCost(canonical)) return Filter::over_cost;
  return RunProbes(canonical);
}

bool Filters::IsOverCost(const Program& program) const {
  Cost cost = CountCost(program, options_.shapes);
  return cost.operations > options_.max_operations_per_parameter * cost.parameters ||
         cost.bytes > options_.max_bytes_per_parameter * cost.parameters ||
         cost.state_bytes > options_.max_state_bytes_per_parameter * cost.parameters;
}

std::optional<Filter> Filters::RunProbes(const Program& program) const {
  auto execution = ReferenceExecutor().Prepare(program, probe_shapes_);
  if (!execution.ok()) return Filter::ill_formed;
  std::vector<std::vector<double>> update;
  StepBindings bindings;
  bindings.outputs.resize(1);
  for (const Shape& shape : probe_shapes_) {
    update.emplace_back(shape.Elements());
    bindings.outputs[0].push_back(update.back().data());
  }
  bool effect = false;
  for (const Probe& probe : probes_) {
    Bind(probe, bindings);
    if (!(*execution)->Step(bindings).ok()) return Filter::ill_formed;
    for (const std::vector<double>& values : update) {
      for (double value : values) {
        if (!std::isfinite(value)) return Filter::not_finite;
        effect |= value != 0;
      }
    }
  }
  if (!effect) return Filter::no_effect;
  return std::nullopt;
}

void Filters::Bind(const Probe& probe, StepBindings& bindings) {
  static const Signature& signature = OptimizerSignature();
  static const size_t w = *signature.InputByName("w"), g = *signature.InputByName("g"),
                      lr = *signature.InputByName("lr"), t = *signature.InputByName("t"),
                      total_steps = *signature.InputByName("total_steps");
  // Inputs are only read.
  const auto read = [](const double& first) { return const_cast<double*>(&first); };
  bindings.inputs.assign(signature.inputs.size(), {});
  for (size_t p = 0; p < probe.w.size(); ++p) {
    bindings.inputs[w].push_back(read(probe.w[p][0]));
    bindings.inputs[g].push_back(read(probe.g[p][0]));
  }
  bindings.inputs[lr] = {read(probe.lr)};
  bindings.inputs[t] = {read(probe.t)};
  bindings.inputs[total_steps] = {read(probe.total_steps)};
}

}  // namespace lathe
