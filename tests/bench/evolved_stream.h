// The candidates of one evolution of the default search space on the default task, with everything
// that its stages take in and give out, so that each stage can be run alone.
#ifndef LATHE_TESTS_BENCH_EVOLVED_STREAM_H_
#define LATHE_TESTS_BENCH_EVOLVED_STREAM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/job_spec.pb.h"
#include "search/log.h"
#include "search/mutate.h"
#include "search/trajectory.h"

namespace lathe::bench {

struct EvolvedStream {
  static constexpr uint64_t kCandidates = 10000;

  v1::JobSpec job;  // resolved
  MutationOptions mutation;

  // By index; `forms` has nulls where a candidate is ill-formed.
  std::vector<CandidateRecord> records;
  std::vector<std::shared_ptr<const CanonicalForm>> forms;
  std::vector<Program> programs;  // raw

  std::vector<ToldSlot> slots;
  std::vector<uint64_t> well_formed;  // indices
  std::vector<uint64_t> met_first;    // of these, whose form was not met before
  Trajectory::Counts counts;

  // The job's evolution from its start to its end; evaluations take no time.
  static absl::StatusOr<EvolvedStream> Make();
  // Runs that once more, and writes to `log`.
  void Run(LogWriter& log) const;
  // The draws and the mutation of one candidate, as Evolution makes them. Not of the warm start.
  Mutation MutateAgain(uint64_t index) const;
};

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_EVOLVED_STREAM_H_
