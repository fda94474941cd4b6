// Datasets as files of a data directory. A dataset is read whole, checked to the last value and
// then never changes, so it may be shared between threads.
//
//   absl::StatusOr<Dataset> digits = LoadDataset("/usr/share/lathe/data", "digits");
#ifndef LATHE_EVALUATORS_DATASET_H_
#define LATHE_EVALUATORS_DATASET_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/hash.h"

namespace lathe {

// Examples of `features` small whole numbers and a class each.
struct Dataset {
  int features = 0;
  uint8_t max_value = 0;         // of a feature
  std::vector<uint8_t> content;  // an example is its features, then its class

  int Examples() const { return static_cast<int>(content.size()) / (features + 1); }
  std::span<const uint8_t> Features(int example) const {
    return std::span(content).subspan(Offset(example), static_cast<size_t>(features));
  }
  uint8_t Class(int example) const {
    return content[Offset(example) + static_cast<size_t>(features)];
  }
  Hash128 ContentHash() const;

 private:
  size_t Offset(int example) const {
    return static_cast<size_t>(example) * (static_cast<size_t>(features) + 1);
  }
};

// Reads DIRECTORY/NAME.csv.gz. Not found if there is no such file, invalid argument for a name that
// no row of KnownDatasets() has, data loss for a damaged file: the message names file, line and
// field and says what is allowed there.
absl::StatusOr<Dataset> LoadDataset(const std::string& directory, std::string_view name);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASET_H_
