#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/text.h"
#include "evaluators/task/task.h"
#include "search/spec/resolve_job.h"
#include "search/study_programs.h"

namespace lathe {
namespace {

// So many at most, of seeds and of most lists.
constexpr uint32_t kMaxSeeds = 1000;
constexpr int kMaxEntries = 100;

absl::Status CheckCount(std::string_view place, uint32_t count, uint32_t least, uint32_t most) {
  if (count >= least && count <= most) return absl::OkStatus();
  return FieldError(place,
                    absl::StrCat(count, " is not allowed; allowed is ", least, " to ", most));
}

template <typename Numbers>
absl::Status CheckNumbers(const std::string& place, const Numbers& numbers, bool above_zero) {
  if (numbers.size() > kMaxEntries) {
    return FieldError(place, absl::StrCat("at most ", kMaxEntries, " values are allowed"));
  }
  for (double number : numbers) {
    if (std::isfinite(number) && (number > 0 || (!above_zero && number == 0))) continue;
    return FieldError(place, absl::StrCat(number, " is not allowed; allowed are finite numbers ",
                                          above_zero ? "above 0" : "from 0 on"));
  }
  return absl::OkStatus();
}

absl::Status ResolveBaseline(v1::Baseline& baseline, const Signature& signature,
                             const std::string& place) {
  auto program = ProgramOf(baseline.program(), signature, place + ".program");
  if (!program.ok()) return program.status();
  if (baseline.base_lr().empty()) {
    return FieldError(place + ".base_lr", "at least one value is needed");
  }
  absl::Status status = CheckNumbers(place + ".base_lr", baseline.base_lr(), true);
  if (status.ok()) status = CheckNumbers(place + ".weight_decay", baseline.weight_decay(), false);
  for (double decay : baseline.weight_decay()) {
    if (!status.ok()) break;
    auto changed = WithHyper(*program, "weight_decay", decay);
    if (!changed.ok()) {
      status = FieldError(place + ".weight_decay", std::string(changed.status().message()));
    }
  }
  baseline.set_program(Print(*program, Naming::kAuthored));
  return status;
}

absl::Status CheckDisplayName(const std::string& place, const std::string& name) {
  bool printable = !name.empty() && name.size() <= 63;
  for (unsigned char c : name) printable = printable && c >= 32 && c < 127;
  if (printable) return absl::OkStatus();
  return FieldError(place, "a name of 1 to 63 printable ASCII characters is needed");
}

absl::Status ResolveTransfer(v1::Transfer& transfer, const v1::Task& base,
                             const TaskCatalog& catalog, const std::string& place) {
  absl::Status status = CheckDisplayName(place + ".name", transfer.name());
  if (!status.ok()) return status;
  auto task = ResolveTask(OverrideTask(base, transfer.task()), catalog);
  if (!task.ok()) return FieldError(place, std::string(task.status().message()));
  *transfer.mutable_task() = *std::move(task);
  return absl::OkStatus();
}

void FillStudy(v1::Study& study) {
  if (study.seeds() == 0) study.set_seeds(20);
  if (study.winners() == 0) study.set_winners(20);
  if (study.winner_seeds() == 0) study.set_winner_seeds(8);
  if (study.tuning_seeds() == 0) study.set_tuning_seeds(3);
  if (study.grid().scale().empty()) study.mutable_grid()->add_scale(1);
  if (study.grid().decay().empty()) study.mutable_grid()->add_decay(0);
}

absl::Status CheckStudyNumbers(const v1::Study& study) {
  absl::Status status = CheckCount("study.seeds", study.seeds(), 2, kMaxSeeds);
  if (status.ok()) status = CheckCount("study.winners", study.winners(), 1, kMaxSeeds);
  if (status.ok()) status = CheckCount("study.winner_seeds", study.winner_seeds(), 1, kMaxSeeds);
  if (status.ok()) status = CheckCount("study.tuning_seeds", study.tuning_seeds(), 1, kMaxSeeds);
  if (status.ok()) status = CheckNumbers("study.grid.scale", study.grid().scale(), true);
  if (status.ok()) status = CheckNumbers("study.grid.decay", study.grid().decay(), false);
  if (status.ok()) status = CheckCount("study.baselines", study.baselines_size(), 0, kMaxEntries);
  if (status.ok()) status = CheckCount("study.controls", study.controls_size(), 0, kMaxEntries);
  if (status.ok()) status = CheckCount("study.transfers", study.transfers_size(), 0, kMaxEntries);
  return status;
}

}  // namespace

absl::StatusOr<v1::Study> ResolveStudy(const v1::Study& given, const v1::Task& task,
                                       const Signature& signature, const TaskCatalog& catalog) {
  v1::Study study = given;
  FillStudy(study);
  absl::Status status = CheckStudyNumbers(study);
  for (int i = 0; i < study.baselines_size() && status.ok(); ++i) {
    status = ResolveBaseline(*study.mutable_baselines(i), signature,
                             absl::StrCat("study.baselines[", i, "]"));
  }
  for (int i = 0; i < study.controls_size() && status.ok(); ++i) {
    std::string place = absl::StrCat("study.controls[", i, "]");
    v1::Control& control = *study.mutable_controls(i);
    status = CheckDisplayName(place + ".name", control.name());
    if (!status.ok()) break;
    auto strategy = ResolveStrategy(control.strategy(), signature, place + ".strategy");
    status = strategy.status();
    if (status.ok()) *control.mutable_strategy() = *std::move(strategy);
  }
  for (int i = 0; i < study.transfers_size() && status.ok(); ++i) {
    status = ResolveTransfer(*study.mutable_transfers(i), task, catalog,
                             absl::StrCat("study.transfers[", i, "]"));
  }
  if (!status.ok()) return status;
  return study;
}

}  // namespace lathe
