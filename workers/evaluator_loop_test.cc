#include "workers/evaluator_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cmath>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <thread>

#include "evaluators/testing/synthetic_evaluator.h"
#include "workers/evaluate_item.h"
#include "workers/file_descriptor.h"
#include "workers/frame.h"
#include "workers/testing/items.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::EvaluatorResult Evaluated(Evaluator& evaluator, const v1::EvaluationItem& item) {
  const v1::EvaluatorItem items[] = {NumberedItem(5, item)};
  return EvaluateItems(evaluator, items).at(0);
}

TEST(EvaluateItem, ScoresTheSeedsInTheirOrder) {
  SyntheticEvaluator evaluator;
  v1::EvaluationItem item = ItemFor(ScaledGradient(0.5));
  item.clear_seed_indices();
  for (int seed : {7, 3, 11}) item.add_seed_indices(seed);
  item.set_measure_test(true);
  const v1::EvaluatorResult result = Evaluated(evaluator, item);
  EXPECT_EQ(result.id(), 5u);
  ASSERT_EQ(result.scores().seeds_size(), 3) << result.error();
  for (int i = 0; i < 3; ++i) {
    const Evaluation expected = evaluator
                                    .Evaluate(ScaledGradient(0.5).program, item.task(),
                                              item.seed_indices(i), Measure::kValidationAndTest)
                                    .value();
    EXPECT_EQ(result.scores().seeds(i).objective(), expected.objective);
    EXPECT_EQ(result.scores().seeds(i).diverged(), expected.diverged);
    EXPECT_EQ(result.scores().seeds(i).test_loss(), expected.test.loss);
    EXPECT_EQ(result.scores().seeds(i).test_error(), expected.test.error);
  }
}

TEST(EvaluateItem, MeasuresTheTestSplitOnlyWhereAsked) {
  SyntheticEvaluator evaluator;
  v1::EvaluationItem item = ItemFor(ScaledGradient(0.5));
  EXPECT_EQ(Evaluated(evaluator, item).scores().seeds(0).test_loss(), 0);
  item.set_measure_test(true);
  EXPECT_GT(Evaluated(evaluator, item).scores().seeds(0).test_loss(), 0);
}

TEST(EvaluateItem, StopsAtDivergenceOnlyWhereAsked) {
  SyntheticEvaluator evaluator;
  int diverged = 0;
  for (int i = 2; i < 60; ++i) {
    v1::EvaluationItem item = ItemFor(ScaledGradient(i));
    item.add_seed_indices(1);
    const bool diverges = Evaluated(evaluator, item).scores().seeds(0).diverged();
    diverged += diverges;
    EXPECT_EQ(Evaluated(evaluator, item).scores().seeds_size(), 2);
    item.set_stop_at_divergence(true);
    EXPECT_EQ(Evaluated(evaluator, item).scores().seeds_size(), diverges ? 1 : 2);
  }
  EXPECT_GT(diverged, 0);
}

TEST(EvaluateItem, RefusesWhatIsNotWhatItSaysItIs) {
  SyntheticEvaluator evaluator;
  const v1::EvaluationItem good = ItemFor(ScaledGradient(0.5));
  const auto error_after = [&](auto change) {
    v1::EvaluationItem item = good;
    change(item);
    return Evaluated(evaluator, item).error();
  };
  EXPECT_EQ(error_after([](auto&) {}), "");
  EXPECT_THAT(error_after([](auto& item) { item.set_language_version(2); }),
              HasSubstr("language version 2 is not known; known: 1"));
  EXPECT_THAT(error_after([](auto& item) { item.set_program_text("lathe 1 optimizer\n"); }),
              HasSubstr("program:"));
  EXPECT_THAT(error_after([](auto& item) { item.set_program_text("# x\n" + item.program_text()); }),
              HasSubstr("not canonical"));
  EXPECT_THAT(error_after([](auto& item) { item.set_program_hash(std::string(32, '0')); }),
              HasSubstr("hash"));
  EXPECT_THAT(error_after([](auto& item) {
                item.mutable_task()->clear_data();
                item.mutable_task()->set_dataset("mnist");
              }),
              HasSubstr("mnist"));
  EXPECT_THAT(error_after([](auto& item) { item.clear_seed_indices(); }), HasSubstr("no seed"));
  EXPECT_THAT(error_after([](auto& item) { item.set_seed_indices(0, -1); }),
              HasSubstr("seed index -1"));
  EXPECT_EQ(evaluator.Calls(), 1u);
}

// Does what a test says.
class ScriptedEvaluator : public Evaluator {
 public:
  using Script = std::function<absl::StatusOr<Evaluation>(int seed_index)>;
  explicit ScriptedEvaluator(Script script, absl::Status data = absl::OkStatus())
      : script_(std::move(script)), data_(std::move(data)) {}
  std::string NumericClass() const override { return "scripted"; }
  absl::Status Check(const v1::Task&) override { return data_; }
  absl::StatusOr<Evaluation> Evaluate(const Program&, const v1::Task&, int seed_index,
                                      Measure) override {
    return script_(seed_index);
  }

 private:
  Script script_;
  absl::Status data_;
};

TEST(EvaluateItem, TurnsErrorsAndExceptionsIntoOneError) {
  v1::EvaluationItem item = ItemFor(ScaledGradient(0.5));
  item.add_seed_indices(1);
  ScriptedEvaluator failing([](int seed) -> absl::StatusOr<Evaluation> {
    if (seed == 1) return absl::InternalError("on fire");
    return Evaluation();
  });
  EXPECT_EQ(Evaluated(failing, item).error(), "on fire");
  ScriptedEvaluator throwing(
      [](int) -> absl::StatusOr<Evaluation> { throw std::runtime_error("thrown"); });
  EXPECT_EQ(Evaluated(throwing, item).error(), "thrown");
}

TEST(EvaluateItem, DataThatCannotBeUsedAreNoErrorOfTheItem) {
  int calls = 0;
  const auto count = [&](int) {
    ++calls;
    return Evaluation();
  };
  const v1::EvaluationItem item = ItemFor(ScaledGradient(0.5));
  for (const absl::Status& status :
       {absl::NotFoundError("gone"), absl::DataLossError("cut off"),
        absl::FailedPreconditionError("replaced"), absl::ResourceExhaustedError("too large")}) {
    ScriptedEvaluator evaluator(count, status);
    const v1::EvaluatorResult result = Evaluated(evaluator, item);
    EXPECT_EQ(result.id(), 5u);
    EXPECT_EQ(result.missing_data(), std::string(status.message()));
  }
  EXPECT_EQ(calls, 0);
  ScriptedEvaluator wrong(count, absl::InvalidArgumentError("not a model of this evaluator"));
  EXPECT_EQ(Evaluated(wrong, item).missing_data(), "") << "it is for the evaluation to say";
  EXPECT_EQ(calls, 1);
}

TEST(EvaluateItem, AScoreThatIsNoNumberTravels) {
  ScriptedEvaluator evaluator([](int) -> absl::StatusOr<Evaluation> {
    Evaluation evaluation;
    evaluation.objective = NAN;
    return evaluation;
  });
  const v1::EvaluatorResult result = Evaluated(evaluator, ItemFor(ScaledGradient(0.5)));
  v1::EvaluatorResult read;
  ASSERT_TRUE(read.ParseFromString(result.SerializeAsString()));
  EXPECT_TRUE(std::isnan(read.scores().seeds(0).objective()));
}

// Items that ask for different things, and one that is not what it says it is.
TEST(EvaluateItems, EachScoresAsItWouldAlone) {
  std::vector<v1::EvaluatorItem> items;
  const auto add = [&](double factor, const std::function<void(v1::EvaluationItem&)>& change) {
    v1::EvaluationItem item = ItemFor(ScaledGradient(factor));
    change(item);
    items.push_back(NumberedItem(items.size() + 1, item));
  };
  for (const double factor : {2, 3, 4, 5}) {
    add(factor, [](auto&) {});
    add(factor, [](auto& item) { item.set_seed_indices(0, 7); });
    add(factor, [](auto& item) { item.add_seed_indices(9); });
    add(factor, [](auto& item) { item.set_measure_test(true); });
    add(factor, [](auto& item) { item.mutable_task()->set_steps(33); });
    add(factor, [](auto& item) {
      for (int seed = 1; seed < 9; ++seed) item.add_seed_indices(seed);
      item.set_stop_at_divergence(true);
    });
    add(factor, [](auto& item) { item.set_program_hash(std::string(32, '0')); });
  }
  SyntheticEvaluator evaluator;
  const std::vector<v1::EvaluatorResult> together = EvaluateItems(evaluator, items);
  ASSERT_EQ(together.size(), items.size());
  std::set<std::string> different;
  for (size_t i = 0; i < items.size(); ++i) {
    v1::EvaluatorResult alone = EvaluateItems(evaluator, std::span(&items[i], 1)).front();
    v1::EvaluatorResult result = together[i];
    EXPECT_EQ(result.id(), items[i].id());
    alone.clear_duration();
    result.clear_duration();
    EXPECT_EQ(result.SerializeAsString(), alone.SerializeAsString()) << i;
    result.clear_id();
    different.insert(result.SerializeAsString());
  }
  EXPECT_GT(different.size(), 20u);
}

TEST(WireMessage, IsShortAndPlain) {
  EXPECT_EQ(WireMessage("plain\ntext"), "plain\ntext");
  EXPECT_EQ(WireMessage("no \xff utf-8"), "no \\xff utf-8");
  EXPECT_EQ(WireMessage(std::string(5000, 'x')), std::string(4096, 'x'));
  EXPECT_EQ(WireMessage(std::string(5000, '\xff')).size(), 4096u);
}

TEST(DescribeEvaluator, NamesTheDataThatAreThereAndSaysWhyOthersAreNot) {
  SyntheticEvaluator synthetic;
  const v1::EvaluatorHello hello = DescribeEvaluator(synthetic);
  EXPECT_EQ(hello.numeric_class(), "synthetic");
  EXPECT_EQ(hello.device(), "cpu");
  EXPECT_THAT(hello.models(), ElementsAre("mlp"));
  ASSERT_EQ(hello.datasets_size(), static_cast<int>(ShippedDatasets().size()));
  EXPECT_EQ(hello.datasets(0).name(), "digits");
  EXPECT_EQ(hello.datasets(0).content_hash(), hello.datasets(0).data().content_hash());
  EXPECT_EQ(hello.datasets(0).data().DebugString(), ShippedDatasets().at("digits").DebugString());
  EXPECT_TRUE(hello.missing_datasets().empty());
  ScriptedEvaluator without([](int) { return Evaluation(); },
                            absl::NotFoundError("no data \xff here"));
  EXPECT_TRUE(DescribeEvaluator(without).datasets().empty());
  ASSERT_EQ(DescribeEvaluator(without).missing_datasets_size(), 1);
  EXPECT_EQ(DescribeEvaluator(without).missing_datasets(0).name(), "digits");
  EXPECT_EQ(DescribeEvaluator(without).missing_datasets(0).reason(), "no data \\xff here");
}

// The loop on a thread, the test as the worker.
class EvaluatorLoop : public testing::Test {
 protected:
  EvaluatorLoop() {
    std::array<int, 2> pair;
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    worker_ = FileDescriptor(pair[0]);
    evaluator_ = FileDescriptor(pair[1]);
  }

  void Start(Evaluator& evaluator) {
    status_ = std::async(std::launch::async, [this, &evaluator] {
      return ServeEvaluations(evaluator_.Number(), evaluator,
                              [this](int status) { gone_.set_value(status); });
    });
  }

  v1::FromEvaluator Read() {
    v1::FromEvaluator message;
    const absl::Status status = ReadFrame(worker_.Number(), message);
    EXPECT_TRUE(status.ok()) << status;
    return message;
  }

  FileDescriptor worker_, evaluator_;
  std::promise<int> gone_;
  std::future<int> status_;
};

TEST_F(EvaluatorLoop, SaysHelloAndAnswersBatchesItemByItem) {
  SyntheticEvaluator evaluator;
  Start(evaluator);
  EXPECT_EQ(Read().hello().numeric_class(), "synthetic");
  uint64_t id = 1;
  for (int size : {3, 1, 4}) {
    v1::EvaluatorBatch batch;
    for (int i = 0; i < size; ++i, ++id) {
      *batch.add_items() = NumberedItem(id, ItemFor(ScaledGradient(static_cast<double>(id))));
    }
    ASSERT_TRUE(WriteFrame(worker_.Number(), batch).ok());
  }
  for (uint64_t expected = 1; expected < id; ++expected) {
    const v1::FromEvaluator message = Read();
    EXPECT_EQ(message.result().id(), expected);
    EXPECT_EQ(message.result().scores().seeds_size(), 1) << message.result().error();
  }
  worker_.Close();
  EXPECT_EQ(gone_.get_future().get(), 0);
  EXPECT_EQ(status_.get(), 0);
}

TEST_F(EvaluatorLoop, LearnsInTheMiddleOfAnEvaluationThatTheWorkerHasGone) {
  std::promise<void> started, finish;
  int calls = 0;
  ScriptedEvaluator evaluator([&](int) {
    if (++calls == 1) started.set_value();
    if (calls == 1) finish.get_future().wait();
    return Evaluation();
  });
  Start(evaluator);
  Read();
  v1::EvaluatorBatch batch;
  for (uint64_t id : {1, 2}) *batch.add_items() = NumberedItem(id, ItemFor(ScaledGradient(0.5)));
  ASSERT_TRUE(WriteFrame(worker_.Number(), batch).ok());
  started.get_future().wait();
  worker_.Close();
  EXPECT_EQ(gone_.get_future().get(), 0);  // while the first item still runs
  finish.set_value();
  EXPECT_EQ(status_.get(), 0);
  EXPECT_EQ(calls, 1) << "the second is not started any more";
}

TEST_F(EvaluatorLoop, EndsWithAnErrorOnAMessageThatIsNone) {
  SyntheticEvaluator evaluator;
  Start(evaluator);
  Read();
  ASSERT_EQ(write(worker_.Number(), "\xff\xff\xff\xff", 4), 4);
  EXPECT_EQ(gone_.get_future().get(), 1);
  EXPECT_EQ(status_.get(), 1);
}

}  // namespace
}  // namespace lathe
