#include "evaluators/program_tile.h"

#include <memory>
#include <utility>

#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

class Tile {
 public:
  Tile(const TileMeans& means, const PopulationRequest& request, const v1::Task& task,
       std::span<const Program* const> programs)
      : means_(means),
        request_(request),
        task_(task),
        programs_(programs),
        statuses_(programs.size()),
        evaluations_(programs.size()) {}

  // An error that is none of a single program's.
  absl::Status Run() {
    const absl::Status status = WithoutExceptions([this] { return Train(); });
    for (absl::Status& own : statuses_) own.Update(status);
    return status;
  }

  absl::StatusOr<std::vector<Evaluation>> Take(size_t i) {
    if (!statuses_[i].ok()) return statuses_[i];
    return std::move(evaluations_[i]);
  }

 private:
  absl::Status Train() {
    const std::vector<Shape> shapes = ParameterShapes(task_);
    executions_.resize(programs_.size());
    for (size_t i = 0; i < programs_.size(); ++i) {
      auto execution = means_.executor.Prepare(*programs_[i], shapes);
      statuses_[i] = execution.status();
      if (execution.ok()) executions_[i] = *std::move(execution);
    }
    for (const int seed : request_.seeds) {
      if (absl::Status status = TrainWith(seed); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status TrainWith(int seed) {
    std::vector<size_t> running;
    std::vector<Execution*> executions;
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (!statuses_[i].ok() || HasStopped(i)) continue;
      running.push_back(i);
      executions_[i]->Reset();
      executions.push_back(executions_[i].get());
    }
    if (running.empty()) return absl::OkStatus();
    auto problem = means_.problems.Get(task_, seed);
    if (!problem.ok()) return problem.status();
    auto trained = means_.train(seed, **problem, executions);
    if (!trained.ok()) return trained.status();
    for (size_t k = 0; k < running.size(); ++k) {
      evaluations_[running[k]].push_back((*trained)[k]);
    }
    return absl::OkStatus();
  }

  bool HasStopped(size_t i) const {
    return request_.stop_at_divergence && !evaluations_[i].empty() &&
           evaluations_[i].back().diverged;
  }

  const TileMeans& means_;
  const PopulationRequest& request_;
  const v1::Task& task_;
  const std::span<const Program* const> programs_;
  std::vector<std::unique_ptr<Execution>> executions_;
  std::vector<absl::Status> statuses_;
  std::vector<std::vector<Evaluation>> evaluations_;
};

}  // namespace

void TrainTile(const TileMeans& means, const PopulationRequest& request, const v1::Task& task,
               size_t begin, size_t count, const OnEvaluations& tell) {
  Tile tile(means, request, task, request.programs.subspan(begin, count));
  const absl::Status status = tile.Run();
  if (!status.ok() && count > 1) {
    // It may be one of them that asks for too much: the others shall not suffer for it.
    for (size_t i = 0; i < count; ++i) TrainTile(means, request, task, begin + i, 1, tell);
    return;
  }
  for (size_t i = 0; i < count; ++i) tell(begin + i, tile.Take(i));
}

}  // namespace lathe
