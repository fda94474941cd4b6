// A layer as a torch.nn.Module.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/buffers.h"
#include "dsl/export/layer_buffers.h"
#include "dsl/export/pytorch.h"

namespace lathe {
namespace {

constexpr std::string_view kAbout =
    R"(    """y = program(x), for x of [batch, channels, ...] with two to five dimensions.

    The channels are taken as G groups, G the largest divisor of `channels` that is not above
    `groups`. In training, reductions over the batch look at the batch and move the running averages
    of their moments on (momentum 0.1, variances biased); in evaluation they read these. Under
    autocast and for half precision it computes in float32 and gives the type of its input.
    """

)";

constexpr std::string_view kCheckForward =
    R"(        if x.dim() < 2 or x.dim() > 5 or x.shape[1] != self.channels:
            raise ValueError(f"takes [batch, {self.channels}, ...] of two to five dimensions, not "
                             f"{list(x.shape)}")
        if not x.is_floating_point():
            raise ValueError(f"takes floating-point numbers, not {x.dtype}")
        with without_autocast(x.device):
            return self.compute(x)

    def compute(self, x):
        shape, dtype = x.shape, x.dtype
        B, G, K = shape[0], self.groups, self.channels // self.groups
        H, W = (shape[2] if len(shape) > 2 else 1), math.prod(shape[3:])
        x = x.to(wide(x)).reshape(B, G, K, H, W)
)";

constexpr std::string_view kExtra = R"(
    def extra_repr(self):
        return f"channels={self.channels}, groups={self.groups}"
)";

class PytorchLayerWriter {
 public:
  explicit PytorchLayerWriter(const ExportedProgram& program)
      : program_(program),
        expressions_(program, ExportLanguage::kPython),
        buffers_(LayerBuffers(program)),
        lines_(4) {}

  std::string Run() {
    lines_.Add("class " + PytorchClass(program_) + "(nn.Module):");
    lines_.In();
    lines_.AddBlock(kAbout);
    AddPytorchRanges(program_, lines_);
    AddConstructor();
    lines_.Add("def forward(self, x):");
    lines_.AddBlock(kCheckForward);
    AddCompute();
    lines_.AddBlock(kExtra);
    return lines_.Text();
  }

 private:
  void AddConstructor() {
    const std::string hypers = PytorchHyperParameters(program_);
    lines_.Add(absl::StrCat("def __init__(self, channels, groups=32", hypers.empty() ? "" : ", *",
                            hypers, "):"));
    lines_.In();
    lines_.Add("super().__init__()");
    lines_.Add("if channels < 1 or groups < 1:");
    lines_.Add(
        "    raise ValueError(f\"channels is {channels} and groups is {groups}; both have to be "
        "\"");
    lines_.Add("                     \"positive\")");
    lines_.Add("self.channels = channels");
    lines_.Add(
        "self.groups = next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0)");
    AddHypers();
    for (const LayerParameter& parameter : LayerParameters(program_)) {
      lines_.Add(absl::StrCat("self.", parameter.name, " = nn.Parameter(torch.",
                              parameter.start == 1 ? "ones" : "zeros", "(channels))"));
    }
    for (const LayerBuffer& buffer : buffers_) {
      lines_.Add(absl::StrCat("self.register_buffer(\"", buffer.name, "\", torch.full(",
                              BufferShape(buffer), ", ", NumberLiteral(buffer.start), "))"));
    }
    lines_.Out();
    lines_.Add("");
  }

  void AddHypers() {
    if (program_.hyper_names.empty()) return;
    std::vector<std::string> items;
    for (const std::string& name : program_.hyper_names) {
      items.push_back(absl::StrCat("\"", name, "\": ", name));
    }
    lines_.Add("self.hypers = {" + absl::StrJoin(items, ", ") + "}");
    lines_.Add("for name, (has, text) in self.RANGES.items():");
    lines_.Add("    if not has(self.hypers[name]):");
    lines_.Add(
        "        raise ValueError(f\"the hyper {name} is {self.hypers[name]:g}, which is not in "
        "its \"");
    lines_.Add("                         f\"range {text}\")");
  }

  std::string BufferShape(const LayerBuffer& buffer) const {
    std::vector<std::string> shape;
    if (buffer.axes.Has(Axis::kG)) shape.emplace_back("self.groups");
    if (buffer.axes.Has(Axis::kK)) shape.emplace_back("channels // self.groups");
    return "(" + absl::StrJoin(shape, ", ") + (shape.size() == 1 ? ",)" : ")");
  }

  void AddCompute() {
    lines_.In();
    const ExportedStage& stage = program_.stages[0];
    for (const int place : stage.parameter_values) {
      const ExportedValue& value = program_.values[place];
      if (value.IsInstruction()) {
        AddInstruction(value);
      } else if (value.name != "x") {
        AddLeaf(value);
      }
    }
    const Operand& output = program_.program->outputs[0];
    const std::string y = expressions_.TensorReference(output, Level::kParameter);
    const AxisSet type = program_.TypeOf(output);
    const bool full = type == program_.program->signature->outputs[0].axes;
    lines_.Add(absl::StrCat("return ", y, full ? "" : ".to(x).expand(B, G, K, H, W)",
                            ".reshape(shape).to(dtype)"));
    lines_.Out();
  }

  void AddLeaf(const ExportedValue& value) {
    if (value.operand.kind == Operand::Kind::kHyper) {
      lines_.Add(absl::StrCat(value.name, " = number(self.hypers[\"", value.name, "\"])"));
    } else {
      lines_.Add(
          absl::StrCat(value.name, " = as_number(self.", value.name, ").reshape(1, G, K, 1, 1)"));
    }
  }

  void AddInstruction(const ExportedValue& value) {
    const std::string line = absl::StrCat(value.name, " = ", expressions_.Of(value));
    const auto buffer = std::ranges::find(buffers_, value.operand.index, &LayerBuffer::instruction);
    if (buffer == buffers_.end()) return lines_.Add(line);
    const std::string shape = value.type.Empty() ? "()" : expressions_.ShapeText(value.type);
    lines_.Add("if self.training:");
    lines_.Add("    " + line);
    lines_.Add(absl::StrCat("    move(self.", buffer->name, ", ", value.name,
                            buffer->is_root ? " * " + value.name : "", ", x)"));
    lines_.Add("else:");
    lines_.Add(absl::StrCat("    ", value.name, " = stored(self.", buffer->name, ", ", shape, ")",
                            buffer->is_root ? ".sqrt()" : ""));
  }

  const ExportedProgram& program_;
  const Expressions expressions_;
  const std::vector<LayerBuffer> buffers_;
  SourceLines lines_;
};

}  // namespace

std::string PytorchLayer(const ExportedProgram& program) {
  return PytorchLayerWriter(program).Run();
}

}  // namespace lathe
