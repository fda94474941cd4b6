// Tasks, data and models for tests.
#ifndef LATHE_EVALUATORS_TASK_TESTING_TASKS_H_
#define LATHE_EVALUATORS_TASK_TESTING_TASKS_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "evaluators/task/task.h"

namespace lathe {

inline v1::Task FromText(const std::string& text) {
  v1::Task task;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &task)) << text;
  return task;
}

inline v1::Task Default() {
  return ResolveTask(v1::Task()).value();
}

inline constexpr const char* kMine =
    "content_hash: '0123456789abcdef0123456789abcdef' examples: 2000 shape: [3, 4, 5] classes: 7";

inline DatasetCatalog WithMine() {
  DatasetCatalog catalog = ShippedDatasets();
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kMine, &catalog["mine"]));
  return catalog;
}

// A model of 1x8x8 to 12 numbers.
inline v1::ModelDescription OwnModel() {
  v1::ModelDescription model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(content_hash: "0000000000000000000000000000000b" input: FLOATS shape: [ 1, 8, 8 ]
         outputs: 12 rows: [ 12, 12 ] columns: [ 64, 1 ] multiply_adds: 800 activations: 76)",
      &model));
  return model;
}

inline absl::StatusOr<v1::Task> OwnTask(const v1::ModelDescription& model,
                                        const std::string& more = "") {
  return ResolveTask(FromText("torchscript { name: \"own\" } " + more),
                     {ShippedDatasets(), {{"own", model}}});
}

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_TESTING_TASKS_H_
