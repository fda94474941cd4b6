// Problems that evaluations start from, kept so that a population pays for drawing one once.
//
// Thread-safe.
#ifndef LATHE_EVALUATORS_PROBLEM_CACHE_H_
#define LATHE_EVALUATORS_PROBLEM_CACHE_H_

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/hash.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/splits.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

class ProblemCache {
 public:
  // About a hundred problems of the size of the digits.
  static constexpr size_t kDefaultBytes = size_t{64} << 20;

  // What the file of a resolved task's registered model has for parameters.
  using SavedParameters = std::function<absl::StatusOr<std::vector<float>>(const v1::Task& task)>;

  // Keeps the most recently used problems up to `max_bytes`, and always the last one. Registered
  // models need `saved`.
  explicit ProblemCache(std::string data_directory, size_t max_bytes = kDefaultBytes,
                        SavedParameters saved = nullptr);

  // The problem of a resolved task and a seed index. A problem that is still in use outlives its
  // place in the cache.
  absl::StatusOr<std::shared_ptr<const Problem>> Get(const v1::Task& task, int seed_index);

  // The dataset of a resolved task: of its name in the directory, with its content. It is read
  // once; a failure is not remembered, so that a file may be put right while a process runs.
  absl::StatusOr<std::shared_ptr<const Dataset>> GetDataset(const v1::Task& task);

  // Whether a task is right and its data are there and undamaged.
  absl::Status CheckData(const v1::Task& task);

  // What the directory holds at present; keeps none of it.
  DatasetSurvey Survey() const { return SurveyDatasets(data_directory_); }

  size_t Bytes() const;

 private:
  using Key = std::pair<Hash128, int>;  // task, seed index
  struct Entry {
    Key key;
    std::shared_ptr<const Problem> problem;
  };

  absl::StatusOr<Problem> Draw(const v1::Task& task, int seed_index);
  std::shared_ptr<const Problem> Find(const Key& key);
  std::shared_ptr<const Problem> Insert(const Key& key, std::shared_ptr<const Problem> problem);

  const std::string data_directory_;
  const size_t max_bytes_;
  const SavedParameters saved_;
  mutable std::mutex mutex_;  // held for look-ups, never while reading or drawing
  std::map<std::string, std::shared_ptr<const Dataset>> datasets_;
  std::list<Entry> entries_;  // the most recently used one first
  std::map<Key, std::list<Entry>::iterator> index_;
  size_t bytes_ = 0;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_PROBLEM_CACHE_H_
