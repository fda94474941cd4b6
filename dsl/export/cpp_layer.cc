// A layer as a module of libtorch.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/export/cpp.h"
#include "dsl/export/layer_buffers.h"

namespace lathe {
namespace {

constexpr std::string_view kAbout =
    R"(// y = program(x), for x of [batch, channels, ...] with two to five dimensions. In training,
// reductions over the batch look at the batch and move the running averages of their moments on
// (momentum 0.1, variances biased); in evaluation they read these. Half precision is computed in
// float32, and gives the type of its input.
)";

constexpr std::string_view kForward = R"(  torch::Tensor forward(const torch::Tensor& input) {
    TORCH_CHECK(input.dim() >= 2 && input.dim() <= 5 && input.size(1) == options.channels(),
                "takes [batch, ", options.channels(), ", ...] of two to five dimensions, not ",
                input.sizes());
    TORCH_CHECK(input.is_floating_point(), "takes floating-point numbers, not ",
                input.scalar_type());
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    [[maybe_unused]] const int64_t B = input.size(0);
    [[maybe_unused]] const int64_t G = groups_, K = options.channels() / groups_;
    [[maybe_unused]] const int64_t H = input.dim() > 2 ? input.size(2) : 1;
    [[maybe_unused]] int64_t W = 1;
    for (int64_t i = 3; i < input.dim(); ++i) W *= input.size(i);
    const torch::Tensor x = input.to(wide(input)).reshape({B, G, K, H, W});
)";

class CppLayerWriter {
 public:
  explicit CppLayerWriter(const ExportedProgram& program)
      : program_(program),
        name_(CppClass(program)),
        expressions_(program, ExportLanguage::kCpp),
        buffers_(LayerBuffers(program)),
        lines_(2) {}

  std::string Run() {
    AddOptions();
    lines_.AddBlock(kAbout);
    lines_.Add(
        absl::StrCat("class ", name_, "Impl : public torch::nn::Cloneable<", name_, "Impl> {"));
    lines_.Add(" public:");
    lines_.In();
    lines_.Add(
        absl::StrCat("explicit ", name_, "Impl(", name_, "Options of) : options(of) { reset(); }"));
    lines_.Add("");
    AddReset();
    lines_.AddBlock(kForward);
    AddCompute();
    lines_.Add(name_ + "Options options;");
    AddMembers();
    lines_.Out();
    lines_.Add("};");
    lines_.Add(absl::StrCat("TORCH_MODULE(", name_, ");"));
    return lines_.Text();
  }

 private:
  void AddOptions() {
    lines_.Add(
        "// The channels are taken as G groups, G the largest divisor of `channels` that is not");
    lines_.Add("// above `groups`.");
    lines_.Add("struct " + name_ + "Options {");
    lines_.In();
    lines_.Add(absl::StrCat("explicit ", name_, "Options(int64_t of) : channels_(of) {}"));
    lines_.Add("TORCH_ARG(int64_t, channels);");
    lines_.Add("TORCH_ARG(int64_t, groups) = 32;");
    AddCppHypers(program_, lines_);
    lines_.Out();
    lines_.Add("};");
    lines_.Add("");
  }

  void AddReset() {
    lines_.Add("void reset() override {");
    lines_.In();
    lines_.Add("TORCH_CHECK(options.channels() >= 1 && options.groups() >= 1, \"channels is \",");
    lines_.Add("            options.channels(), \" and groups is \", options.groups(),");
    lines_.Add("            \"; both have to be positive\");");
    AddCppRangeChecks(program_, lines_);
    lines_.Add("groups_ = std::min(options.groups(), options.channels());");
    lines_.Add("while (options.channels() % groups_ != 0) --groups_;");
    for (const LayerParameter& parameter : LayerParameters(program_)) {
      lines_.Add(absl::StrCat(parameter.name, "_ = register_parameter(\"", parameter.name,
                              "\", torch::", parameter.start == 1 ? "ones" : "zeros",
                              "({options.channels()}));"));
    }
    for (const LayerBuffer& buffer : buffers_) {
      lines_.Add(absl::StrCat(buffer.name, "_ = register_buffer(\"", buffer.name,
                              "\", torch::full(", BufferShape(buffer), ", ",
                              NumberLiteral(buffer.start), "));"));
    }
    lines_.Out();
    lines_.Add("}");
    lines_.Add("");
  }

  std::string BufferShape(const LayerBuffer& buffer) const {
    std::vector<std::string> shape;
    if (buffer.axes.Has(Axis::kG)) shape.emplace_back("groups_");
    if (buffer.axes.Has(Axis::kK)) shape.emplace_back("options.channels() / groups_");
    return "{" + absl::StrJoin(shape, ", ") + "}";
  }

  void AddCompute() {
    lines_.In();
    for (const int place : program_.stages[0].parameter_values) {
      const ExportedValue& value = program_.values[place];
      if (value.IsInstruction()) {
        AddInstruction(value);
      } else if (value.operand.kind == Operand::Kind::kHyper) {
        lines_.Add(absl::StrCat("const double ", value.name, " = options.", value.name, "();"));
      } else if (value.name != "x") {
        lines_.Add(absl::StrCat("const torch::Tensor ", value.name, " = as_number(", value.name,
                                "_).reshape({1, G, K, 1, 1});"));
      }
    }
    const Operand& output = program_.program->outputs[0];
    const std::string y = expressions_.TensorReference(output, Level::kParameter);
    const bool full = program_.TypeOf(output) == program_.program->signature->outputs[0].axes;
    lines_.Add(absl::StrCat("return ", y, full ? "" : ".to(x).expand({B, G, K, H, W})",
                            ".reshape(input.sizes()).to(input.scalar_type());"));
    lines_.Out();
    lines_.Add("}");
    lines_.Add("");
  }

  void AddInstruction(const ExportedValue& value) {
    const std::string text = expressions_.Of(value);
    const auto buffer = std::ranges::find(buffers_, value.operand.index, &LayerBuffer::instruction);
    if (buffer == buffers_.end()) {
      const bool scalar = expressions_.IsScalar(value.operand);
      return lines_.Add(absl::StrCat("const ", scalar ? "double " : "torch::Tensor ", value.name,
                                     " = ", text, ";"));
    }
    const std::string shape = value.type.Empty() ? "{}" : expressions_.ShapeText(value.type);
    lines_.Add(absl::StrCat("torch::Tensor ", value.name, ";"));
    lines_.Add("if (is_training()) {");
    lines_.Add(absl::StrCat("  ", value.name, " = ", text, ";"));
    lines_.Add(absl::StrCat("  move_average(", buffer->name, "_, ", value.name,
                            buffer->is_root ? " * " + value.name : "", ", x);"));
    lines_.Add("} else {");
    lines_.Add(absl::StrCat("  ", value.name, " = stored(", buffer->name, "_, ", shape, ")",
                            buffer->is_root ? ".sqrt();" : ";"));
    lines_.Add("}");
  }

  void AddMembers() {
    std::vector<std::string> names;
    for (const LayerParameter& parameter : LayerParameters(program_)) {
      names.push_back(parameter.name + "_");
    }
    for (const LayerBuffer& buffer : buffers_) names.push_back(buffer.name + "_");
    if (!names.empty()) lines_.Add("torch::Tensor " + absl::StrJoin(names, ", ") + ";");
    lines_.Out();
    lines_.Add("");
    lines_.Add(" private:");
    lines_.In();
    lines_.Add("int64_t groups_ = 1;");
  }

  const ExportedProgram& program_;
  const std::string name_;
  const Expressions expressions_;
  const std::vector<LayerBuffer> buffers_;
  SourceLines lines_;
};

}  // namespace

std::string CppLayer(const ExportedProgram& program) {
  return CppLayerWriter(program).Run();
}

}  // namespace lathe
