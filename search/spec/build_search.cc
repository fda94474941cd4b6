#include "search/spec/build_search.h"

#include <algorithm>
#include <numeric>

#include "dsl/text.h"
#include "evaluators/task/task.h"
#include "search/evolution.h"
#include "search/random_search.h"

namespace lathe {
namespace {

// The job is resolved, so its programs parse.
Program Parsed(const std::string& text) {
  return *std::move(Parse(text).program);
}

SearchSpace SpaceOf(const v1::Strategy& strategy, const Signature& signature) {
  SearchSpace space;
  for (Op op : AllOps()) {  // in the table's order: a protobuf map has none
    auto weight = strategy.ops().find(std::string(Info(op).name));
    if (weight == strategy.ops().end() || weight->second <= 0) continue;
    space.ops.push_back(op);
    space.op_weights.push_back(weight->second);
  }
  for (const std::string& name : strategy.inputs())
    space.inputs.push_back(*signature.InputByName(name));
  return space;
}

std::unique_ptr<Strategy> MakeStrategy(const v1::JobSpec& job, const v1::Strategy& strategy) {
  const Signature& signature = *SignatureByName(job.signature());
  if (strategy.kind() == v1::Strategy::RANDOM) {
    RandomProgramSize size;
    size.min_statements = static_cast<int>(strategy.random_min_statements());
    size.max_statements = static_cast<int>(strategy.random_max_statements());
    size.states = static_cast<int>(strategy.random_states());
    return std::make_unique<RandomSearch>(job.seed(), signature, SpaceOf(strategy, signature),
                                          size);
  }
  EvolutionOptions options;
  options.seed = job.seed();
  options.population = static_cast<int>(strategy.population());
  options.tournament = static_cast<int>(strategy.tournament());
  options.islands = static_cast<int>(strategy.islands());
  options.migration_interval = static_cast<int>(strategy.migration_interval());
  for (const std::string& text : job.warm_start()) options.warm_start.push_back(Parsed(text));
  options.mutation.space = SpaceOf(strategy, signature);
  options.mutation.insert_weight = strategy.insert_weight();
  options.mutation.delete_weight = strategy.delete_weight();
  options.mutation.modify_weight = strategy.modify_weight();
  options.mutation.max_statements = static_cast<int>(strategy.max_statements());
  options.mutation.constants_only = strategy.kind() == v1::Strategy::CONSTANTS;
  return std::make_unique<Evolution>(std::move(options));
}

std::vector<int> FirstSeeds(const v1::Task& task) {
  std::vector<int> seeds(task.seeds());
  std::iota(seeds.begin(), seeds.end(), 0);
  return seeds;
}

std::vector<HurdleOptions> HurdlesOf(const v1::JobSpec& job) {
  const Hash128 own = TaskHash(job.task());
  std::vector<HurdleOptions> hurdles;
  hurdles.reserve(static_cast<size_t>(job.hurdles_size()));
  int arena = 1 + job.study().transfers_size();
  for (const v1::Hurdle& given : job.hurdles()) {
    HurdleOptions& hurdle = hurdles.emplace_back();
    hurdle.arena = TaskHash(given.task()) == own ? 0 : arena;
    hurdle.seeds = FirstSeeds(given.task());
    hurdle.keep = given.keep();
    hurdle.window = given.window();
    hurdle.least = given.least();
    ++arena;
  }
  return hurdles;
}

std::unique_ptr<Trajectory> Build(const v1::JobSpec& job, const v1::Strategy& strategy,
                                  LogWriter* log) {
  TrajectoryOptions options;
  options.log = log;
  options.keep_best = std::max<size_t>(1, job.study().winners());
  options.window = static_cast<int>(job.window());
  options.max_candidates = job.budget().candidates();
  options.max_evaluations = job.budget().evaluations();
  options.evaluation_seeds = FirstSeeds(job.task());
  options.hurdles = HurdlesOf(job);
  FilterOptions filters;
  filters.shapes = ParameterShapes(job.task());
  filters.max_operations_per_parameter = job.filters().max_operations_per_parameter();
  filters.max_bytes_per_parameter = job.filters().max_bytes_per_parameter();
  filters.max_state_bytes_per_parameter = job.filters().max_state_bytes_per_parameter();
  return std::make_unique<Trajectory>(std::move(options), MakeStrategy(job, strategy),
                                      Filters(std::move(filters)));
}

}  // namespace

std::unique_ptr<Trajectory> BuildTrajectory(const v1::JobSpec& job, LogWriter* log) {
  return Build(job, job.strategy(), log);
}

std::unique_ptr<Trajectory> BuildControl(const v1::JobSpec& job, int control, LogWriter* log) {
  return Build(job, job.study().controls(control).strategy(), log);
}

std::unique_ptr<Study> BuildStudy(const v1::JobSpec& job, const Trajectory& main) {
  std::vector<std::unique_ptr<Trajectory>> controls;
  controls.reserve(static_cast<size_t>(job.study().controls_size()));
  for (int i = 0; i < job.study().controls_size(); ++i) controls.push_back(BuildControl(job, i));
  return BuildStudy(job, main, std::move(controls));
}

std::unique_ptr<Study> BuildStudy(const v1::JobSpec& job, const Trajectory& main,
                                  std::vector<std::unique_ptr<Trajectory>> controls) {
  const v1::Study& study = job.study();
  StudyOptions options;
  options.arenas.push_back("the search's own task");
  for (const v1::Transfer& transfer : study.transfers()) options.arenas.push_back(transfer.name());
  options.seeds = static_cast<int>(study.seeds());
  options.winners = static_cast<int>(study.winners());
  options.winner_seeds = static_cast<int>(study.winner_seeds());
  options.tuning_seeds = static_cast<int>(study.tuning_seeds());
  options.scale.assign(study.grid().scale().begin(), study.grid().scale().end());
  options.decay.assign(study.grid().decay().begin(), study.grid().decay().end());
  for (const v1::Baseline& given : study.baselines()) {
    Baseline baseline;
    baseline.program = Parsed(given.program());
    baseline.name = baseline.program.name;
    baseline.base_lr.assign(given.base_lr().begin(), given.base_lr().end());
    baseline.weight_decay.assign(given.weight_decay().begin(), given.weight_decay().end());
    options.baselines.push_back(std::move(baseline));
  }
  std::vector<ControlSearch> named;
  for (size_t i = 0; i < controls.size(); ++i) {
    named.push_back({study.controls(static_cast<int>(i)).name(), std::move(controls[i])});
  }
  return std::make_unique<Study>(std::move(options), main, std::move(named));
}

std::vector<v1::Task> ArenaTasks(const v1::JobSpec& job) {
  std::vector<v1::Task> tasks = {job.task()};
  for (const v1::Transfer& transfer : job.study().transfers()) tasks.push_back(transfer.task());
  for (const v1::Hurdle& hurdle : job.hurdles()) tasks.push_back(hurdle.task());
  return tasks;
}

}  // namespace lathe
