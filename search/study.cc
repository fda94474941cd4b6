#include "search/study.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "dsl/text.h"
#include "search/study_programs.h"

namespace lathe {
namespace {

// Ids of a control's slots and of a study's own evaluations never meet.
constexpr uint64_t kControlBit = uint64_t{1} << 63;

std::vector<Score> Objectives(const EvaluationResult& result, size_t runs) {
  std::vector<Score> scores(runs);
  for (size_t i = 0; i < result.size(); ++i) {
    bool finished = !result[i].diverged && std::isfinite(result[i].objective);
    if (finished) scores[i] = result[i].objective;
  }
  return scores;
}

template <typename Measure>
std::vector<Score> Measured(const EvaluationResult& result, size_t runs, Measure measure) {
  std::vector<Score> scores = Objectives(result, runs);
  for (size_t i = 0; i < result.size(); ++i) {
    if (!scores[i]) continue;
    const double value = measure(result[i]);
    scores[i] = std::isfinite(value) ? Score(value) : std::nullopt;
  }
  return scores;
}

// Fewest failures first, then the lowest mean.
std::tuple<int, double> Quality(const Summary& summary) {
  return {summary.failures, std::isnan(summary.mean) ? INFINITY : summary.mean};
}

std::shared_ptr<const CanonicalForm> Canonical(const Program& program) {
  return std::make_shared<const CanonicalForm>(MakeCanonical(program));
}

bool AtEdge(double value, const std::vector<double>& grid) {
  const auto [low, high] = std::minmax_element(grid.begin(), grid.end());
  return *low < *high && (value == *low || value == *high);
}

}  // namespace

Study::Study(StudyOptions options, const Trajectory& main, std::vector<ControlSearch> controls)
    : options_(std::move(options)), controls_(std::move(controls)) {
  report_.seeds = options_.seeds;
  AddSearch(options_.search_name, main);
}

void Study::AddSearch(const std::string& name, const Trajectory& trajectory) {
  SearchSummary summary;
  summary.name = name;
  summary.proposed = trajectory.Count().proposed;
  summary.evaluated = trajectory.Count().evaluated;
  std::vector<Trajectory::Winner> winners;
  for (const Trajectory::Winner* best : trajectory.Best(options_.winners)) {
    winners.push_back(*best);
    summary.winners.push_back({best->index, best->objective, {}});
  }
  winners_.push_back(std::move(winners));
  report_.searches.push_back(std::move(summary));
}

Study::Action Study::Next() {
  while (phase_ != Phase::kDone) {
    if (phase_ == Phase::kControls) {
      Action action = NextOfControl();
      if (!std::holds_alternative<Done>(action)) return action;
      StartPhase(winners_[0].empty() ? Phase::kDone : Phase::kRescore);
      continue;
    }
    if (next_job_ < jobs_.size()) {
      uint64_t id = first_id_ + next_job_;
      return Evaluate{id, jobs_[next_job_++].request};
    }
    if (finished_jobs_ < jobs_.size()) return Wait{};
    if (phase_ == Phase::kRescore) FinishRescore();
    if (phase_ == Phase::kTune) FinishTuning();
    if (phase_ == Phase::kCompare) FinishComparison();
    StartPhase(static_cast<Phase>(static_cast<int>(phase_) + 1));
  }
  return Done{"study"};
}

Study::Action Study::NextOfControl() {
  while (control_ < controls_.size()) {
    ControlSearch& control = controls_[control_];
    Trajectory::Action action = control.trajectory->Next();
    if (auto* evaluate = std::get_if<Trajectory::Evaluate>(&action)) {
      return Evaluate{evaluate->slot | kControlBit, std::move(evaluate->request)};
    }
    if (std::holds_alternative<Wait>(action)) return Wait{};
    AddSearch(control.name, *control.trajectory);
    ++control_;
  }
  return Done{"controls"};
}

void Study::Fail(uint64_t id) {
  if ((id & kControlBit) != 0) return controls_[control_].trajectory->Fail(id & ~kControlBit);
  ++failed_;
  Complete(id, {});
}

void Study::Complete(uint64_t id, const EvaluationResult& result) {
  if ((id & kControlBit) != 0) {
    controls_[control_].trajectory->Complete(id & ~kControlBit, result);
    return;
  }
  jobs_[id - first_id_].result = result;
  ++finished_jobs_;
}

uint64_t Study::Failed() const {
  uint64_t failed = failed_;
  for (const ControlSearch& control : controls_) failed += control.trajectory->Count().broken;
  return failed;
}

Study::Progress Study::CurrentProgress() const {
  if (phase_ == Phase::kControls && control_ < controls_.size()) {
    const ControlSearch& control = controls_[control_];
    return {"control " + control.name, control.trajectory->Count().evaluated, 0};
  }
  static constexpr const char* kNames[] = {"controls", "re-scoring", "tuning", "comparing", "done"};
  return {kNames[static_cast<int>(phase_)], finished_jobs_, jobs_.size()};
}

std::shared_ptr<const CanonicalForm> Study::Found() const {
  if (winners_[0].empty()) return nullptr;
  return winners_[0][report_.searches[0].chosen].canonical;
}

void Study::StartPhase(Phase phase) {
  phase_ = phase;
  first_id_ += jobs_.size();
  jobs_.clear();
  next_job_ = finished_jobs_ = 0;
  if (phase == Phase::kRescore) PlanRescore();
  if (phase == Phase::kTune) PlanTuning();
  if (phase == Phase::kCompare) PlanComparison();
}

void Study::AddJob(const GridPoint& point, int arena, int seed_base, int seeds, bool measure_test) {
  EvaluationRequest request;
  request.program = point.program;
  request.arena = arena;
  request.base_lr = point.base_lr;
  for (int i = 0; i < seeds; ++i) request.seeds.push_back(seed_base + i);
  request.measure_test = measure_test;
  jobs_.push_back({std::move(request), std::nullopt});
}

void Study::PlanRescore() {
  for (const auto& winners : winners_) {
    for (const Trajectory::Winner& winner : winners) {
      AddJob({winner.canonical, std::nullopt, "", false}, 0, kWinnerSeedBase, options_.winner_seeds,
             false);
    }
  }
}

void Study::FinishRescore() {
  size_t job = 0;
  for (SearchSummary& search : report_.searches) {
    for (size_t i = 0; i < search.winners.size(); ++i) {
      search.winners[i].fresh = Summarize(Objectives(*jobs_[job++].result, options_.winner_seeds));
      if (Quality(search.winners[i].fresh) < Quality(search.winners[search.chosen].fresh)) {
        search.chosen = static_cast<int>(i);
      }
    }
  }
  AddFoundMethod(options_.search_name, *Found());
  for (const Baseline& baseline : options_.baselines) AddBaselineMethod(baseline);
  for (size_t i = 1; i < winners_.size(); ++i) {
    if (winners_[i].empty()) continue;
    const SearchSummary& search = report_.searches[i];
    AddFoundMethod(search.name, *winners_[i][search.chosen].canonical);
  }
}

void Study::AddFoundMethod(const std::string& name, const CanonicalForm& form) {
  Method method{name, {}};
  for (size_t s = 0; s < options_.scale.size(); ++s) {
    for (size_t d = 0; d < options_.decay.size(); ++d) {
      double scale = options_.scale[s], decay = options_.decay[d];
      bool edge = AtEdge(scale, options_.scale) || (decay != 0 && AtEdge(decay, options_.decay));
      method.grid.push_back(
          {Canonical(ScaleAndDecay(form.program, scale, decay)), std::nullopt,
           absl::StrCat("update x ", NumberText(scale), ", decay ", NumberText(decay)), edge});
    }
  }
  methods_.push_back(std::move(method));
}

void Study::AddBaselineMethod(const Baseline& baseline) {
  Method method{baseline.name, {}};
  size_t decays = std::max<size_t>(baseline.weight_decay.size(), 1);
  for (size_t r = 0; r < baseline.base_lr.size(); ++r) {
    for (size_t d = 0; d < decays; ++d) {
      Program program = baseline.program;
      std::string setting = absl::StrCat("base_lr ", NumberText(baseline.base_lr[r]));
      bool edge = AtEdge(baseline.base_lr[r], baseline.base_lr);
      if (!baseline.weight_decay.empty()) {
        double decay = baseline.weight_decay[d];
        if (auto changed = WithHyper(program, "weight_decay", decay); changed.ok())
          program = *changed;
        absl::StrAppend(&setting, ", weight_decay ", NumberText(decay));
        edge = edge || (decay != 0 && AtEdge(decay, baseline.weight_decay));
      }
      method.grid.push_back({Canonical(program), baseline.base_lr[r], std::move(setting), edge});
    }
  }
  methods_.push_back(std::move(method));
}

void Study::PlanTuning() {
  for (size_t arena = 0; arena < options_.arenas.size(); ++arena) {
    for (const Method& method : methods_) {
      for (const GridPoint& point : method.grid) {
        AddJob(point, static_cast<int>(arena), kTuningSeedBase, options_.tuning_seeds, false);
      }
    }
  }
}

void Study::FinishTuning() {
  size_t job = 0;
  for (const std::string& arena : options_.arenas) {
    ArenaResult result{arena, {}, static_cast<int>(options_.baselines.size())};
    std::vector<GridPoint> tuned;
    for (const Method& method : methods_) {
      size_t best = 0;
      Summary best_summary;
      for (size_t i = 0; i < method.grid.size(); ++i) {
        Summary summary = Summarize(Objectives(*jobs_[job++].result, options_.tuning_seeds));
        if (i == 0 || Quality(summary) < Quality(best_summary)) {
          best = i;
          best_summary = summary;
        }
      }
      const GridPoint& point = method.grid[best];
      result.methods.push_back({method.name,
                                point.setting,
                                point.on_edge,
                                static_cast<int>(method.grid.size()),
                                best_summary,
                                point.program,
                                point.base_lr.value_or(0),
                                {},
                                {},
                                {},
                                {}});
      tuned.push_back(point);
    }
    report_.arenas.push_back(std::move(result));
    tuned_.push_back(std::move(tuned));
  }
}

void Study::PlanComparison() {
  for (size_t arena = 0; arena < tuned_.size(); ++arena) {
    for (const GridPoint& point : tuned_[arena]) {
      AddJob(point, static_cast<int>(arena), kFinalSeedBase, options_.seeds, true);
    }
  }
}

void Study::FinishComparison() {
  size_t job = 0;
  for (ArenaResult& arena : report_.arenas) {
    std::vector<Score> found_loss, found_error;
    for (MethodResult& method : arena.methods) {
      const EvaluationResult& result = *jobs_[job++].result;
      std::vector<Score> loss =
          Measured(result, options_.seeds, [](const SeedScore& s) { return s.test_loss; });
      std::vector<Score> error =
          Measured(result, options_.seeds, [](const SeedScore& s) { return s.test_error; });
      method.test_loss = Summarize(loss);
      method.test_error = Summarize(error);
      if (&method == &arena.methods.front()) {
        found_loss = std::move(loss);
        found_error = std::move(error);
        continue;
      }
      method.loss_difference = ComparePaired(found_loss, loss);
      method.error_difference = ComparePaired(found_error, error);
    }
  }
}

}  // namespace lathe
