#include "clients/local/evaluation_pool.h"

#include <chrono>

namespace lathe {

absl::StatusOr<EvaluationResult> RunRequest(Evaluator& evaluator,
                                            const std::vector<v1::Task>& arenas,
                                            const EvaluationRequest& request) {
  v1::Task task = arenas[request.arena];
  if (request.base_lr) task.set_base_lr(*request.base_lr);
  const Measure measure = request.measure_test ? Measure::kValidationAndTest : Measure::kValidation;
  const Program* const programs[] = {&request.program->program};
  absl::StatusOr<EvaluationResult> result;
  evaluator.EvaluatePopulation(
      {.programs = programs,
       .task = task,
       .seeds = request.seeds,
       .measure = measure,
       .stop_at_divergence = request.stop_at_divergence},
      [&](size_t, const absl::StatusOr<std::vector<Evaluation>>& evaluations) {
        if (!evaluations.ok()) {
          result = evaluations.status();
          return;
        }
        EvaluationResult scores;
        for (const Evaluation& e : *evaluations) {
          scores.push_back({e.diverged, e.objective, e.test.loss, e.test.error});
        }
        result = std::move(scores);
      });
  return result;
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

void EvaluationPool::Work() {
  while (true) {
    std::unique_lock lock(mutex_);
    work_ready_.wait(lock, [this] { return stopping_ || !requests_.empty(); });
    if (stopping_) return;
    auto [id, request] = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    Finished finished{id, RunRequest(evaluator_, arenas_, request)};
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    lock.lock();
    device_seconds_ += took.count();
    finished_.push_back(std::move(finished));
    lock.unlock();
    result_ready_.notify_one();
  }
}

}  // namespace lathe
