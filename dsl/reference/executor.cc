#include "dsl/executor.h"

#include "dsl/bindings.h"
#include "dsl/reference/execution.h"

namespace lathe {
namespace {

class Reference : public Executor {
 public:
  Reference(std::string_view name, reference::Rounding rounding, uint64_t seed = 0)
      : name_(name), rounding_(rounding), seed_(seed) {}

  std::string_view Name() const override { return name_; }

  absl::StatusOr<std::unique_ptr<Execution>> Prepare(const Program& program,
                                                     std::span<const Shape> shapes) const override {
    absl::Status status = CheckPreparation(program, shapes);
    if (!status.ok()) return status;
    return std::make_unique<reference::ReferenceExecution>(program, shapes, rounding_, seed_);
  }

 private:
  std::string_view name_;
  reference::Rounding rounding_;
  uint64_t seed_;
};

}  // namespace

const Executor& ReferenceExecutor() {
  static const Reference executor("reference-f64", reference::Rounding::kNone);
  return executor;
}

const Executor& RoundingReferenceExecutor() {
  static const Reference executor("reference-f32", reference::Rounding::kFloat);
  return executor;
}

std::unique_ptr<Executor> MakeMovingReferenceExecutor(uint64_t seed) {
  return std::make_unique<Reference>("reference-moved", reference::Rounding::kMoved, seed);
}

std::unique_ptr<Executor> MakeNudgingReferenceExecutor(uint64_t seed) {
  return std::make_unique<Reference>("reference-nudged", reference::Rounding::kNudged, seed);
}

}  // namespace lathe
