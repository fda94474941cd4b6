#include "clients/job/dataset_names.h"

namespace lathe {

void ForEachNamedDataset(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit) {
  const auto look_at = [&](v1::Task& task) {
    if (!task.dataset().empty()) visit(task);
  };
  if (job.has_task()) look_at(*job.mutable_task());
  for (v1::Hurdle& hurdle : *job.mutable_hurdles()) {
    if (hurdle.has_task()) look_at(*hurdle.mutable_task());
  }
  if (!job.has_study()) return;
  for (v1::Transfer& transfer : *job.mutable_study()->mutable_transfers()) {
    if (transfer.has_task()) look_at(*transfer.mutable_task());
  }
}

std::vector<std::string> DatasetNames(const v1::JobSpec& job) {
  std::vector<std::string> names;
  v1::JobSpec copy = job;
  ForEachNamedDataset(copy, [&](const v1::Task& task) { names.push_back(task.dataset()); });
  return names;
}

}  // namespace lathe
