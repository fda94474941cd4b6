// What is done with the winners of a search, as ordinary evaluations: controls are searched at the
// same budget; the best candidates of each search are re-scored on fresh seeds; the best of those
// and every baseline are tuned with the same number of points on the validation split; the tuned
// methods are compared once on the test split, paired by seed. All of it again for each further
// task ("arena"), with its own tuning.
//
// A pure state machine like Trajectory: Next() until Done, Complete() in any order. Not
// thread-safe.
#ifndef LATHE_SEARCH_STUDY_H_
#define LATHE_SEARCH_STUDY_H_

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "search/study_report.h"
#include "search/trajectory.h"

namespace lathe {

struct Baseline {
  std::string name;
  Program program;
  std::vector<double> base_lr;       // not empty
  std::vector<double> weight_decay;  // values of its hyper of that name; empty: its own value
};

struct StudyOptions {
  std::string search_name = "found";
  std::vector<std::string> arenas;  // names; the job's own task first
  int seeds = 20, winners = 20, winner_seeds = 8, tuning_seeds = 3;
  std::vector<Baseline> baselines;
  std::vector<double> scale = {1};  // grid of found programs, see ScaleAndDecay
  std::vector<double> decay = {0};
};

// Seed indices from which each part of a study draws, so that no part sees the luck of another.
// A search has the indices below.
inline constexpr int kWinnerSeedBase = 10000;
inline constexpr int kTuningSeedBase = 20000;
inline constexpr int kFinalSeedBase = 30000;

struct ControlSearch {
  std::string name;
  std::unique_ptr<Trajectory> trajectory;
};

class Study {
 public:
  struct Evaluate {
    uint64_t id;
    EvaluationRequest request;
  };
  using Action = std::variant<Evaluate, Wait, Done>;

  struct Progress {
    std::string phase;  // "control random", "re-scoring", "tuning", "comparing"
    uint64_t done = 0, total = 0;
  };

  // `main` has ended; it is read here and not kept.
  Study(StudyOptions options, const Trajectory& main, std::vector<ControlSearch> controls);

  Action Next();
  void Complete(uint64_t id, const EvaluationResult& result);
  // The machines could not evaluate it: its runs count as failures of the program.
  void Fail(uint64_t id);
  // How many evaluations have failed so, those of controls included.
  uint64_t Failed() const;
  Progress CurrentProgress() const;
  // Once Next has returned Done. Without a found program (nothing ran through) it has no arenas.
  const StudyReport& Report() const { return report_; }
  // The winner as it came out of re-scoring, before tuning; null if the search found nothing.
  std::shared_ptr<const CanonicalForm> Found() const;

 private:
  enum class Phase { kControls, kRescore, kTune, kCompare, kDone };

  struct GridPoint {
    std::shared_ptr<const CanonicalForm> program;
    std::optional<double> base_lr;
    std::string setting;
    bool on_edge;
  };
  struct Method {
    std::string name;
    std::vector<GridPoint> grid;
  };
  struct Job {
    EvaluationRequest request;
    std::optional<EvaluationResult> result;
  };

  void AddSearch(const std::string& name, const Trajectory& trajectory);
  Action NextOfControl();
  void StartPhase(Phase phase);
  void PlanRescore();
  void PlanTuning();
  void PlanComparison();
  void FinishRescore();
  void FinishTuning();
  void FinishComparison();
  void AddFoundMethod(const std::string& name, const CanonicalForm& program);
  void AddBaselineMethod(const Baseline& baseline);
  void AddJob(const GridPoint& point, int arena, int seed_base, int seeds, bool measure_test);

  StudyOptions options_;
  std::vector<ControlSearch> controls_;
  size_t control_ = 0;  // the one that runs
  Phase phase_ = Phase::kControls;
  std::vector<std::vector<Trajectory::Winner>> winners_;  // by search
  std::vector<Method> methods_;                           // found, baselines, controls
  std::vector<std::vector<GridPoint>> tuned_;             // by arena, method
  std::vector<Job> jobs_;                                 // of the current phase
  size_t next_job_ = 0, finished_jobs_ = 0;
  uint64_t failed_ = 0;
  uint64_t first_id_ = 0;  // of the current phase's jobs
  StudyReport report_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_STUDY_H_
