#include "server/verification.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "dsl/random.h"
#include "dsl/text.h"
#include "evaluators/task/task.h"
#include "rpc/status.h"
#include "server/evaluation_records.h"
#include "server/resource_names.h"
#include "server/search_log.h"

namespace lathe {
namespace {

// How soon it is noticed that nobody wants to know any more.
constexpr absl::Duration kPatience = absl::Milliseconds(200);
constexpr size_t kStep = 1024;

struct Answer {
  uint64_t id;
  absl::StatusOr<EvaluationResult> result;
};

// What comes back of the requests.
class Answers : public EvaluationClient {
 public:
  void Deliver(uint64_t id, absl::StatusOr<EvaluationResult> result,
               const v1::EvaluationCounts&) override {
    const std::lock_guard lock(mutex_);
    answers_.push_back({id, std::move(result)});
    came_.notify_one();
  }
  void WorkersChanged() override {}
  void Warn(const std::string&) override {}

  // All that have come, none if none does within `most`.
  std::deque<Answer> Take(absl::Duration most) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, absl::ToChronoMilliseconds(most), [this] { return !answers_.empty(); });
    return std::exchange(answers_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Answer> answers_;
};

// Draws `sample` of the job's candidates that were evaluated, each as likely as any other.
absl::StatusOr<std::vector<v1::Candidate>> Draw(const Store& store, JobId id, size_t sample,
                                                uint64_t seed) {
  std::vector<v1::Candidate> drawn;
  RandomStream random(seed, {});
  uint64_t seen = 0;
  for (uint64_t first = 0;;) {
    auto candidates = ReadCandidates(store, id, first, kStep);
    if (!candidates.ok()) return candidates.status();
    for (v1::Candidate& candidate : *candidates) {
      first = candidate.index() + 1;
      const bool evaluated = candidate.has_slot() && candidate.outcome() != v1::Candidate::FAILED;
      if (!evaluated) continue;
      ++seen;
      if (drawn.size() < sample) {
        drawn.push_back(std::move(candidate));
      } else if (const uint64_t place = random.Below(seen); place < sample) {
        drawn[place] = std::move(candidate);
      }
    }
    if (candidates->size() < kStep) break;
  }
  std::sort(drawn.begin(), drawn.end(),
            [](const auto& a, const auto& b) { return a.index() < b.index(); });
  return drawn;
}

v1::SeedResult ToMessage(const SeedScore& score) {
  v1::SeedResult message;
  message.set_diverged(score.diverged);
  message.set_objective(score.objective);
  message.set_test_loss(score.test_loss);
  message.set_test_error(score.test_error);
  return message;
}

// The evaluation that decided about a candidate: of the hurdle where it ended, or of the search's
// own task.
const v1::Task& DecidedBy(const v1::JobSpec& spec, const v1::Candidate& candidate) {
  const bool stopped = candidate.outcome() == v1::Candidate::STOPPED;
  const int passed = candidate.hurdle_scores_size() - (stopped ? 1 : 0);
  return passed < spec.hurdles_size() ? spec.hurdles(passed).task() : spec.task();
}

// One job's evaluations, as they were asked for by its search.
class Verifier {
 public:
  Verifier(const v1::Job& job, EvaluationRecords records)
      : job_(job), records_(std::move(records)) {}

  DeskRequest RequestFor(const v1::Candidate& candidate) const {
    DeskRequest request;
    request.program = std::make_shared<const CanonicalForm>(
        MakeCanonical(Parse(candidate.raw_text()).program.value_or(Program())));
    request.task = DecidedBy(job_.spec(), candidate);
    for (uint32_t i = 0; i < request.task.seeds(); ++i)
      request.seeds.push_back(static_cast<int>(i));
    request.stop_at_divergence = true;
    request.numeric_class = job_.numeric_class();
    request.repeat = true;
    return request;
  }

  v1::VerifyJobResponse Compare(const DeskRequest& request, const v1::Candidate& candidate,
                                const absl::StatusOr<EvaluationResult>& result) const {
    v1::VerifyJobResponse response;
    response.set_candidate(absl::StrCat(job_.name(), "/candidates/", candidate.index()));
    response.set_program(candidate.program());
    if (!result.ok()) {
      response.set_problem(std::string(result.status().message()));
      return response;
    }
    EvaluationRecords::LookUp look_up = records_.For(*request.program, request.task);
    bool equal = true;
    for (size_t i = 0; i < result->size(); ++i) {
      const v1::SeedResult repeated = ToMessage((*result)[i]);
      *response.add_repeated() = repeated;
      const EvaluationKey key = {request.program->hash, TaskHash(request.task),
                                 kLanguageVersion,      request.measure_test,
                                 request.seeds[i],      request.numeric_class};
      const auto recorded = look_up.Find(key);
      if (!recorded.ok() || !*recorded) {
        response.set_problem(recorded.ok()
                                 ? absl::StrCat("seed ", request.seeds[i], " is not recorded")
                                 : std::string(recorded.status().message()));
        return response;
      }
      *response.add_recorded() = **recorded;
      equal = equal && (*recorded)->SerializeAsString() == repeated.SerializeAsString();
    }
    response.set_equal(equal);
    return response;
  }

 private:
  const v1::Job job_;
  const EvaluationRecords records_;
};

absl::Status GivenUp() {
  return absl::CancelledError("the verification was given up");
}

absl::Status WrongSample(int sample) {
  return WithReason(
      WithField(absl::InvalidArgumentError(absl::StrCat(
                    "sample: ", sample, " is not allowed; allowed: 1 to ", kMostSample)),
                "sample"),
      "SAMPLE_INVALID");
}

}  // namespace

absl::Status VerifyJob(Store& store, const JobBoard& board, EvaluationDesk& desk, Metrics& metrics,
                       const v1::VerifyJobRequest& request,
                       const std::function<bool(const v1::VerifyJobResponse&)>& tell,
                       const std::function<bool()>& is_over) {
  const auto id = ParseJobName(request.name(), "name");
  if (!id.ok()) return id.status();
  const auto job = board.Get(*id);
  if (!job.ok()) return job.status();
  const int sample = request.sample() == 0 ? kDefaultSample : request.sample();
  if (sample < 1 || sample > kMostSample) return WrongSample(sample);
  const auto drawn = Draw(store, *id, static_cast<size_t>(sample), request.seed());
  if (!drawn.ok()) return drawn.status();
  if (drawn->empty()) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat(request.name(), " has no candidate that was evaluated")),
                      "NOTHING_TO_VERIFY", {{"job", request.name()}});
  }
  const Verifier verifier(*job, EvaluationRecords(store, metrics));
  const auto answers = std::make_shared<Answers>();
  std::vector<DeskRequest> requests;
  for (size_t i = 0; i < drawn->size(); ++i) {
    requests.push_back(verifier.RequestFor((*drawn)[i]));
    requests.back().client = answers;
    requests.back().id = i;
    desk.Submit(requests.back());
  }
  absl::Status status;
  for (size_t told = 0; told < drawn->size() && status.ok();) {
    if (is_over()) status = GivenUp();
    for (const Answer& answer : answers->Take(kPatience)) {
      v1::VerifyJobResponse response =
          verifier.Compare(requests[answer.id], (*drawn)[answer.id], answer.result);
      response.set_sample(static_cast<int>(drawn->size()));
      ++told;
      if (!tell(response)) status = GivenUp();
      if (!status.ok()) break;
    }
  }
  desk.Forget(answers.get(), Leased::kDrop);
  return status;
}

}  // namespace lathe
