#include "evaluators/task/declared_data.h"

#include <algorithm>

namespace lathe {

bool WithdrawData(v1::Worker& worker, const v1::Task& task, const std::string& reason) {
  auto& datasets = *worker.mutable_datasets();
  const auto declared = std::find_if(datasets.begin(), datasets.end(), [&](const auto& dataset) {
    return dataset.name() == task.dataset() && dataset.content_hash() == task.data().content_hash();
  });
  if (declared == datasets.end()) return false;
  datasets.erase(declared);
  if (worker.missing_datasets_size() == kMaxDeclaredDatasets) {
    worker.mutable_missing_datasets()->RemoveLast();
  }
  v1::MissingDataset& missing = *worker.add_missing_datasets();
  missing.set_name(task.dataset());
  missing.set_reason(reason);
  return true;
}

}  // namespace lathe
