#include "tests/bench/evolved_stream.h"

#include <set>

#include "dsl/random_program.h"
#include "dsl/text.h"
#include "dsl/verify.h"
#include "search/drive.h"
#include "search/spec/build_search.h"
#include "search/spec/resolve_job.h"
#include "search/streams.h"

namespace lathe::bench {
namespace {

absl::StatusOr<v1::JobSpec> Job() {
  v1::JobSpec job;
  job.set_name("bench");
  job.set_seed(1);
  job.mutable_budget()->set_candidates(EvolvedStream::kCandidates);
  job.add_warm_start("adamw_warm_start");
  return ResolveJob(job);
}

// Evaluates at once; the score follows from the hash of the form, one form in eight diverges.
class HashPool {
 public:
  struct Finished {
    uint64_t id;
    absl::StatusOr<EvaluationResult> result;
  };
  void Submit(uint64_t id, EvaluationRequest request) {
    const Hash128& hash = request.program->hash;
    const bool diverged = hash.high % 8 == 0;
    const double objective = static_cast<double>(hash.low >> 11) * 0x1p-53;
    const size_t seeds = diverged ? 1 : request.seeds.size();
    finished_.push_back({id, EvaluationResult(seeds, SeedScore{diverged, objective, 0, 0})});
  }
  Finished Take() {
    Finished first = std::move(finished_.front());
    finished_.pop_front();
    return first;
  }

 private:
  std::deque<Finished> finished_;
};

class Collect : public LogWriter {
 public:
  explicit Collect(EvolvedStream& stream) : stream_(stream) {}
  void Proposed(const CandidateRecord& record, const CanonicalForm* form) override {
    stream_.records.push_back(record);
    stream_.forms.push_back(form == nullptr ? nullptr : std::make_shared<CanonicalForm>(*form));
  }
  void Told(uint64_t, const ToldSlot& told) override { stream_.slots.push_back(told); }

 private:
  EvolvedStream& stream_;
};

absl::Status Fill(EvolvedStream& stream) {
  std::set<Hash128> met;
  for (uint64_t i = 0; i < stream.records.size(); ++i) {
    const CandidateRecord& record = stream.records[i];
    if (record.parents.empty()) {
      const auto raw = record.Raw();
      if (!raw.ok()) return raw.status();
      stream.programs.push_back(*raw);
    } else {
      stream.programs.push_back(stream.MutateAgain(i).program);
    }
    if (Print(stream.programs[i]) != record.raw_text) {
      return absl::InternalError("this benchmark does not mutate as the evolution does");
    }
    if (!record.program) continue;
    stream.well_formed.push_back(i);
    if (met.insert(*record.program).second) stream.met_first.push_back(i);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EvolvedStream> EvolvedStream::Make() {
  const auto job = Job();
  if (!job.ok()) return job.status();
  EvolvedStream stream;
  stream.job = *job;
  stream.mutation.space = SearchSpace::Default(OptimizerSignature());
  const v1::Strategy& strategy = job->strategy();
  stream.mutation.insert_weight = strategy.insert_weight();
  stream.mutation.delete_weight = strategy.delete_weight();
  stream.mutation.modify_weight = strategy.modify_weight();
  stream.mutation.max_statements = static_cast<int>(strategy.max_statements());
  Collect collect(stream);
  stream.Run(collect);
  if (absl::Status status = Fill(stream); !status.ok()) return status;
  return stream;
}

void EvolvedStream::Run(LogWriter& log) const {
  HashPool pool;
  const auto trajectory = BuildTrajectory(job, &log);
  Drive(*trajectory, pool, [] {}).IgnoreError();
}

Mutation EvolvedStream::MutateAgain(uint64_t index) const {
  RandomStream random(job.seed(), {streams::kProposal, index});
  for (uint32_t i = 0; i < job.strategy().tournament(); ++i) {
    random.Below(job.strategy().population());
  }
  return Mutate(programs[records[index].parents[0]], mutation, random);
}

}  // namespace lathe::bench
