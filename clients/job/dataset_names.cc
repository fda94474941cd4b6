#include "clients/job/dataset_names.h"

namespace lathe {
namespace {

void ForEachTask(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit) {
  if (job.has_task()) visit(*job.mutable_task());
  for (v1::Hurdle& hurdle : *job.mutable_hurdles()) {
    if (hurdle.has_task()) visit(*hurdle.mutable_task());
  }
  if (!job.has_study()) return;
  for (v1::Transfer& transfer : *job.mutable_study()->mutable_transfers()) {
    if (transfer.has_task()) visit(*transfer.mutable_task());
  }
}

}  // namespace

void ForEachNamedDataset(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit) {
  ForEachTask(job, [&](v1::Task& task) {
    if (!task.dataset().empty()) visit(task);
  });
}

void ForEachNamedModel(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit) {
  ForEachTask(job, [&](v1::Task& task) {
    if (task.has_torchscript()) visit(task);
  });
}

std::vector<std::string> DatasetNames(const v1::JobSpec& job) {
  std::vector<std::string> names;
  v1::JobSpec copy = job;
  ForEachNamedDataset(copy, [&](const v1::Task& task) { names.push_back(task.dataset()); });
  ForEachNamedModel(copy,
                    [&](const v1::Task& task) { names.push_back(task.torchscript().name()); });
  return names;
}

}  // namespace lathe
