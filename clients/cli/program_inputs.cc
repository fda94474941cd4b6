#include "clients/cli/program_inputs.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clients/cli/program_source.h"
#include "clients/cli/program_values.h"
#include "dsl/random.h"

namespace lathe {
namespace {

constexpr size_t kMaxDimensions = 16;
constexpr double kRate = 0.001;

bool IsLayer(const Signature& signature) {
  return !signature.axes.Has(Axis::kP);
}

absl::Status WrongShape(const Signature& signature, const std::string& text,
                        const std::string& why) {
  const std::string wanted =
      IsLayer(signature)
          ? "a layer takes one, examples x channels x height x width: --shape 2x6x4x4"
          : "an optimizer takes one per parameter, rows first: --shape 32x64 --shape 32";
  return absl::InvalidArgumentError(
      absl::StrCat("--shape", text.empty() ? "" : " ", text, ": ", why, "; ", wanted));
}

// The extents in "5x7"; nothing if that is not what it is.
std::optional<std::vector<int64_t>> ParseExtents(const std::string& text) {
  std::vector<int64_t> extents;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, 'x'))) {
    int64_t extent = 0;
    const char* end = part.data() + part.size();
    const auto [stopped, error] = std::from_chars(part.data(), end, extent);
    if (error != std::errc() || stopped != end || extent < 1) return std::nullopt;
    extents.push_back(extent);
  }
  if (extents.size() > kMaxDimensions) return std::nullopt;
  return extents;
}

// Their product, or kMaxRunElements + 1 where it is larger.
int64_t Product(std::span<const int64_t> extents) {
  int64_t product = 1;
  for (const int64_t extent : extents) {
    if (extent > kMaxRunElements / product) return kMaxRunElements + 1;
    product *= extent;
  }
  return product;
}

Shape ShapeOf(const Signature& signature, std::span<const int64_t> extents,
              std::optional<int64_t> groups) {
  if (IsLayer(signature)) {
    return LayerShape(extents[0], extents[1], extents[2], extents[3], groups.value_or(1));
  }
  return {.rows = extents[0], .cols = Product(extents.subspan(1))};
}

}  // namespace

absl::StatusOr<std::vector<Shape>> ParseShapes(const Signature& signature,
                                               const std::vector<std::string>& texts,
                                               std::optional<int64_t> groups) {
  if (texts.empty()) return WrongShape(signature, "", "is missing");
  if (groups && !IsLayer(signature)) {
    return absl::InvalidArgumentError("--groups: only a layer has groups of channels");
  }
  if (IsLayer(signature) && texts.size() > 1) {
    return WrongShape(signature, texts[1], "is one too many");
  }
  std::vector<Shape> shapes;
  int64_t elements = 0;
  for (const std::string& text : texts) {
    const std::optional<std::vector<int64_t>> extents = ParseExtents(text);
    if (!extents || (IsLayer(signature) && extents->size() != 4)) {
      return WrongShape(signature, text, "is no shape of positive numbers");
    }
    elements += Product(*extents);
    if (elements > kMaxRunElements) {
      return WrongShape(signature, text,
                        absl::StrCat("makes more than ", kMaxRunElements, " elements together"));
    }
    shapes.push_back(ShapeOf(signature, *extents, groups));
  }
  return shapes;
}

Arrays ZeroArrays(AxisSet type, std::span<const Shape> shapes) {
  Arrays arrays;
  for (const Shape& shape : type.Has(Axis::kP) ? shapes : shapes.first(1)) {
    arrays.emplace_back(shape.Elements(type.Without({Axis::kP})));
  }
  return arrays;
}

ProgramInputs::ProgramInputs(const Program& program, std::span<const Shape> shapes, uint64_t seed,
                             int steps)
    : signature_(program.signature),
      shapes_(shapes.begin(), shapes.end()),
      seed_(seed),
      steps_(steps),
      given_(signature_->inputs.size(), false) {
  for (const SignatureInput& input : signature_->inputs) {
    values_.push_back(ZeroArrays(input.axes, shapes));
  }
}

absl::StatusOr<ProgramInputs> ProgramInputs::Make(const Program& program,
                                                  std::span<const Shape> shapes,
                                                  const std::vector<std::string>& given,
                                                  uint64_t seed, int steps) {
  ProgramInputs inputs(program, shapes, seed, steps);
  for (const std::string& assignment : given) {
    if (absl::Status status = inputs.Give(assignment); !status.ok()) return status;
  }
  return inputs;
}

absl::Status ProgramInputs::Give(const std::string& assignment) {
  auto wrong = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat("--input ", assignment, ": ", why));
  };
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) return wrong("expected NAME=NUMBER or NAME=FILE.json");
  const std::string name = assignment.substr(0, equals);
  std::vector<std::string> bindable;
  for (const SignatureInput& input : signature_->inputs) {
    if (input.source == InputSource::kCaller) bindable.emplace_back(input.name);
  }
  const std::optional<int> index = signature_->InputByName(name);
  if (!index || signature_->inputs[*index].source != InputSource::kCaller) {
    return wrong(absl::StrCat(index ? "follows from --shape" : "is no input", "; of ",
                              IsLayer(*signature_) ? "a " : "an ", std::string(signature_->name),
                              " can be given: ", absl::StrJoin(bindable, ", ")));
  }
  if (given_[*index]) return wrong("the input is given twice");
  given_[*index] = true;
  const absl::Status status = ReadValues(assignment.substr(equals + 1),
                                         signature_->inputs[*index].axes, shapes_, values_[*index]);
  return status.ok() ? status : wrong(std::string(status.message()));
}

void ProgramInputs::Draw(int step) {
  for (size_t i = 0; i < values_.size(); ++i) {
    const auto index = static_cast<int>(i);
    // Gradients, or a layer's examples, are new in each step; weights stay.
    const bool lasting = index != signature_->required_input;
    const bool timed = signature_->inputs[i].name == "t";
    if (given_[i] || (step > 1 && lasting && !timed)) continue;
    Fill(index, step);
  }
}

void ProgramInputs::Fill(int input, int step) {
  const std::string_view name = signature_->inputs[input].name;
  for (size_t p = 0; p < values_[input].size(); ++p) {
    std::vector<double>& values = values_[input][p];
    if (name == "lr") {
      values[0] = kRate;
    } else if (name == "t") {
      values[0] = step;
    } else if (name == "total_steps") {
      values[0] = steps_;
    } else if (name == "rows") {
      values[0] = static_cast<double>(shapes_[p].rows);
    } else if (name == "cols") {
      values[0] = static_cast<double>(shapes_[p].cols);
    } else {
      RandomStream random(seed_, {static_cast<uint64_t>(input), static_cast<uint64_t>(step), p});
      for (double& value : values) value = random.Normal();
    }
  }
}

void ProgramInputs::Move(const std::vector<Arrays>& outputs) {
  if (signature_ != &OptimizerSignature()) return;
  Arrays& weights = values_[*signature_->InputByName("w")];
  const Arrays& updates = outputs[*signature_->OutputByName("update")];
  for (size_t p = 0; p < weights.size(); ++p) {
    for (size_t i = 0; i < weights[p].size(); ++i) weights[p][i] -= updates[p][i];
  }
}

}  // namespace lathe
