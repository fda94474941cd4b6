// A dataset in memory: examples of numbers with a class each, or a text. It is checked to the last
// value and then never changes, so it may be shared between threads.
#ifndef LATHE_EVALUATORS_DATASETS_DATASET_H_
#define LATHE_EVALUATORS_DATASETS_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

struct Dataset {
  v1::DatasetDescription data;   // what tasks say of it
  uint8_t max_value = 255;       // a feature is its byte over this
  std::vector<uint8_t> bytes;    // the features of all examples; of text: the text
  std::vector<float> reals;      // the features, where they are no bytes
  std::vector<uint8_t> classes;  // one for each example; none of text
  std::string vocabulary;  // of text: the bytes that it has, ascending; a token is a place here
};

// Fills in what follows from the values: examples, classes (`declared`, or the largest class and
// one more if that is 0), vocabulary, content hash. `data.shape` is set, or left empty for text.
// Data loss names the example at fault: a class that is not allowed, a feature that is not finite,
// values that do not fill the shape.
absl::Status CompleteDataset(Dataset& dataset, uint32_t declared = 0);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_DATASET_H_
