#include <algorithm>

#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"
#include "search/spec/resolve_job.h"

namespace lathe {
namespace {

constexpr int kMaxHurdles = 8;
constexpr double kDefaultKeep = 0.5;
constexpr uint32_t kDefaultWindow = 256, kDefaultLeast = 32, kMaxWindow = 10000;

absl::Status CheckShare(const std::string& place, double share) {
  if (share > 0 && share < 1) return absl::OkStatus();
  return FieldError(place, absl::StrCat(share, " is not allowed; allowed: above 0 and below 1"));
}

absl::Status CheckCount(const std::string& place, uint32_t count, uint32_t most) {
  if (count >= 1 && count <= most) return absl::OkStatus();
  return FieldError(place, absl::StrCat(count, " is not allowed; allowed: 1 to ", most));
}

absl::Status ResolveNumbers(v1::Hurdle& hurdle, const std::string& place) {
  if (!hurdle.has_keep()) hurdle.set_keep(kDefaultKeep);
  if (hurdle.window() == 0) hurdle.set_window(kDefaultWindow);
  if (hurdle.least() == 0) hurdle.set_least(std::min(kDefaultLeast, hurdle.window()));
  absl::Status status = CheckShare(place + ".keep", hurdle.keep());
  if (status.ok()) status = CheckCount(place + ".window", hurdle.window(), kMaxWindow);
  if (status.ok()) status = CheckCount(place + ".least", hurdle.least(), hurdle.window());
  return status;
}

absl::Status ResolveHurdleTask(v1::Hurdle& hurdle, const v1::Task& base, const TaskCatalog& catalog,
                               const std::string& place) {
  v1::Task changes = hurdle.task();
  if (changes.seeds() == 0) changes.set_seeds(1);
  auto task = ResolveTask(OverrideTask(base, changes), catalog);
  if (!task.ok()) return FieldError(place, std::string(task.status().message()));
  *hurdle.mutable_task() = *std::move(task);
  return absl::OkStatus();
}

// Seeds of the task itself: `raced` of them have been looked at by a hurdle before.
absl::Status CheckRace(const v1::Task& race, const v1::Task& base, uint32_t raced,
                       const std::string& place) {
  if (race.seeds() > raced && race.seeds() < base.seeds()) return absl::OkStatus();
  std::string what =
      absl::StrCat("nothing but the number of seeds differs from the job's task, and ",
                   race.seeds(), " is not allowed; allowed: fewer than its ", base.seeds());
  if (raced > 0) absl::StrAppend(&what, " and more than the ", raced, " of a hurdle before");
  return FieldError(place + ".task.seeds", what);
}

}  // namespace

absl::Status ResolveHurdles(v1::JobSpec& job, const TaskCatalog& catalog) {
  if (job.hurdles_size() > kMaxHurdles) {
    return FieldError("hurdles", absl::StrCat(job.hurdles_size(), " are not allowed; allowed: at ",
                                              "most ", kMaxHurdles));
  }
  const Hash128 own = TaskHash(job.task());
  uint32_t raced = 0;
  for (int i = 0; i < job.hurdles_size(); ++i) {
    const std::string place = absl::StrCat("hurdles[", i, "]");
    v1::Hurdle& hurdle = *job.mutable_hurdles(i);
    absl::Status status = ResolveNumbers(hurdle, place);
    if (status.ok()) status = ResolveHurdleTask(hurdle, job.task(), catalog, place);
    if (!status.ok()) return status;
    if (TaskHash(hurdle.task()) != own) continue;
    if (status = CheckRace(hurdle.task(), job.task(), raced, place); !status.ok()) return status;
    raced = hurdle.task().seeds();
  }
  return absl::OkStatus();
}

}  // namespace lathe
