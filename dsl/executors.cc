#include "dsl/executors.h"

#include "dsl/vm/executor.h"

namespace lathe {
namespace {

struct Row {
  std::string_view name;
  const Executor& (*executor)();
};

constexpr Row kRows[] = {
    {"reference", ReferenceExecutor},
    {"rounding", RoundingReferenceExecutor},
    {"vm", VmExecutor},
};

}  // namespace

const Executor* ExecutorByName(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name || row.executor().Name() == name) return &row.executor();
  }
  return nullptr;
}

std::vector<std::string> ExecutorNames() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

}  // namespace lathe
