// Networks beside the same ones written with torch's own functions, in double, differentiated by
// autograd.
#include "evaluators/torch/network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "dsl/random.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/blas.h"
#include "evaluators/torch/convolution_layer.h"
#include "evaluators/torch/matrix.h"

namespace lathe {
namespace {

constexpr int kClasses = 10, kExamples = 13, kBatch = 5;

struct Model {
  std::vector<uint32_t> channels;
  uint32_t context = 0, width = 0, heads = 0, layers = 0;
};

v1::Task TaskOf(const Model& model) {
  v1::Task task = ResolveTask({}).value();
  task.set_batch(kBatch);
  if (model.channels.empty()) {
    v1::Transformer& transformer = *task.mutable_transformer();
    transformer.set_context(model.context);
    transformer.set_width(model.width);
    transformer.set_heads(model.heads);
    transformer.set_layers(model.layers);
    return task;
  }
  for (const uint32_t count : model.channels) task.mutable_conv_net()->add_channels(count);
  return task;
}

Examples RandomExamples(const v1::Task& task, RandomStream& random) {
  Examples examples;
  if (task.has_transformer()) {
    examples.context = static_cast<int>(task.transformer().context());
    for (int i = 0; i < kExamples * (examples.context + 1); ++i) {
      examples.tokens.push_back(static_cast<uint8_t>(random.Below(kClasses)));
    }
    return examples;
  }
  examples.features = 64;
  for (int i = 0; i < kExamples * 64; ++i) {
    examples.values.push_back(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < kExamples; ++i) {
    examples.classes.push_back(static_cast<uint8_t>(random.Below(kClasses)));
  }
  return examples;
}

class Oracle {
 public:
  Oracle(const v1::Task& task, std::span<const float> values) : task_(task) {
    for (const Shape& shape : ParameterShapes(task)) {
      at::Tensor tensor = at::empty({shape.rows, shape.cols}, at::kFloat);
      std::copy_n(values.data(), shape.Elements(), tensor.data_ptr<float>());
      values = values.subspan(static_cast<size_t>(shape.Elements()));
      parameters.push_back(tensor.to(at::kDouble).requires_grad_(true));
    }
  }

  // [examples * predictions of each][classes]
  at::Tensor Logits(const Examples& examples, const std::vector<int>& rows) const {
    return task_.has_transformer() ? TransformerLogits(examples, rows)
                                   : ConvNetLogits(examples, rows);
  }

  at::Tensor Labels(const Examples& examples, const std::vector<int>& rows) const {
    std::vector<int64_t> labels;
    for (const int row : rows) {
      if (examples.context == 0) labels.push_back(examples.classes[static_cast<size_t>(row)]);
      for (int t = 1; t <= examples.context; ++t) labels.push_back(Token(examples, row, t));
    }
    return at::tensor(labels);
  }

  at::Tensor Loss(const Examples& examples, const std::vector<int>& rows) const {
    return at::cross_entropy_loss(Logits(examples, rows), Labels(examples, rows));
  }

  std::vector<at::Tensor> parameters;

 private:
  static int64_t Token(const Examples& examples, int row, int t) {
    return examples.tokens[static_cast<size_t>(row * (examples.context + 1) + t)];
  }

  at::Tensor ConvNetLogits(const Examples& examples, const std::vector<int>& rows) const {
    at::Tensor x = at::empty({static_cast<int64_t>(rows.size()), 1, 8, 8}, at::kDouble);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(examples.values.begin() + rows[i] * 64, 64, x.data_ptr<double>() + i * 64);
    }
    size_t p = 0;
    for (; p + 2 < parameters.size(); p += 2) {
      const int64_t out = parameters[p].size(0);
      x = at::relu(
          at::conv2d(x, parameters[p].view({out, -1, 3, 3}), parameters[p + 1].squeeze(1), 1, 1));
      if (x.size(2) >= 2) x = at::max_pool2d(x, 2);
    }
    return at::linear(x.flatten(1), parameters[p], parameters[p + 1].squeeze(1));
  }

  static at::Tensor Norm(const at::Tensor& x, const at::Tensor& gain) {
    return x / at::sqrt(x.square().mean(-1, true) + 1e-5) * gain.squeeze(1);
  }

  // One sequence: x [context][width].
  at::Tensor Attention(const at::Tensor& x, const at::Tensor& projections) const {
    const int64_t context = x.size(0), width = x.size(1);
    const int64_t heads = task_.transformer().heads(), size = width / heads;
    const at::Tensor all = at::linear(x, projections);
    const at::Tensor later = at::ones({context, context}, at::kBool).triu(1);
    std::vector<at::Tensor> attended;
    for (int64_t head = 0; head < heads; ++head) {
      const at::Tensor q = all.narrow(1, head * size, size);
      const at::Tensor k = all.narrow(1, width + head * size, size);
      const at::Tensor v = all.narrow(1, 2 * width + head * size, size);
      const at::Tensor scores = q.mm(k.t()) / std::sqrt(static_cast<double>(size));
      attended.push_back(scores.masked_fill(later, -INFINITY).softmax(1).mm(v));
    }
    return at::cat(attended, 1);
  }

  at::Tensor TransformerLogits(const Examples& examples, const std::vector<int>& rows) const {
    std::vector<at::Tensor> logits;
    for (const int row : rows) {
      std::vector<int64_t> tokens;
      for (int t = 0; t < examples.context; ++t) tokens.push_back(Token(examples, row, t));
      at::Tensor x = at::embedding(parameters[0], at::tensor(tokens)) + parameters[1];
      size_t p = 2;
      for (uint32_t layer = 0; layer < task_.transformer().layers(); ++layer, p += 6) {
        const at::Tensor seen = Attention(Norm(x, parameters[p]), parameters[p + 1]);
        x = x + at::linear(seen, parameters[p + 2]);
        const at::Tensor up = at::relu(at::linear(Norm(x, parameters[p + 3]), parameters[p + 4]));
        x = x + at::linear(up, parameters[p + 5]);
      }
      logits.push_back(at::linear(Norm(x, parameters[p]), parameters[p + 1]));
    }
    return at::cat(logits, 0);
  }

  const v1::Task task_;
};

class NetworkTest : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    UseOneBlasThread();
    // Gains away from 1 and biases away from 0.
    for (float& value : network_->Parameters()) value = static_cast<float>(0.4 * random_.Normal());
  }

  RandomStream random_{1, {GetParam().layers, GetParam().channels.size()}};
  const v1::Task task_ = TaskOf(GetParam());
  const Examples examples_ = RandomExamples(task_, random_);
  const std::vector<int> rows_ = {3, 11, 3, 0, 9};
  const std::unique_ptr<Network> network_ =
      task_.has_transformer() ? MakeTransformer(task_) : MakeConvNet(task_);
};

TEST_P(NetworkTest, LossAndGradientAreThoseOfAutograd) {
  const Oracle oracle(task_, network_->Parameters());
  const at::Tensor loss = oracle.Loss(examples_, rows_);
  loss.backward();
  // Twice: what the first pass left behind must not count.
  network_->TakeBatch(examples_, std::vector<int>{1, 2, 4, 5, 6});
  network_->ForwardBackward();
  network_->TakeBatch(examples_, rows_);
  EXPECT_NEAR(network_->ForwardBackward(), loss.item<double>(), 2e-6 * loss.item<double>());
  ASSERT_EQ(network_->Offsets().size(), oracle.parameters.size());
  for (size_t p = 0; p < oracle.parameters.size(); ++p) {
    const at::Tensor expected = oracle.parameters[p].grad().contiguous();
    const double scale = expected.abs().max().item<double>();
    EXPECT_GT(scale, 0) << p;
    for (int64_t i = 0; i < expected.numel(); ++i) {
      ASSERT_NEAR(network_->Gradient()[network_->Offsets()[p] + static_cast<size_t>(i)],
                  expected.data_ptr<double>()[i], 1e-5 * scale)
          << p << " " << i;
    }
  }
}

TEST_P(NetworkTest, ScoreIsThatOfTorch) {
  const Oracle oracle(task_, network_->Parameters());
  std::vector<int> all(kExamples);
  std::iota(all.begin(), all.end(), 0);
  const SplitScore score = network_->Score(examples_);
  const double loss = oracle.Loss(examples_, all).item<double>();
  EXPECT_NEAR(score.loss, loss, 2e-6 * loss);
  const at::Tensor wrong =
      oracle.Logits(examples_, all).argmax(1).ne(oracle.Labels(examples_, all));
  EXPECT_EQ(score.error,
            static_cast<double>(wrong.sum().item<int64_t>()) / static_cast<double>(wrong.numel()));
}

TEST_P(NetworkTest, ScoreLeavesGradientAndBatchAlone) {
  network_->TakeBatch(examples_, rows_);
  const double loss = network_->ForwardBackward();
  const std::span<float> gradient = network_->Gradient();
  const std::vector<float> before(gradient.begin(), gradient.end());
  network_->Score(examples_);
  EXPECT_EQ(std::vector<float>(gradient.begin(), gradient.end()), before);
  EXPECT_EQ(network_->ForwardBackward(), loss);
  EXPECT_EQ(std::vector<float>(gradient.begin(), gradient.end()), before);
}

TEST_P(NetworkTest, PassesNanOnAndForgetsIt) {
  network_->TakeBatch(examples_, rows_);
  const double loss = network_->ForwardBackward();
  for (const size_t offset : network_->Offsets()) {
    float& value = network_->Parameters()[offset];
    const float before = value;
    value = std::numeric_limits<float>::quiet_NaN();
    // The first token may not be among the batch's.
    if (offset > 0 || !task_.has_transformer()) {
      EXPECT_TRUE(std::isnan(network_->ForwardBackward())) << offset;
      EXPECT_TRUE(std::isnan(network_->Score(examples_).loss)) << offset;
    }
    value = before;
    EXPECT_EQ(network_->ForwardBackward(), loss) << offset;
  }
}

// That the oracle is one.
TEST_P(NetworkTest, AutogradIsTheSlopeOfTheLoss) {
  const Oracle oracle(task_, network_->Parameters());
  oracle.Loss(examples_, rows_).backward();
  const at::NoGradGuard guard;
  constexpr double kStep = 1e-6;
  for (const at::Tensor& parameter : oracle.parameters) {
    const at::Tensor gradient = parameter.grad().contiguous();
    for (int probe = 0; probe < 5; ++probe) {
      const auto i = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(parameter.numel())));
      double& value = parameter.data_ptr<double>()[i];
      const double before = value;
      value = before + kStep;
      const double above = oracle.Loss(examples_, rows_).item<double>();
      value = before - kStep;
      const double below = oracle.Loss(examples_, rows_).item<double>();
      value = before;
      EXPECT_NEAR((above - below) / (2 * kStep), gradient.data_ptr<double>()[i], 1e-7);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, NetworkTest,
    testing::Values(Model{.channels = {3}}, Model{.channels = {4, 5}},
                    Model{.channels = {16, 1, 8, 3, 2}},
                    Model{.channels = {}, .context = 5, .width = 12, .heads = 3, .layers = 1},
                    Model{.channels = {}, .context = 1, .width = 8, .heads = 8, .layers = 1},
                    Model{.channels = {}, .context = 17, .width = 20, .heads = 1, .layers = 2}));

// On both sides of the size at which the way changes.
TEST(Product, IsThatOfTorchWhateverIsTransposed) {
  RandomStream random(3, {});
  for (const auto& [rows, inner, cols] :
       {std::array<int64_t, 3>{5, 7, 3}, std::array<int64_t, 3>{4, 256, 256},
        std::array<int64_t, 3>{4, 257, 256}, std::array<int64_t, 3>{1, 1, 1}}) {
    for (const bool turn_a : {false, true}) {
      for (const bool turn_b : {false, true}) {
        const auto drawn = [&](int64_t m, int64_t n, bool turn) {
          at::Tensor tensor = at::empty({turn ? n : m, turn ? m : n}, at::kFloat);
          for (int64_t i = 0; i < tensor.numel(); ++i) {
            tensor.data_ptr<float>()[i] = static_cast<float>(random.Normal());
          }
          return tensor;
        };
        const at::Tensor a = drawn(rows, inner, turn_a), b = drawn(inner, cols, turn_b);
        at::Tensor out = at::full({rows, cols}, NAN);
        const auto matrix = [](const at::Tensor& t, bool turn) {
          return Matrix{t.data_ptr<float>(), t.size(0), t.size(1), turn};
        };
        const Product product(matrix(a, turn_a), matrix(b, turn_b), matrix(out, false));
        product.Run();
        product.Run();
        const at::Tensor da = a.to(at::kDouble), db = b.to(at::kDouble);
        const at::Tensor expected = (turn_a ? da.t() : da).mm(turn_b ? db.t() : db);
        EXPECT_TRUE(at::allclose(out.to(at::kDouble), expected, 1e-5, 2e-5))
            << rows << " " << inner << " " << cols << " " << turn_a << turn_b;
      }
    }
  }
}

// Images of several channels whose height and width are odd: the last row and column stay out.
TEST(ConvolutionLayer, PoolsOddImages) {
  RandomStream random(4, {});
  const Convolution convolution = {
      .in = {.channels = 3, .height = 5, .width = 7}, .out = 4, .pooled = true};
  Filters filters(convolution);
  ConvolutionLayer layer(convolution, 2, filters);
  const auto drawn = [&](std::vector<int64_t> shape) {
    at::Tensor tensor = at::empty(shape, at::kFloat);
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      tensor.data_ptr<float>()[i] = static_cast<float>(random.Normal());
    }
    return tensor;
  };
  const at::Tensor x = drawn({2, 3, 5, 7}), w = drawn({4, 3, 3, 3}), b = drawn({4});
  const at::Tensor delta = drawn({2, 4, 2, 3});
  const auto pixels = [](const at::Tensor& image) {
    return image.permute({0, 2, 3, 1}).contiguous();
  };
  filters.Pack(w.data_ptr<float>());
  layer.TakeInput(pixels(x).data_ptr<float>());
  layer.Forward(b.data_ptr<float>());
  std::copy_n(pixels(delta).data_ptr<float>(), delta.numel(), layer.Delta().begin());
  at::Tensor gw = at::empty_like(w), gb = at::empty_like(b), gx = at::empty({2, 5, 7, 3});
  layer.Backward(gb.data_ptr<float>());
  filters.UnpackGradient(gw.data_ptr<float>());
  layer.InputGradient(gx.data_ptr<float>());

  const at::Tensor dx = x.to(at::kDouble).requires_grad_(true);
  const at::Tensor dw = w.to(at::kDouble).requires_grad_(true);
  const at::Tensor db = b.to(at::kDouble).requires_grad_(true);
  const at::Tensor y = at::max_pool2d(at::relu(at::conv2d(dx, dw, db, 1, 1)), 2);
  y.backward(delta.to(at::kDouble));
  const auto close = [](const at::Tensor& actual, const at::Tensor& expected) {
    return at::allclose(actual.to(at::kDouble), expected, 1e-5, 1e-5);
  };
  const at::Tensor out =
      at::tensor(at::ArrayRef<float>(layer.Output().data(), layer.Output().size()));
  EXPECT_TRUE(close(out, pixels(y.detach()).flatten()));
  EXPECT_TRUE(close(gx, pixels(dx.grad())));
  EXPECT_TRUE(close(gw, dw.grad()));
  EXPECT_TRUE(close(gb, db.grad()));
}

}  // namespace
}  // namespace lathe
