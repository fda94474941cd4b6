#include "dsl/testing/optimizer_oracles.h"

#include <algorithm>
#include <cmath>

namespace lathe::testing::oracles {
namespace {

double Sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}

// The gradient with coupled decay, as torch's optimizers have it.
Values Decayed(const Parameter& p, const Step& step) {
  Values g = p.g;
  for (size_t i = 0; i < g.size(); ++i) g[i] += step["weight_decay"] * p.w[i];
  return g;
}

Values Sgd(Parameter& p, const Step& step) {
  Values update = Decayed(p, step);
  for (double& x : update) x *= step.lr;
  return update;
}

Values Momentum(Parameter& p, const Step& step) {
  Values g = Decayed(p, step), update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double& buffer = p.states["m"][i];
    buffer = step["momentum"] * buffer + g[i];
    update[i] = step.lr * buffer;
  }
  return update;
}

Values Nesterov(Parameter& p, const Step& step) {
  Values g = Decayed(p, step), update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double& buffer = p.states["m"][i];
    buffer = step["momentum"] * buffer + g[i];
    update[i] = step.lr * (g[i] + step["momentum"] * buffer);
  }
  return update;
}

Values Adagrad(Parameter& p, const Step& step) {
  Values g = Decayed(p, step), update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double& sum = p.states["v"][i];
    sum += g[i] * g[i];
    update[i] = step.lr * g[i] / (std::sqrt(sum) + step["eps"]);
  }
  return update;
}

Values Rmsprop(Parameter& p, const Step& step) {
  Values g = Decayed(p, step), update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double& average = p.states["v"][i];
    average = step["alpha"] * average + (1 - step["alpha"]) * g[i] * g[i];
    update[i] = step.lr * g[i] / (std::sqrt(average) + step["eps"]);
  }
  return update;
}

// Adam's moments of one element.
void MoveMoments(Parameter& p, const Step& step, size_t i, double g) {
  double &m = p.states["m"][i], &v = p.states["v"][i];
  m = step["b1"] * m + (1 - step["b1"]) * g;
  v = step["b2"] * v + (1 - step["b2"]) * g * g;
}

// The second moment is `second`, "v" or the largest so far.
Values AdamOf(Parameter& p, const Step& step, const Values& g, const std::string& second) {
  Values update(p.Size());
  const double correction1 = 1 - std::pow(step["b1"], step.t);
  const double correction2 = 1 - std::pow(step["b2"], step.t);
  for (size_t i = 0; i < p.Size(); ++i) {
    MoveMoments(p, step, i, g[i]);
    if (second != "v") p.states[second][i] = std::max(p.states[second][i], p.states["v"][i]);
    const double scale = std::sqrt(p.states[second][i]) / std::sqrt(correction2) + step["eps"];
    update[i] = step.lr / correction1 * p.states["m"][i] / scale;
  }
  return update;
}

Values Adam(Parameter& p, const Step& step) {
  return AdamOf(p, step, Decayed(p, step), "v");
}

Values AmsGrad(Parameter& p, const Step& step) {
  return AdamOf(p, step, Decayed(p, step), "largest");
}

Values AdamW(Parameter& p, const Step& step) {
  Values update = AdamOf(p, step, p.g, "v");
  for (size_t i = 0; i < p.Size(); ++i) update[i] += step.lr * step["weight_decay"] * p.w[i];
  return update;
}

// Lion's paper, Program 3, with the guards of its search space.
Values WarmStart(Parameter& p, const Step& step) {
  Values update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double &m = p.states["m"][i], &v = p.states["v"][i];
    m = (1 - 0.9) * p.g[i] + 0.9 * m;
    v = (1 - 0.999) * p.g[i] * p.g[i] + 0.999 * v;
    update[i] = (m / (std::sqrt(v) + 1e-8) + 0.01 * p.w[i]) * 0.001 * step.lr;
  }
  return update;
}

// As torch.optim.NAdam is documented.
Values NAdam(Parameter& p, const Step& step) {
  Values g = Decayed(p, step), update(p.Size());
  const auto momentum = [&](double t) {
    return step["b1"] * (1 - std::pow(0.96, t * step["momentum_decay"]) / 2);
  };
  const double mu = momentum(step.t), next_mu = momentum(step.t + 1);
  double& product = p.states["product"][0];
  product *= mu;
  for (size_t i = 0; i < p.Size(); ++i) {
    MoveMoments(p, step, i, g[i]);
    const double m_hat =
        next_mu * p.states["m"][i] / (1 - product * next_mu) + (1 - mu) * g[i] / (1 - product);
    const double v_hat = p.states["v"][i] / (1 - std::pow(step["b2"], step.t));
    update[i] = step.lr * m_hat / (std::sqrt(v_hat) + step["eps"]);
  }
  return update;
}

double RootMeanSquare(const Values& values) {
  double sum = 0;
  for (double x : values) sum += x * x;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// The second moments of Adafactor. For a matrix (Algorithm 4) from the sums of rows and columns;
// the program keeps means.
Values FactoredSecondMoments(Parameter& p, double b2, double eps1) {
  Values sum_of_row(p.rows, 0), sum_of_col(p.cols, 0), v(p.Size());
  for (int r = 0; r < p.rows; ++r) {
    for (int c = 0; c < p.cols; ++c) {
      const double g2 = p.g[r * p.cols + c] * p.g[r * p.cols + c] + eps1;
      sum_of_row[r] += g2;
      sum_of_col[c] += g2;
    }
  }
  double total = 0;
  for (int r = 0; r < p.rows; ++r) {
    sum_of_row[r] = b2 * p.states["row"][r] * p.cols + (1 - b2) * sum_of_row[r];
    p.states["row"][r] = sum_of_row[r] / p.cols;
    total += sum_of_row[r];
  }
  for (int c = 0; c < p.cols; ++c) {
    sum_of_col[c] = b2 * p.states["col"][c] * p.rows + (1 - b2) * sum_of_col[c];
    p.states["col"][c] = sum_of_col[c] / p.rows;
  }
  for (int r = 0; r < p.rows; ++r) {
    for (int c = 0; c < p.cols; ++c) v[r * p.cols + c] = sum_of_row[r] * sum_of_col[c] / total;
  }
  return v;
}

// For a vector (Algorithm 5): one for each element.
Values FullSecondMoments(Parameter& p, double b2, double eps1) {
  Values& v = p.states["row"];
  double mean = 0;
  for (int r = 0; r < p.rows; ++r) {
    v[r] = b2 * v[r] + (1 - b2) * (p.g[r] * p.g[r] + eps1);
    mean += v[r] / p.rows;
  }
  p.states["col"][0] = mean;  // nothing depends on it
  return v;
}

Values Adafactor(Parameter& p, const Step& step) {
  const double b2 = 1 - std::pow(step.t, step["decay"]);
  const Values v = p.cols > 1 ? FactoredSecondMoments(p, b2, step["eps1"])
                              : FullSecondMoments(p, b2, step["eps1"]);
  Values u(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) u[i] = p.g[i] / std::sqrt(v[i]);
  const double rho = std::min(step.lr, 1 / std::sqrt(step.t));
  const double alpha = std::max(step["eps2"], RootMeanSquare(p.w)) * rho;
  const double clip = std::max(1.0, RootMeanSquare(u) / step["d"]);
  for (double& x : u) x *= alpha / clip;
  return u;
}

Values Lion(Parameter& p, const Step& step) {
  Values update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double& m = p.states["m"][i];
    const double c = (1 - step["b1"]) * p.g[i] + step["b1"] * m;
    m = (1 - step["b2"]) * p.g[i] + step["b2"] * m;
    update[i] = step.lr * (Sign(c) + step["weight_decay"] * p.w[i]);
  }
  return update;
}

// Lion's paper, Program 4, statement by statement.
Values LionRaw(Parameter& p, const Step& step) {
  const auto interp = [](double x, double y, double a) { return (1 - a) * x + a * y; };
  Values result(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    double g = p.g[i], lr = step.lr, &v = p.states["v"][i];
    g = std::max(-lr, std::min(g, lr));
    g = std::asin(g);
    double m = interp(g, v, 0.899);
    const double m2 = m * m;
    v = interp(g, m, 1.109);
    const double abs_m = std::sqrt(m2);
    double update = m / (abs_m + 1e-8);
    const double wd = p.w[i] * 0.4602;
    update = update + wd;
    lr = lr * 0.0002;
    m = std::cosh(update);
    result[i] = update * lr;
  }
  return result;
}

Values SignSgd(Parameter& p, const Step& step) {
  Values update(p.Size());
  for (size_t i = 0; i < p.Size(); ++i) {
    update[i] = step.lr * (Sign(p.g[i]) + step["weight_decay"] * p.w[i]);
  }
  return update;
}

using Matrix = std::vector<Values>;

Matrix Transposed(const Matrix& a) {
  Matrix result(a[0].size(), Values(a.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[0].size(); ++j) result[j][i] = a[i][j];
  }
  return result;
}

Matrix Product(const Matrix& a, const Matrix& b) {
  Matrix result(a.size(), Values(b[0].size(), 0));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b[0].size(); ++j) {
      for (size_t k = 0; k < b.size(); ++k) result[i][j] += a[i][k] * b[k][j];
    }
  }
  return result;
}

// x * a + y * b.
Matrix Sum(const Matrix& x, double a, const Matrix& y, double b) {
  Matrix result = x;
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = 0; j < x[0].size(); ++j) result[i][j] = x[i][j] * a + y[i][j] * b;
  }
  return result;
}

// Jordan's zeropower_via_newtonschulz5.
Matrix Orthogonalized(Matrix x, const Step& step) {
  const bool tall = x.size() > x[0].size();
  if (tall) x = Transposed(x);
  double square = 0;
  for (const Values& row : x) {
    for (double value : row) square += value * value;
  }
  x = Sum(x, 1 / (std::sqrt(square) + step["eps"]), x, 0);
  for (int i = 0; i < 5; ++i) {
    const Matrix a = Product(x, Transposed(x));
    const Matrix b = Sum(a, step["b"], Product(a, a), step["c"]);
    x = Sum(x, step["a"], Product(b, x), 1);
  }
  return tall ? Transposed(x) : x;
}

Values Muon(Parameter& p, const Step& step) {
  Matrix ahead(p.rows, Values(p.cols));
  for (int r = 0; r < p.rows; ++r) {
    for (int c = 0; c < p.cols; ++c) {
      double& buffer = p.states["m"][r * p.cols + c];
      buffer = step["momentum"] * buffer + p.g[r * p.cols + c];
      ahead[r][c] = p.g[r * p.cols + c] + step["momentum"] * buffer;
    }
  }
  const Matrix o = Orthogonalized(ahead, step);
  const double stretch = std::sqrt(std::max(1.0, static_cast<double>(p.rows) / p.cols));
  Values update(p.Size());
  for (int r = 0; r < p.rows; ++r) {
    for (int c = 0; c < p.cols; ++c) {
      const int i = r * p.cols + c;
      update[i] = step.lr * (o[r][c] * stretch + step["weight_decay"] * p.w[i]);
    }
  }
  return update;
}

}  // namespace

const std::vector<Case>& Cases() {
  static const State0 m = {"m", "RC"}, v = {"v", "RC"};
  static const auto* const cases = new std::vector<Case>{
      {"sgd", Sgd, {}, {{"weight_decay", 0}}, {{"weight_decay", 0.03}}},
      {"momentum",
       Momentum,
       {m},
       {{"momentum", 0.9}, {"weight_decay", 0}},
       {{"momentum", 0.5}, {"weight_decay", 0.03}}},
      {"nesterov",
       Nesterov,
       {m},
       {{"momentum", 0.9}, {"weight_decay", 0}},
       {{"momentum", 0.5}, {"weight_decay", 0.03}}},
      {"adagrad",
       Adagrad,
       {v},
       {{"eps", 1e-10}, {"weight_decay", 0}},
       {{"eps", 1e-2}, {"weight_decay", 0.03}}},
      {"rmsprop",
       Rmsprop,
       {v},
       {{"alpha", 0.99}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"alpha", 0.9}, {"eps", 1e-2}, {"weight_decay", 0.03}}},
      {"adam",
       Adam,
       {m, v},
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-2}, {"weight_decay", 0.03}}},
      {"amsgrad",
       AmsGrad,
       {m, v, {"largest", "RC"}},
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"b1", 0.8}, {"b2", 0.5}, {"eps", 1e-2}, {"weight_decay", 0.03}}},
      {"adamw",
       AdamW,
       {m, v},
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-2}, {"weight_decay", 0.1}}},
      {"adamw_warm_start", WarmStart, {m, v}, {}, {}},
      {"nadam",
       NAdam,
       {m, v, {"product", "", 1}},
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"momentum_decay", 0.004}, {"weight_decay", 0}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-2}, {"momentum_decay", 1}, {"weight_decay", 0.03}}},
      {"adafactor",
       Adafactor,
       {{"row", "R"}, {"col", "C"}},
       {{"eps1", 1e-30}, {"eps2", 1e-3}, {"d", 1}, {"decay", -0.8}},
       {{"eps1", 1e-2}, {"eps2", 2}, {"d", 0.25}, {"decay", -0.5}}},
      {"lion",
       Lion,
       {m},
       {{"b1", 0.9}, {"b2", 0.99}, {"weight_decay", 0.1}},
       {{"b1", 0.5}, {"b2", 0.9}, {"weight_decay", 0.01}}},
      {"lion_raw", LionRaw, {v}, {}, {}},
      {"signsgd", SignSgd, {}, {{"weight_decay", 0}}, {{"weight_decay", 0.03}}},
      {"muon",
       Muon,
       {m},
       {{"momentum", 0.95},
        {"weight_decay", 0},
        {"eps", 1e-7},
        {"a", 3.4445},
        {"b", -4.775},
        {"c", 2.0315}},
       {{"momentum", 0.5},
        {"weight_decay", 0.1},
        {"eps", 1e-1},
        {"a", 1.5},
        {"b", -0.5},
        {"c", 0.125}}},
  };
  return *cases;
}

}  // namespace lathe::testing::oracles
