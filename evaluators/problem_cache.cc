#include "evaluators/problem_cache.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

bool IsThatOf(const v1::Task& task, const Dataset& dataset) {
  return google::protobuf::util::MessageDifferencer::Equals(task.data(), dataset.data);
}

}  // namespace

ProblemCache::ProblemCache(std::string data_directory, size_t max_bytes, SavedParameters saved)
    : data_directory_(std::move(data_directory)), max_bytes_(max_bytes), saved_(std::move(saved)) {}

absl::StatusOr<std::shared_ptr<const Dataset>> ProblemCache::GetDataset(const v1::Task& task) {
  const std::string& name = task.dataset();
  {
    const std::lock_guard lock(mutex_);
    const auto found = datasets_.find(name);
    if (found != datasets_.end() && IsThatOf(task, *found->second)) return found->second;
  }
  absl::StatusOr<Dataset> dataset = LoadDataset(data_directory_, name);
  if (!dataset.ok()) return dataset.status();
  if (!IsThatOf(task, *dataset)) {
    return absl::FailedPreconditionError(absl::StrCat(
        data_directory_, ": ", name, " is not what the task says: content ",
        dataset->data.content_hash(), " is there; required: ", task.data().content_hash()));
  }
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Dataset>& kept = datasets_[name];
  // Two threads may have read the same file; both get the one that came first.
  if (kept == nullptr || !IsThatOf(task, *kept)) {
    kept = std::make_shared<const Dataset>(*std::move(dataset));
  }
  return kept;
}

absl::StatusOr<std::shared_ptr<const Problem>> ProblemCache::Get(const v1::Task& task,
                                                                 int seed_index) {
  const Key key = {TaskHash(task), seed_index};
  if (std::shared_ptr<const Problem> problem = Find(key)) return problem;
  absl::StatusOr<Problem> problem = Draw(task, seed_index);
  if (!problem.ok()) return problem.status();
  return Insert(key, std::make_shared<const Problem>(*std::move(problem)));
}

absl::StatusOr<Problem> ProblemCache::Draw(const v1::Task& task, int seed_index) {
  absl::StatusOr<std::shared_ptr<const Dataset>> dataset = GetDataset(task);
  if (!dataset.ok()) return dataset.status();
  Problem problem = DrawProblem(**dataset, task, seed_index);
  if (!task.has_torchscript()) return problem;
  if (saved_ == nullptr) return absl::InternalError("no registered models are known here");
  const absl::StatusOr<std::vector<float>> saved = saved_(task);
  if (!saved.ok()) return saved.status();
  problem.initial_parameters = DrawRegisteredParameters(task, seed_index, *saved);
  return problem;
}

absl::Status ProblemCache::CheckData(const v1::Task& task) {
  absl::StatusOr<v1::Task> resolved = ResolveTask(task);
  if (!resolved.ok()) return resolved.status();
  return GetDataset(*resolved).status();
}

std::shared_ptr<const Problem> ProblemCache::Find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->problem;
}

std::shared_ptr<const Problem> ProblemCache::Insert(const Key& key,
                                                    std::shared_ptr<const Problem> problem) {
  const std::lock_guard lock(mutex_);
  // Two threads may have drawn the same problem; both get the one that came first.
  if (const auto found = index_.find(key); found != index_.end()) return found->second->problem;
  bytes_ += problem->Bytes();
  entries_.push_front({key, problem});
  index_[key] = entries_.begin();
  while (bytes_ > max_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().problem->Bytes();
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return problem;
}

size_t ProblemCache::Bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace lathe
