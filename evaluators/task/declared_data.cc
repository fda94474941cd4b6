#include "evaluators/task/declared_data.h"

#include <algorithm>
#include <string_view>

namespace lathe {
namespace {

// Removes the first that `is_it` finds. Whether there is one.
template <typename Declared, typename IsIt>
bool Remove(Declared& declared, IsIt is_it) {
  const auto found = std::find_if(declared.begin(), declared.end(), is_it);
  if (found == declared.end()) return false;
  declared.erase(found);
  return true;
}

void AddMissing(v1::Worker& worker, std::string_view name, const std::string& reason) {
  if (worker.missing_datasets_size() == kMaxDeclaredDatasets) {
    worker.mutable_missing_datasets()->RemoveLast();
  }
  v1::MissingDataset& missing = *worker.add_missing_datasets();
  missing.set_name(std::string(name));
  missing.set_reason(reason);
}

}  // namespace

bool WithdrawData(v1::Worker& worker, const v1::Task& task, const std::string& reason) {
  const v1::TorchScript& model = task.torchscript();
  const bool withdrawn =
      task.has_torchscript()
          ? Remove(*worker.mutable_registered_models(),
                   [&](const v1::WorkerModel& declared) {
                     return declared.name() == model.name() &&
                            declared.description().content_hash() ==
                                model.description().content_hash();
                   })
          : Remove(*worker.mutable_datasets(), [&](const v1::WorkerDataset& declared) {
              return declared.name() == task.dataset() &&
                     declared.content_hash() == task.data().content_hash();
            });
  if (withdrawn) AddMissing(worker, task.has_torchscript() ? model.name() : task.dataset(), reason);
  return withdrawn;
}

}  // namespace lathe
