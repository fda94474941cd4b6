// Random programs for implementations in other languages, and what the reference says about what
// they compute.
//
//   program_cases print FIRST COUNT    a case a line, as JSON, with what is exported of it
//   program_cases judge                reads lines "INDEX f64|f32 NUMBERS", answers a line each:
//                                      equal, moves (with the last bits), differs: WHERE
//
// The numbers of a case are, step by step, the update or y of each parameter that takes part, then
// the states and the buffers, all row-major. Inputs are floats, exactly.
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dsl/buffers.h"
#include "dsl/canonicalize.h"
#include "dsl/export/exporter.h"
#include "dsl/random_program.h"
#include "dsl/text.h"
#include "dsl/vm/testing/float_run.h"
#include "dsl/vm/testing/float_verdict.h"

namespace lathe {
namespace {

using testing::Difference;
using testing::FloatStep;
using testing::FloatTrace;

constexpr uint64_t kSeed = 31;
constexpr double kTolerance = 1e-9;  // of doubles, in the scale of a piece
constexpr uint64_t kNudges = 256;

struct Case {
  Program program;
  std::vector<Shape> shapes;
  std::vector<FloatStep> steps;
};

// Three optimizers, then a layer; one in four has infinities and NaN among its inputs.
Case MakeCase(uint64_t index) {
  RandomStream random(kSeed, {index});
  const bool layer = index % 4 == 3;
  const Signature& signature = layer ? LayerSignature() : OptimizerSignature();
  Case made;
  made.program = Canonicalize(RandomProgram(signature, SearchSpace::Everything(signature),
                                            RandomProgramSize::Large(), random));
  made.shapes = {{3, 5}, {4, 1}, {1, 1}};
  if (layer) made.shapes = {LayerShape(2, 6, 2, 3, 3)};
  made.steps = testing::RandomSteps(made.program, made.shapes, index % 16 < 4, random);
  for (FloatStep& step : made.steps) {
    step.subtract = false;
    step.aliased_input = -1;
    // What does not take part is left as it was.
    for (auto& array : step.outputs[0]) std::ranges::fill(array, 0.0f);
  }
  return made;
}

nlohmann::json NumbersJson(const std::vector<float>& values) {
  nlohmann::json json = nlohmann::json::array();
  for (float value : values) {
    if (std::isfinite(value)) {
      json.push_back(static_cast<double>(value));
    } else {
      json.push_back(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    }
  }
  return json;
}

nlohmann::json StepJson(const Case& c, const FloatStep& step) {
  nlohmann::json inputs;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    nlohmann::json arrays = nlohmann::json::array();
    for (const auto& array : step.inputs[i]) arrays.push_back(NumbersJson(array));
    inputs[std::string(c.program.signature->inputs[i].name)] = arrays;
  }
  return {{"inputs", inputs}, {"active", step.active}, {"training", step.training}};
}

void PrintCase(uint64_t index) {
  const Case c = MakeCase(index);
  nlohmann::json json = {{"index", index}, {"text", Print(c.program)}};
  json["pytorch"] = ExportProgram(c.program, ExportTarget::kPytorch, {.name = "exported"});
  for (const Shape& shape : c.shapes) {
    json["shapes"].push_back({shape.rows, shape.cols});
    json["layer"] = {shape.batch, shape.groups, shape.channels, shape.height, shape.width};
  }
  for (const FloatStep& step : c.steps) json["steps"].push_back(StepJson(c, step));
  std::cout << json.dump() << "\n";
}

using Doubles = std::vector<std::vector<std::vector<double>>>;

std::vector<std::vector<ArrayRef>> Refs(Doubles& arrays) {
  std::vector<std::vector<ArrayRef>> refs;
  for (auto& of_row : arrays) {
    auto& views = refs.emplace_back();
    for (std::vector<double>& array : of_row) views.emplace_back(array.data());
  }
  return refs;
}

// The inputs in double; with `nudge`, each is moved by one unit in its last place, up or down.
Doubles InDouble(const testing::FloatArrays& arrays, RandomStream* nudge) {
  Doubles doubles;
  for (const auto& of_row : arrays) {
    auto& row = doubles.emplace_back();
    for (const auto& array : of_row) {
      std::vector<double>& values = row.emplace_back(array.begin(), array.end());
      if (nudge == nullptr) continue;
      for (double& x : values) x = std::nextafter(x, nudge->Chance(0.5) ? INFINITY : -INFINITY);
    }
  }
  return doubles;
}

void AppendStates(const Case& c, const Execution& run, FloatTrace& trace) {
  for (size_t i = 0; i < c.program.states.size(); ++i) {
    const size_t count = c.program.states[i].axes.Has(Axis::kP) ? c.shapes.size() : 1;
    for (size_t p = 0; p < count; ++p) {
      trace.pieces.push_back(run.ReadState(static_cast<int>(i), static_cast<int>(p)));
    }
  }
  const size_t buffers = Buffers(c.program).size();
  for (size_t i = 0; i < buffers; ++i) trace.pieces.push_back(run.ReadBuffer(static_cast<int>(i)));
}

FloatTrace RunDoubles(const Case& c, const Executor& executor, RandomStream* nudge) {
  FloatTrace trace;
  auto run = *executor.Prepare(c.program, c.shapes);
  for (const FloatStep& step : c.steps) {
    Doubles inputs = InDouble(step.inputs, nudge), outputs = InDouble(step.outputs, nullptr);
    const StepBindings bindings{.inputs = Refs(inputs),
                                .outputs = Refs(outputs),
                                .active = step.active,
                                .training = step.training};
    if (absl::Status status = run->Step(bindings); !status.ok()) {
      std::fprintf(stderr, "program_cases: %s\n", std::string(status.message()).c_str());
      std::exit(1);
    }
    trace.pieces.insert(trace.pieces.end(), outputs[0].begin(), outputs[0].end());
    AppendStates(c, *run, trace);
  }
  return trace;
}

std::string JudgeDoubles(const Case& c, const FloatTrace& trace) {
  std::vector<Difference> left =
      testing::Differences(trace, RunDoubles(c, ReferenceExecutor(), nullptr), kTolerance);
  if (left.empty()) return "equal";
  for (uint64_t n = 0; n < kNudges && !left.empty(); ++n) {
    RandomStream random(kSeed + 1, {n});
    const FloatTrace moved = RunDoubles(c, *MakeMovingReferenceExecutor(n), &random);
    std::erase_if(left, [&](const Difference& d) { return d.IsExplainedBy(moved, kTolerance); });
  }
  return left.empty() ? "moves" : "differs: " + testing::DifferenceText(left.front(), trace);
}

std::string JudgeFloats(const Case& c, const FloatTrace& trace) {
  std::string told;
  const testing::FloatVerdict verdict = testing::Judge(c.program, c.shapes, c.steps, trace, told);
  if (verdict == testing::kDiffers) return "differs: " + told;
  return verdict == testing::kEqual ? "equal" : "moves";
}

// The numbers of a line in pieces as long as those of the reference; false if there are more or
// fewer.
bool ReadTrace(std::istream& in, const FloatTrace& like, FloatTrace& trace) {
  std::string word;
  for (const auto& piece : like.pieces) {
    std::vector<double>& values = trace.pieces.emplace_back();
    for (size_t i = 0; i < piece.size(); ++i) {
      if (!(in >> word)) return false;
      values.push_back(std::strtod(word.c_str(), nullptr));
    }
  }
  return !(in >> word);
}

int JudgeLines() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    uint64_t index = 0;
    std::string type;
    in >> index >> type;
    const Case c = MakeCase(index);
    FloatTrace trace;
    std::string verdict = "differs: more or fewer numbers than the reference has";
    if (ReadTrace(in, RunDoubles(c, ReferenceExecutor(), nullptr), trace)) {
      verdict = type == "f64" ? JudgeDoubles(c, trace) : JudgeFloats(c, trace);
    }
    std::cout << verdict << std::endl;  // the other side waits for it
  }
  return 0;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "judge") return lathe::JudgeLines();
  if (words.size() != 3 || words[0] != "print") {
    std::fputs("usage: program_cases print FIRST COUNT | program_cases judge\n", stderr);
    return 2;
  }
  const uint64_t first = std::strtoull(words[1].c_str(), nullptr, 10);
  const uint64_t count = std::strtoull(words[2].c_str(), nullptr, 10);
  for (uint64_t i = first; i < first + count; ++i) lathe::PrintCase(i);
  return 0;
}
