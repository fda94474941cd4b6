// Runs a state machine that hands out evaluation requests (a Trajectory, a Study) on a pool.
//
// A Pool has
//   void Submit(uint64_t id, EvaluationRequest request);
//   Finished Take();  // waits; Finished has `id` and `absl::StatusOr<EvaluationResult> result`
#ifndef LATHE_SEARCH_DRIVE_H_
#define LATHE_SEARCH_DRIVE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

struct DriveResult {
  std::string reason;  // why the source was done
  uint64_t completions = 0;
  // Completions that came back after one that was submitted later.
  uint64_t out_of_order = 0;
  uint64_t training_runs = 0;  // of all completions
};

inline uint64_t IdOf(const Trajectory::Evaluate& evaluate) {
  return evaluate.slot;
}
inline uint64_t IdOf(const Study::Evaluate& evaluate) {
  return evaluate.id;
}

// Until the source is done. An evaluation that machines could not run, however often they tried, is
// `aborted`: the source is told that it failed. Any other error ends the source with it, e.g.
// `cancelled`. `on_progress` is called on this thread after every completion.
template <typename Source, typename Pool>
absl::StatusOr<DriveResult> Drive(Source& source, Pool& pool,
                                  const std::function<void()>& on_progress) {
  DriveResult result;
  uint64_t submitted = 0, latest = 0;
  std::unordered_map<uint64_t, uint64_t> order;  // of what runs
  while (true) {
    auto action = source.Next();
    if (auto* evaluate = std::get_if<typename Source::Evaluate>(&action)) {
      order[IdOf(*evaluate)] = ++submitted;
      pool.Submit(IdOf(*evaluate), std::move(evaluate->request));
      continue;
    }
    if (Done* done = std::get_if<Done>(&action)) {
      result.reason = std::move(done->reason);
      return result;
    }
    auto finished = pool.Take();
    const auto running = order.extract(finished.id);
    if (absl::IsAborted(finished.result.status())) {
      source.Fail(finished.id);
      on_progress();
      continue;
    }
    if (!finished.result.ok()) return finished.result.status();
    ++result.completions;
    result.training_runs += finished.result->size();
    const uint64_t place = running.mapped();
    result.out_of_order += place < latest;
    latest = std::max(latest, place);
    source.Complete(finished.id, *finished.result);
    on_progress();
  }
}

}  // namespace lathe

#endif  // LATHE_SEARCH_DRIVE_H_
