// The file around a class: what it says about itself, and the functions that the class calls.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/export/pytorch.h"
#include "dsl/export/quote.h"
#include "dsl/export/safe_names.h"

namespace lathe {
namespace {

constexpr std::string_view kWords[] = {
    // Of the language.
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "match", "nonlocal", "not", "or", "pass", "raise", "return", "try", "type", "while", "with",
    "yield", "dict", "enumerate", "float", "len", "list", "max", "min", "next", "range", "set",
    "sorted", "super", "tuple", "zip",
    // Of the file.
    "apart", "as_number", "at", "channels", "clip_by_global_norm", "clip_factor", "closure",
    "capturable", "cosine_sim", "defaults", "differentiable", "dot", "dtype", "flat", "foreach",
    "fused", "global_norm", "group", "groups", "initial_lr", "kept", "loss", "math", "matrix",
    "matrix_shape", "maximize", "move", "name", "nn", "number", "number_type", "of", "p",
    "param_groups", "param_names", "params", "places", "result", "self", "shape", "slots",
    "softmax", "state", "step", "stored", "total", "torch", "wide", "without_autocast",
    "nullcontext"};

constexpr std::array<SourceFunction, 17> kFunctions = {{
    {"wide", R"(def wide(x):
    """The type in which it is computed: float32 for half precision."""
    return torch.promote_types(x.dtype, torch.float32)
)"},
    {"number_type", R"(def number_type(device):
    """The type of numbers: double, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64
)"},
    {"number", R"(def number(value):
    """A number in double, of which it is rounded once where it meets a tensor."""
    return torch.as_tensor(value, dtype=torch.float64)
)"},
    {"as_number", R"(def as_number(x):
    return x.to(number_type(x.device))
)"},
    {"matrix_shape", R"(def matrix_shape(x):
    """A tensor [d0, d1, ...] is a matrix of d0 rows; scalars and vectors have one column."""
    return (x.shape[0] if x.dim() else 1), math.prod(x.shape[1:])
)"},
    {"matrix", R"(def matrix(x):
    return x.to(wide(x)).reshape(matrix_shape(x))
)"},
    {"flat", R"(def flat(values):
    """All elements of a model one after another, on the device of the first."""
    return torch.cat([x.reshape(-1).to(values[0].device) for x in values])
)"},
    {"apart", R"(def apart(values, like):
    parts = values.split([x.numel() for x in like])
    return [part.reshape(x.shape).to(x) for part, x in zip(parts, like)]
)"},
    {"dot", R"(def dot(a, b):
    """The sum of a * b over all parameters."""
    parts = [as_number((x * y).sum()) for x, y in zip(a, b)]
    return torch.stack([part.to(parts[0].device) for part in parts]).sum()
)"},
    {"global_norm", R"(def global_norm(a):
    """The Euclidean norm of all parameters."""
    return dot(a, a).sqrt()
)"},
    {"cosine_sim", R"(def cosine_sim(a, b):
    """The cosine of the angle between a and b, over all parameters."""
    a, b = zip(*(torch.broadcast_tensors(x, y) for x, y in zip(a, b)))
    return dot(a, b) / (global_norm(a) * global_norm(b))
)"},
    {"clip_factor", R"(def clip_factor(norm, bound):
    """What an element is multiplied with; NaN if norm or bound is."""
    bound = as_number(bound).abs()
    norm = norm.to(bound.device)
    kept = torch.where(norm <= bound, torch.ones_like(norm), norm + bound)
    return torch.where(norm > bound, bound / norm, kept)
)"},
    {"clip_by_global_norm", R"(def clip_by_global_norm(a, b):
    """a, scaled so that its norm over all parameters is at most |b|."""
    norm = global_norm(a)
    return [x * clip_factor(norm, y).to(x) for x, y in zip(a, b)]
)"},
    {"softmax", R"(def softmax(a, axes):
    """Over several dimensions. NaN throughout where one is infinite or NaN."""
    powers = (a - a.amax(axes, keepdim=True).detach()).exp()
    return powers / powers.sum(axes, keepdim=True)
)"},
    {"stored", R"(def stored(average, shape):
    """A running average as numbers of this shape."""
    return as_number(average).reshape(shape)
)"},
    {"move", R"(@torch.no_grad()
def move(average, moment, x):
    """average <- 0.9 average + 0.1 moment; a batch of nothing has no moment."""
    if x.numel() > 0:
        average.copy_(0.9 * as_number(average) + 0.1 * moment.reshape(average.shape))
)"},
    {"without_autocast", R"(def without_autocast(device):
    try:
        return torch.autocast(device.type, enabled=False)
    except RuntimeError:  # a device for which there is none
        return nullcontext()
)"},
}};

// "0 <= x < 1"
std::string RangeText(const Range& range) {
  const auto bound = [](double value) {
    if (!std::isinf(value)) return NumberLiteral(value);
    return std::string(value < 0 ? "-math.inf" : "math.inf");
  };
  return absl::StrCat(bound(range.low), range.low_included ? " <= x" : " < x",
                      range.high_included ? " <= " : " < ", bound(range.high));
}

}  // namespace

ReservedWords PytorchWords() {
  return kWords;
}

std::string PytorchClass(const ExportedProgram& program) {
  std::string name = CamelCase(program.name);
  const bool taken = name == "None" || name == "True" || name == "False" ||
                     name == "SimpleNamespace" || name == "ValueError" || name == "RuntimeError";
  return taken ? name + "Program" : name;
}

void AddPytorchRanges(const ExportedProgram& program, SourceLines& lines) {
  if (program.hyper_names.empty()) return;
  lines.Add("# What its hypers may be.");
  lines.Add("RANGES = {");
  for (size_t i = 0; i < program.hyper_names.size(); ++i) {
    const Range& range = program.program->hypers[i].range;
    lines.Add(absl::StrCat("    \"", program.hyper_names[i], "\": (lambda x: ", RangeText(range),
                           ", \"", range.Text(), "\"),"));
  }
  lines.Add("}");
  lines.Add("");
}

std::string PytorchHyperParameters(const ExportedProgram& program) {
  std::string parameters;
  for (size_t i = 0; i < program.hyper_names.size(); ++i) {
    const double value = program.program->hypers[i].value;
    absl::StrAppend(&parameters, ", ", program.hyper_names[i], "=", std::signbit(value) ? "-" : "",
                    NumberLiteral(std::fabs(value)));
  }
  return parameters;
}

std::string PytorchFile(const ExportedProgram& program, const Provenance& provenance,
                        const std::string& source, const std::string& class_text) {
  const std::string kind = program.IsLayer() ? "a layer" : "an optimizer";
  std::string file = absl::StrCat("\"\"\"", PytorchClass(program), ": ", kind,
                                  " for PyTorch 1.13 or later, exported from Lathe.\n\n    ");
  file += DocstringText(source, "    ");
  if (!provenance.facts.empty()) file += "\n";
  for (const auto& [what, text] : provenance.facts) {
    file += DocstringText(absl::StrCat(what, ": ", text), "    ");
  }
  file += "\"\"\"\n\n";
  const std::string functions = FunctionsFor(class_text, kFunctions, "\n\n");
  const std::string code = functions + class_text;
  if (HasWord(code, "math")) file += "import math\n";
  if (HasWord(code, "nullcontext")) file += "from contextlib import nullcontext\n";
  if (HasWord(code, "SimpleNamespace")) file += "from types import SimpleNamespace\n";
  if (!file.ends_with("\n\n")) file += "\n";
  file += "import torch\n";
  if (HasWord(code, "nn") && program.IsLayer()) file += "from torch import nn\n";
  return absl::StrCat(file, "\n\n", functions, class_text);
}

}  // namespace lathe
