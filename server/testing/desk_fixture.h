// A desk on a store in memory with a clock that stands still, and what jobs and workers do to it.
#ifndef LATHE_SERVER_TESTING_DESK_FIXTURE_H_
#define LATHE_SERVER_TESTING_DESK_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsl/text.h"
#include "evaluators/task/task.h"
#include "server/evaluation_desk.h"
#include "server/store/faulty_store.h"
#include "server/store/memory_store.h"

namespace lathe {

// Codes of answers.
inline constexpr int kOk = 0;
inline constexpr int kInvalid = static_cast<int>(absl::StatusCode::kInvalidArgument);
inline constexpr int kPrecondition = static_cast<int>(absl::StatusCode::kFailedPrecondition);
inline constexpr int kNotFound = static_cast<int>(absl::StatusCode::kNotFound);
inline constexpr int kUnavailable = static_cast<int>(absl::StatusCode::kUnavailable);

// A program that differs from those of other numbers.
inline std::shared_ptr<const CanonicalForm> TestProgram(int number) {
  Program program;
  program.instructions = {{Op::mul, {}, {Operand::Input(1), Operand::Constant(number + 2)}}};
  program.outputs = {Operand::Instruction(0)};
  return std::make_shared<const CanonicalForm>(MakeCanonical(program));
}

class TestClient : public EvaluationClient {
 public:
  struct Delivered {
    absl::StatusOr<EvaluationResult> result;
    v1::EvaluationCounts sources;
  };
  void Deliver(uint64_t id, absl::StatusOr<EvaluationResult> result,
               const v1::EvaluationCounts& sources) override {
    EXPECT_EQ(delivered.count(id), 0u) << "delivered twice: " << id;
    delivered.insert({id, Delivered{std::move(result), sources}});
  }
  void WorkersChanged() override { ++workers_changed; }
  void Warn(const std::string& message) override { warnings.push_back(message); }

  std::map<uint64_t, Delivered> delivered;
  std::vector<std::string> warnings;
  int workers_changed = 0;
};

class DeskFixture : public testing::Test {
 protected:
  DeskFixture() : desk_(store_, metrics_, Options()) {}

  DeskOptions Options() {
    DeskOptions options;
    options.epoch = 7;
    options.now = [this] { return now_; };
    return options;
  }

  std::string AddWorker(const std::string& numeric_class = "class-a", bool has_data = true,
                        const std::vector<std::string>& models = {}) {
    v1::RegisterWorkerRequest request;
    request.mutable_worker()->set_display_name("test worker");
    request.mutable_worker()->set_numeric_class(numeric_class);
    request.mutable_worker()->set_batch(8);
    for (const std::string& model : models) request.mutable_worker()->add_models(model);
    if (has_data) {
      v1::WorkerDataset& dataset = *request.mutable_worker()->add_datasets();
      dataset.set_name("digits");
      dataset.set_content_hash(ShippedDatasets().at("digits").content_hash());
    }
    auto response = desk_.Register(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->worker().name();
  }

  DeskRequest Request(uint64_t id, int program, std::vector<int> seeds = {0, 1}) {
    DeskRequest request;
    request.client = client_;
    request.id = id;
    request.program = TestProgram(program);
    request.task = *ResolveTask({});
    request.seeds = std::move(seeds);
    request.numeric_class = "class-a";
    return request;
  }

  // What a worker gets at once.
  std::vector<v1::Lease> TakeLeases(const std::string& worker, int most = 100) {
    v1::LeaseEvaluationsRequest request;
    request.set_worker(worker);
    request.set_max_items(most);
    std::vector<v1::Lease> leases;
    desk_.Lease(
        request, [] { return true; },
        [&](absl::StatusOr<v1::LeaseEvaluationsResponse> response) {
          ASSERT_TRUE(response.ok()) << response.status();
          leases.assign(response->leases().begin(), response->leases().end());
        });
    return leases;
  }

  // The objective that a test worker finds.
  static double Score(int seed) { return 0.5 + seed; }

  static v1::ItemResult Result(const v1::Lease& lease) {
    v1::ItemResult result;
    *result.mutable_token() = lease.token();
    result.set_program_hash(lease.item().program_hash());
    for (int seed : lease.item().seed_indices()) {
      result.mutable_scores()->add_seeds()->set_objective(Score(seed));
    }
    return result;
  }

  static v1::ItemResult Fault(const v1::Lease& lease, v1::EvaluationFault::Kind kind) {
    v1::ItemResult result;
    *result.mutable_token() = lease.token();
    result.set_program_hash(lease.item().program_hash());
    result.mutable_fault()->set_kind(kind);
    result.mutable_fault()->set_message("was killed by signal 11");
    return result;
  }

  // The gRPC code of the answer.
  int Complete(const std::string& worker, const v1::ItemResult& result) {
    v1::CompleteEvaluationsRequest request;
    request.set_worker(worker);
    *request.add_results() = result;
    auto response = desk_.Complete(request);
    if (!response.ok()) return static_cast<int>(response.status().code());
    EXPECT_EQ(response->statuses_size(), 1);
    return response->statuses(0).code();
  }

  static std::vector<double> Objectives(const EvaluationResult& result) {
    std::vector<double> objectives;
    for (const SeedScore& score : result) objectives.push_back(score.objective);
    return objectives;
  }

  FaultyStore store_{std::make_shared<MemoryStore>()};
  Metrics metrics_;
  absl::Time now_ = absl::UnixEpoch() + absl::Hours(1);
  std::shared_ptr<TestClient> client_ = std::make_shared<TestClient>();
  EvaluationDesk desk_;
};

class DeskWithWorker : public DeskFixture {
 protected:
  const std::string worker_ = AddWorker();
};

}  // namespace lathe

#endif  // LATHE_SERVER_TESTING_DESK_FIXTURE_H_
