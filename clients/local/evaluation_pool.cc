#include "clients/local/evaluation_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lathe {

namespace {

bool DifferInProgramsAlone(const EvaluationRequest& a, const EvaluationRequest& b) {
  return a.arena == b.arena && a.base_lr == b.base_lr && a.seeds == b.seeds &&
         a.stop_at_divergence == b.stop_at_divergence && a.measure_test == b.measure_test;
}

absl::StatusOr<EvaluationResult> ResultOf(
    const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
  if (!evaluations.ok()) return evaluations.status();
  EvaluationResult result;
  for (const Evaluation& e : *evaluations) {
    result.push_back({e.diverged, e.objective, e.test.loss, e.test.error});
  }
  return result;
}

}  // namespace

std::vector<absl::StatusOr<EvaluationResult>> RunRequests(
    Evaluator& evaluator, const std::vector<v1::Task>& arenas,
    const std::vector<EvaluationRequest>& requests) {
  const EvaluationRequest& first = requests.front();
  v1::Task task = arenas[first.arena];
  if (first.base_lr) task.set_base_lr(*first.base_lr);
  std::vector<const Program*> programs;
  programs.reserve(requests.size());
  for (const EvaluationRequest& request : requests) programs.push_back(&request.program->program);
  std::vector<absl::StatusOr<EvaluationResult>> results(requests.size());
  evaluator.EvaluatePopulation(
      {.programs = programs,
       .task = task,
       .seeds = first.seeds,
       .measure = first.measure_test ? Measure::kValidationAndTest : Measure::kValidation,
       .stop_at_divergence = first.stop_at_divergence},
      [&](size_t i, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
        results[i] = ResultOf(evaluations);
      });
  return results;
}

EvaluationPool::EvaluationPool(Evaluator& evaluator, std::vector<v1::Task> arenas, int threads)
    : evaluator_(evaluator), arenas_(std::move(arenas)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

EvaluationPool::~EvaluationPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void EvaluationPool::Submit(uint64_t id, EvaluationRequest request) {
  {
    std::lock_guard lock(mutex_);
    requests_.emplace_back(id, std::move(request));
  }
  work_ready_.notify_one();
}

EvaluationPool::Finished EvaluationPool::Take() {
  std::unique_lock lock(mutex_);
  result_ready_.wait(lock, [this] { return !finished_.empty(); });
  Finished finished = std::move(finished_.front());
  finished_.pop_front();
  return finished;
}

double EvaluationPool::DeviceSeconds() {
  const std::lock_guard lock(mutex_);
  return device_seconds_;
}

std::vector<EvaluationPool::Submitted> EvaluationPool::TakeAlike() {
  // The others leave some for threads that have nothing to do.
  const size_t share = (requests_.size() + threads_.size() - 1) / threads_.size();
  const size_t most = std::min(share, static_cast<size_t>(evaluator_.PopulationSize()));
  std::vector<Submitted> taken = {std::move(requests_.front())};
  requests_.pop_front();
  while (taken.size() < most &&
         DifferInProgramsAlone(taken.front().second, requests_.front().second)) {
    taken.push_back(std::move(requests_.front()));
    requests_.pop_front();
  }
  return taken;
}

void EvaluationPool::Work() {
  while (true) {
    std::unique_lock lock(mutex_);
    work_ready_.wait(lock, [this] { return stopping_ || !requests_.empty(); });
    if (stopping_) return;
    std::vector<uint64_t> ids;
    std::vector<EvaluationRequest> requests;
    for (auto& [id, request] : TakeAlike()) {
      ids.push_back(id);
      requests.push_back(std::move(request));
    }
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    auto results = RunRequests(evaluator_, arenas_, requests);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    lock.lock();
    device_seconds_ += took.count();
    for (size_t i = 0; i < ids.size(); ++i) finished_.push_back({ids[i], std::move(results[i])});
    lock.unlock();
    result_ready_.notify_one();
  }
}

}  // namespace lathe
