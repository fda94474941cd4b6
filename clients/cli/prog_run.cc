// lathe prog run.
#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/prog_commands.h"
#include "clients/cli/program_inputs.h"
#include "clients/cli/program_source.h"
#include "clients/cli/program_text.h"
#include "clients/cli/terminal_text.h"
#include "clients/job/closest_name.h"
#include "dsl/bindings.h"
#include "dsl/executors.h"

namespace lathe {
namespace {

constexpr size_t kShownValues = 4;

// Something that the run leaves: an output, a state, a buffer.
struct Result {
  std::string kind, name;
  AxisSet type;
  Arrays values;
};

// A program on its way through its steps.
class ProgramRun {
 public:
  static absl::StatusOr<ProgramRun> Make(const Program& program, const ProgRunOptions& options) {
    const Executor* executor = ExecutorByName(options.executor);
    if (executor == nullptr) {
      const std::vector<std::string> known = ExecutorNames();
      return absl::InvalidArgumentError(
          absl::StrCat("--executor ", options.executor, ": there is none of that name; there are ",
                       absl::StrJoin(known, ", "), Suggestion(options.executor, known)));
    }
    if (options.evaluation && !program.signature->axes.Has(Axis::kB)) {
      return absl::InvalidArgumentError("--evaluation: only layers are evaluated otherwise");
    }
    if (options.steps == 0 && !options.evaluation) {
      return absl::InvalidArgumentError("--steps 0: nothing would run; only with --evaluation");
    }
    absl::StatusOr<std::vector<Shape>> shapes =
        ParseShapes(*program.signature, options.shapes, options.groups);
    if (!shapes.ok()) return shapes.status();
    absl::StatusOr<std::unique_ptr<Execution>> execution = executor->Prepare(program, *shapes);
    if (!execution.ok()) return execution.status();
    absl::StatusOr<ProgramInputs> inputs =
        ProgramInputs::Make(program, *shapes, options.inputs, options.seed, options.steps);
    if (!inputs.ok()) return inputs.status();
    return ProgramRun(program, *executor, *std::move(shapes), *std::move(execution),
                      *std::move(inputs));
  }

  absl::Status Run(const ProgRunOptions& options) {
    for (int step = 1; step <= options.steps; ++step) {
      if (absl::Status status = Step(step, /*training=*/true); !status.ok()) return status;
    }
    return options.evaluation ? Step(options.steps + 1, /*training=*/false) : absl::OkStatus();
  }

  std::vector<Result> Results() const {
    std::vector<Result> results;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const SignatureOutput& output = program_.signature->outputs[i];
      results.push_back({"output", std::string(output.name), output.axes, outputs_[i]});
    }
    for (size_t i = 0; i < program_.states.size(); ++i) {
      const State& state = program_.states[i];
      Arrays values;
      for (size_t p = 0; p < (state.axes.Has(Axis::kP) ? shapes_.size() : 1); ++p) {
        values.push_back(execution_->ReadState(static_cast<int>(i), static_cast<int>(p)));
      }
      results.push_back({"state", state.name, state.axes, std::move(values)});
    }
    int index = 0;
    for (const NamedBuffer& buffer : NamedBuffers(program_)) {
      results.push_back(
          {"buffer", buffer.name, buffer.buffer.axes, {execution_->ReadBuffer(index++)}});
    }
    return results;
  }

  // What the last step has read.
  std::vector<Result> Inputs() const {
    std::vector<Result> inputs;
    const std::vector<bool> read = BoundInputs(program_);
    for (size_t i = 0; i < last_inputs_.size(); ++i) {
      if (!read[i]) continue;
      const SignatureInput& input = program_.signature->inputs[i];
      inputs.push_back({"input", std::string(input.name), input.axes, last_inputs_[i]});
    }
    return inputs;
  }

  const Program& program() const { return program_; }
  const Executor& executor() const { return executor_; }
  const std::vector<Shape>& shapes() const { return shapes_; }

 private:
  ProgramRun(const Program& program, const Executor& executor, std::vector<Shape> shapes,
             std::unique_ptr<Execution> execution, ProgramInputs inputs)
      : program_(program),
        executor_(executor),
        shapes_(std::move(shapes)),
        execution_(std::move(execution)),
        inputs_(std::move(inputs)) {
    for (const SignatureOutput& output : program.signature->outputs) {
      outputs_.push_back(ZeroArrays(output.axes, shapes_));
    }
  }

  absl::Status Step(int step, bool training) {
    inputs_.Draw(step);
    last_inputs_ = inputs_.Values();
    StepBindings bindings;
    bindings.training = training;
    bindings.inputs = Bound(last_inputs_);
    bindings.outputs = Bound(outputs_);
    if (absl::Status status = execution_->Step(bindings); !status.ok()) return status;
    inputs_.Move(outputs_);
    return absl::OkStatus();
  }

  static std::vector<std::vector<ArrayRef>> Bound(std::vector<Arrays>& all) {
    std::vector<std::vector<ArrayRef>> bound;
    for (Arrays& arrays : all) {
      std::vector<ArrayRef>& refs = bound.emplace_back();
      for (std::vector<double>& array : arrays) refs.emplace_back(array.data());
    }
    return bound;
  }

  const Program& program_;
  const Executor& executor_;
  std::vector<Shape> shapes_;
  std::unique_ptr<Execution> execution_;
  ProgramInputs inputs_;
  std::vector<Arrays> last_inputs_, outputs_;
};

std::vector<int64_t> Extents(AxisSet type, const Shape& shape) {
  std::vector<int64_t> extents;
  ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) { extents.push_back(shape.Extent(axis)); });
  return extents;
}

// The sign of a NaN differs between machines.
std::string Short(double value) {
  return std::isnan(value) ? "nan" : absl::StrFormat("%.6g", value);
}

Row ResultRow(const Result& result, size_t position, const Shape& shape) {
  const std::vector<double>& values = result.values[position];
  const bool nan =
      std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  const auto wild = std::count_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
  std::string first;
  for (size_t i = 0; i < std::min(values.size(), kShownValues); ++i) {
    absl::StrAppend(&first, i == 0 ? "" : " ", Short(values[i]));
  }
  if (values.size() > kShownValues) first += " ...";
  const std::vector<int64_t> extents = Extents(result.type, shape);
  return {result.kind,
          result.name + result.type.Text(),
          result.type.Has(Axis::kP) ? absl::StrCat(position) : "-",
          extents.empty() ? "-" : absl::StrJoin(extents, "x"),
          nan ? "nan" : Short(*least),
          nan ? "nan" : Short(*most),
          Short(sum / static_cast<double>(values.size())),
          absl::StrCat(wild),
          first};
}

std::string RunText(const ProgramRun& run, const ProgRunOptions& options) {
  std::string text =
      absl::StrCat(std::string(run.program().signature->name), " ", run.program().name, " on ",
                   std::string(run.executor().Name()), ": ", options.steps,
                   options.steps == 1 ? " step" : " steps",
                   options.evaluation ? ", then evaluation" : "", "; seed ", options.seed, "\n");
  std::vector<Row> rows = {
      {"kind", "value", "parameter", "shape", "min", "max", "mean", "not finite", "first"}};
  for (const Result& result : run.Results()) {
    for (size_t p = 0; p < result.values.size(); ++p) {
      rows.push_back(ResultRow(result, p, run.shapes()[p]));
    }
  }
  return text + Table(rows);
}

Json ResultJson(const Result& result, const std::vector<Shape>& shapes) {
  Json arrays = Json::array();
  for (size_t p = 0; p < result.values.size(); ++p) {
    Json values = Json::array();
    for (const double value : result.values[p]) values.push_back(RealJson(value));
    arrays.push_back({{"shape", Extents(result.type, shapes[p])}, {"values", values}});
  }
  return {{"kind", result.kind},
          {"name", result.name},
          {"type", result.type.Text()},
          {"arrays", arrays}};
}

Json RunJson(const ProgramRun& run, const ProgRunOptions& options) {
  Json json = {{"file", TextJson(options.file)},
               {"name", run.program().name},
               {"signature", std::string(run.program().signature->name)},
               {"executor", std::string(run.executor().Name())},
               {"seed", options.seed},
               {"steps", options.steps},
               {"evaluation", options.evaluation},
               {"inputs", Json::array()},
               {"results", Json::array()}};
  for (const Result& input : run.Inputs())
    json["inputs"].push_back(ResultJson(input, run.shapes()));
  for (const Result& result : run.Results()) {
    json["results"].push_back(ResultJson(result, run.shapes()));
  }
  return json;
}

int RunParsed(const Program& program, const ProgRunOptions& options, bool json) {
  absl::StatusOr<ProgramRun> run = ProgramRun::Make(program, options);
  absl::Status status = run.status();
  if (status.ok()) status = run->Run(options);
  if (!status.ok()) {
    TellError(status);
    return kWrongUsage;
  }
  return WriteOutput(json ? JsonLine(RunJson(*run, options)) : RunText(*run, options));
}

}  // namespace

int ProgRun(const ProgRunOptions& options, bool json) {
  return ForEachProgram(
      {options.file}, [&](const std::string&, const std::string&, const ParseResult& result) {
        if (!result.program) return kWrongProgram;
        try {
          return RunParsed(*result.program, options, json);
        } catch (const std::bad_alloc&) {
          TellError("there is not enough memory for these shapes; take smaller ones");
          return kWrongUsage;
        }
      });
}

}  // namespace lathe
