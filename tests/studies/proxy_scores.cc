// Trains every configuration of the known optimizers on candidates for a proxy task, and writes a
// line of JSON per training run: setting, optimizer, lr, decay, seed, objective (null where it
// diverged). tests/studies/proxy.py runs it.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "absl/strings/str_format.h"
#include "dsl/known_programs.h"
#include "evaluators/population/population_evaluator.h"
#include "evaluators/task/task.h"
#include "search/study_programs.h"

namespace lathe {
namespace {

struct Setting {
  const char* name;
  v1::Task task;
};

struct Optimizer {
  const char* name;
  std::vector<double> decays;
};

constexpr int kSeeds = 24;

v1::Task With(uint32_t steps, double scaling, v1::Task::Objective objective,
              std::vector<uint32_t> hidden = {32}) {
  v1::Task task;
  task.set_steps(steps);
  task.set_feature_scale_exponent(scaling);
  task.set_objective(objective);
  task.mutable_mlp()->mutable_hidden()->Assign(hidden.begin(), hidden.end());
  return task;
}

v1::Task Constant(v1::Task task) {
  task.set_schedule(v1::Task::CONSTANT);
  return task;
}

std::vector<Setting> Settings() {
  constexpr auto kLoss = v1::Task::VALIDATION_LOSS, kError = v1::Task::VALIDATION_ERROR,
                 kArea = v1::Task::TRAINING_LOSS_AREA, kTarget = v1::Task::STEPS_TO_TARGET;
  const std::vector<uint32_t> deep = {32, 32, 32}, large = {128, 64};
  return {
      {"plain, 100 steps, loss", With(100, 0, kLoss)},
      {"plain, 300 steps, loss", With(300, 0, kLoss)},
      {"plain, 1000 steps, loss", With(1000, 0, kLoss)},
      {"plain, 300 steps, error", With(300, 0, kError)},
      {"plain, 300 steps, area", With(300, 0, kArea)},
      {"scaled, 50 steps, loss", With(50, 1, kLoss)},
      {"scaled, 100 steps, loss", With(100, 1, kLoss)},
      {"scaled, 100 steps, loss, constant rate", Constant(With(100, 1, kLoss))},
      {"scaled, 100 steps, area", With(100, 1, kArea)},
      {"scaled, 100 steps, error", With(100, 1, kError)},
      {"scaled, 200 steps, loss", With(200, 1, kLoss)},
      {"scaled, 300 steps, loss", With(300, 1, kLoss)},
      {"scaled, 300 steps, steps to 0.5", With(300, 1, kTarget)},
      {"scaled, 100 steps, deep, loss", With(100, 1, kLoss, deep)},
      {"scaled, 200 steps, deep, loss", With(200, 1, kLoss, deep)},
      // What a proxy should foretell.
      {"larger net", With(200, 1, kLoss, large)},
      {"longer run", With(1000, 1, kLoss)},
  };
}

std::vector<Optimizer> Optimizers() {
  return {{"momentum", {0, 0.001, 0.01}},
          {"rmsprop", {0, 0.001, 0.01}},
          {"adamw", {0, 0.1, 1}},
          {"lion", {0, 1, 10}},
          {"sgd", {0}},
          {"nesterov", {0}},
          {"adagrad", {0}},
          {"adam", {0}},
          {"nadam", {0}},
          {"amsgrad", {0}},
          {"signsgd", {0}}};
}

struct Configuration {
  std::string optimizer;
  double decay;
  Program program;
};

std::vector<Configuration> Configurations() {
  std::vector<Configuration> configurations;
  for (const Optimizer& optimizer : Optimizers()) {
    for (double decay : optimizer.decays) {
      configurations.push_back(
          {optimizer.name, decay,
           WithHyper(*KnownProgram(optimizer.name), "weight_decay", decay).value()});
    }
  }
  return configurations;
}

void Print(const Setting& setting, double rate, const Configuration& configuration,
           const std::vector<Evaluation>& evaluations) {
  for (size_t seed = 0; seed < evaluations.size(); ++seed) {
    nlohmann::json line = {{"setting", setting.name},
                           {"optimizer", configuration.optimizer},
                           {"lr", rate},
                           {"decay", configuration.decay},
                           {"seed", seed},
                           {"objective", nullptr}};
    if (!evaluations[seed].diverged) line["objective"] = evaluations[seed].objective;
    std::cout << line << "\n";
  }
}

absl::Status Run(PopulationEvaluator& evaluator, const Setting& setting, double rate) {
  const std::vector<Configuration> configurations = Configurations();
  std::vector<const Program*> programs;
  programs.reserve(configurations.size());
  for (const Configuration& configuration : configurations) {
    programs.push_back(&configuration.program);
  }
  v1::Task given = setting.task;
  given.set_base_lr(rate);
  if (given.objective() == v1::Task::STEPS_TO_TARGET) given.set_target_loss(0.5);
  const auto task = ResolveTask(given);
  if (!task.ok()) return task.status();
  std::vector<int> seeds(kSeeds);
  std::iota(seeds.begin(), seeds.end(), 0);
  absl::Status status;
  evaluator.EvaluatePopulation(
      {.programs = programs, .task = *task, .seeds = seeds},
      [&](size_t i, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
        status.Update(evaluations.status());
        if (evaluations.ok()) Print(setting, rate, configurations[i], *evaluations);
      });
  return status;
}

int Main() {
  PopulationEvaluator evaluator(LATHE_SOURCE_DIR "/evaluators/data", {.threads = 2});
  std::cout << nlohmann::json{{"numeric_class", evaluator.NumericClass()}} << "\n";
  const std::vector<Setting> settings = Settings();
  constexpr int kRates = 14;
  for (size_t i = 0; i < settings.size(); ++i) {
    for (int k = 0; k < kRates; ++k) {
      const absl::Status status = Run(evaluator, settings[i], std::ldexp(0.0002, k));
      if (!status.ok()) {
        std::cerr << status << "\n";
        return 1;
      }
      const auto done = static_cast<double>(kRates * i + static_cast<size_t>(k) + 1);
      std::cerr << absl::StrFormat("\r%3.0f %%  %-45s",
                                   100 * done / static_cast<double>(kRates * settings.size()),
                                   settings[i].name);
    }
  }
  std::cerr << "\n";
  return 0;
}

}  // namespace
}  // namespace lathe

int main() {
  return lathe::Main();
}
