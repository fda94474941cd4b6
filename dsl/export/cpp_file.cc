// The header around a class: what it says about itself, and the functions that the class calls.
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dsl/export/cpp.h"
#include "dsl/export/op_text.h"
#include "dsl/export/quote.h"
#include "dsl/export/safe_names.h"

namespace lathe {
namespace {

constexpr std::string_view kWords[] = {
    // Of the language, and macros of its library.
    "alignas", "alignof", "and", "and_eq", "asm", "assert", "auto", "bitand", "bitor", "bool",
    "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await",
    "co_return", "co_yield", "compl", "concept", "const", "const_cast", "consteval", "constexpr",
    "constinit", "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast",
    "else", "enum", "errno", "explicit", "export", "extern", "false", "final", "float", "for",
    "friend", "goto", "if", "import", "inline", "int", "int64_t", "linux", "long", "major", "minor",
    "module", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator",
    "or", "or_eq", "override", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "return", "short", "signed", "size_t", "sizeof", "static", "static_assert",
    "static_cast", "stderr", "stdin", "stdout", "struct", "switch", "template", "this",
    "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unix",
    "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    // Of the header, and members of what its classes derive from.
    "apart", "apply", "archive", "as_number", "at", "buffers", "c10", "channels", "check",
    "children", "clip_by_global_norm", "clip_factor", "clone", "closure", "cosine_sim", "defaults",
    "dot", "each", "eval", "flat", "forward", "get_lr", "global_norm", "group", "groups", "i",
    "input", "is_training", "item", "j", "kept", "key_in", "load", "loss", "matrix", "matrix_shape",
    "maximize", "modules", "move_average", "name", "no_autocast", "no_grad", "number", "of",
    "options", "p", "param_groups", "parameters", "params", "pretty_print", "read", "reset",
    "results", "save", "serialize", "set_lr", "slots", "softmax", "state", "state_of", "std",
    "step", "stored", "torch", "train", "value", "wide", "with_gradient", "zero_grad"};

constexpr std::array<SourceFunction, 19> kFunctions = {{
    {"wide", R"(// The type in which it is computed: float32 for half precision.
inline torch::ScalarType wide(const torch::Tensor& x) {
  return torch::promoteTypes(x.scalar_type(), torch::kFloat32);
}
)"},
    {"number", R"(// A number in double, of which it is rounded once where it meets a tensor.
inline torch::Tensor number(double value) {
  return torch::tensor(value, torch::kFloat64);
}
)"},
    {"as_number", R"(// In double, where the device has it.
inline torch::Tensor as_number(const torch::Tensor& x) {
  return x.to(x.is_mps() ? torch::kFloat32 : torch::kFloat64);
}
)"},
    {"matrix_shape",
     R"(// A tensor [d0, d1, ...] is a matrix of d0 rows; scalars and vectors have one column.
inline std::array<int64_t, 2> matrix_shape(const torch::Tensor& x) {
  std::array<int64_t, 2> shape = {x.dim() == 0 ? 1 : x.size(0), 1};
  for (int64_t i = 1; i < x.dim(); ++i) shape[1] *= x.size(i);
  return shape;
}
)"},
    {"matrix", R"(inline torch::Tensor matrix(const torch::Tensor& x) {
  return x.to(wide(x)).reshape(matrix_shape(x));
}
)"},
    {"each", R"(// get(group, slot) of every parameter of a model.
template <typename Groups, typename Get>
std::vector<torch::Tensor> each(const Groups& groups, const Get& get) {
  std::vector<torch::Tensor> values;
  for (const auto& of : groups) {
    for (const auto& slot : of.slots) values.push_back(get(of, slot));
  }
  return values;
}
)"},
    {"flat", R"(// All elements of a model one after another, on the device of the first.
inline torch::Tensor flat(const std::vector<torch::Tensor>& values) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& x : values) parts.push_back(x.reshape({-1}).to(values[0].device()));
  return torch::cat(parts);
}
)"},
    {"apart", R"(inline std::vector<torch::Tensor> apart(const torch::Tensor& values,
                                        const std::vector<torch::Tensor>& like) {
  std::vector<int64_t> sizes;
  for (const torch::Tensor& x : like) sizes.push_back(x.numel());
  std::vector<torch::Tensor> parts = values.split_with_sizes(sizes);
  for (size_t i = 0; i < like.size(); ++i) parts[i] = parts[i].reshape(like[i].sizes()).to(like[i]);
  return parts;
}
)"},
    {"dot", R"(// The sum of a * b over all parameters.
inline torch::Tensor dot(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  std::vector<torch::Tensor> parts;
  for (size_t i = 0; i < a.size(); ++i) parts.push_back(as_number((a[i] * b[i]).sum()));
  for (torch::Tensor& part : parts) part = part.to(parts[0].device());
  return torch::stack(parts).sum();
}
)"},
    {"global_norm", R"(// The Euclidean norm of all parameters.
inline torch::Tensor global_norm(const std::vector<torch::Tensor>& a) {
  return dot(a, a).sqrt();
}
)"},
    {"cosine_sim", R"(// The cosine of the angle between a and b, over all parameters.
inline torch::Tensor cosine_sim(std::vector<torch::Tensor> a, std::vector<torch::Tensor> b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<torch::Tensor> pair = torch::broadcast_tensors({a[i], b[i]});
    a[i] = pair[0];
    b[i] = pair[1];
  }
  return dot(a, b) / (global_norm(a) * global_norm(b));
}
)"},
    {"clip_factor", R"(// What an element is multiplied with; NaN if norm or bound is.
inline torch::Tensor clip_factor(torch::Tensor norm, const torch::Tensor& bound) {
  const torch::Tensor most = as_number(bound).abs();
  norm = norm.to(most.device());
  const torch::Tensor kept = torch::where(norm <= most, torch::ones_like(norm), norm + most);
  return torch::where(norm > most, most / norm, kept);
}
)"},
    {"clip_by_global_norm", R"(// a, scaled so that its norm over all parameters is at most |b|.
inline std::vector<torch::Tensor> clip_by_global_norm(std::vector<torch::Tensor> a,
                                                      const std::vector<torch::Tensor>& b) {
  const torch::Tensor norm = global_norm(a);
  for (size_t i = 0; i < a.size(); ++i) a[i] = a[i] * clip_factor(norm, b[i]).to(a[i]);
  return a;
}
)"},
    {"softmax", R"(// Over several dimensions. NaN throughout where one is infinite or NaN.
inline torch::Tensor softmax(const torch::Tensor& a, Dims axes) {
  const torch::Tensor powers = (a - a.amax(axes, /*keepdim=*/true).detach()).exp();
  return powers / powers.sum(axes, /*keepdim=*/true);
}
)"},
    {"stored", R"(// A running average as numbers of this shape.
inline torch::Tensor stored(const torch::Tensor& average, Dims shape) {
  return as_number(average).reshape(shape);
}
)"},
    {"move_average", R"(// average <- 0.9 average + 0.1 moment; a batch of nothing has no moment.
inline void move_average(const torch::Tensor& average, const torch::Tensor& moment,
                         const torch::Tensor& x) {
  if (x.numel() == 0) return;
  torch::NoGradGuard no_grad;
  average.copy_(0.9 * as_number(average) + 0.1 * moment.reshape(average.sizes()));
}
)"},
    {"key_in", R"(// libtorch 1.13 keeps states by a text, later versions keep them by the pointer.
template <typename States>
typename States::key_type key_in(const States& /*states*/, const torch::Tensor& p) {
  if constexpr (std::is_same_v<typename States::key_type, std::string>) {
    std::ostringstream text;
    text << p.unsafeGetTensorImpl();
    return text.str();
  } else {
    return p.unsafeGetTensorImpl();
  }
}
)"},
    {"read", R"(// What was saved under a name, into a state of the same shape, whose type it takes.
inline void read(torch::serialize::InputArchive& archive, const std::string& name,
                 torch::Tensor& state) {
  torch::Tensor saved;
  archive.read(name, saved);
  TORCH_CHECK(saved.sizes().equals(state.sizes()), "the saved state ", name, " has the shape ",
              saved.sizes(), ", the parameter needs ", state.sizes());
  state = saved.to(state.options()).contiguous();
}
)"},
    {"with_gradient", R"(inline std::vector<torch::Tensor> with_gradient(
    const torch::optim::OptimizerParamGroup& group) {
  std::vector<torch::Tensor> params;
  for (const torch::Tensor& p : group.params()) {
    if (p.grad().defined()) params.push_back(p);
  }
  return params;
}
)"},
}};

// "0.0 <= value && value < 1.0"
std::string RangeText(const Range& range) {
  const auto bound = [](double value) {
    if (!std::isinf(value)) return NumberLiteral(value);
    return std::string(value < 0 ? "-INFINITY" : "INFINITY");
  };
  return absl::StrCat(bound(range.low), range.low_included ? " <= value" : " < value", " && value",
                      range.high_included ? " <= " : " < ", bound(range.high));
}

// All that ScalarFunctions may define.
std::vector<std::string> ScalarFunctionNames() {
  std::vector<std::string> names;
  for (const Op op : AllOps()) {
    if (!ScalarFunction(op).empty()) names.push_back(ScalarFunctionName(op));
  }
  return names;
}

// Of the ops that the class computes with numbers.
std::string ScalarFunctions(const std::string& class_text) {
  std::string functions;
  for (const Op op : AllOps()) {
    if (HasWord(class_text, ScalarFunctionName(op))) functions += ScalarFunction(op) + "\n";
  }
  return functions;
}

}  // namespace

ReservedWords CppWords() {
  static const std::vector<std::string> functions = ScalarFunctionNames();
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> all(std::begin(kWords), std::end(kWords));
    all.insert(all.end(), functions.begin(), functions.end());
    return all;
  }();
  return words;
}

std::string CppClass(const ExportedProgram& program) {
  std::string name = CamelCase(program.name);
  const bool taken = name == "Slot" || name == "Group" || name == "Dims";
  return taken ? name + "Program" : name;
}

void AddCppHypers(const ExportedProgram& program, SourceLines& lines) {
  for (size_t i = 0; i < program.hyper_names.size(); ++i) {
    lines.Add(absl::StrCat("TORCH_ARG(double, ", program.hyper_names[i],
                           ") = ", NumberLiteral(program.program->hypers[i].value), ";"));
  }
}

void AddCppRangeChecks(const ExportedProgram& program, SourceLines& lines) {
  for (size_t i = 0; i < program.hyper_names.size(); ++i) {
    const std::string& name = program.hyper_names[i];
    const Range& range = program.program->hypers[i].range;
    lines.Add("{");
    lines.Add(absl::StrCat("  const double value = options.", name, "();"));
    lines.Add(
        absl::StrCat("  TORCH_CHECK(", RangeText(range), ", \"the hyper ", name, " is \", value,"));
    lines.Add(absl::StrCat("              \", which is not in its range ", range.Text(), "\");"));
    lines.Add("}");
  }
}

std::string CppFile(const ExportedProgram& program, const Provenance& provenance,
                    const std::string& source, const std::string& class_text) {
  const std::string kind = program.IsLayer() ? "a layer" : "an optimizer";
  const std::string space = "lathe_" + program.name;
  const std::string guard = absl::AsciiStrToUpper(space) + "_H_";
  std::string file = absl::StrCat("// ", CppClass(program), ": ", kind,
                                  " for libtorch 1.13 or later, exported from Lathe.\n//\n");
  file += CppComment(source, "    ");
  if (!provenance.facts.empty()) file += "//\n";
  for (const auto& [what, text] : provenance.facts) {
    file += CppComment(absl::StrCat(what, ": ", text), "    ");
  }
  const std::string functions = FunctionsFor(class_text, kFunctions, "\n");
  return absl::StrCat(file, "#ifndef ", guard, "\n#define ", guard,
                      "\n\n#include <torch/torch.h>\n\n#include <array>\n#include <cmath>\n"
                      "#include <memory>\n#include <sstream>\n#include <string>\n"
                      "#include <type_traits>\n#include <utility>\n#include <vector>\n\nnamespace ",
                      space, " {\n\nusing Dims = torch::IntArrayRef;\n\n", functions,
                      ScalarFunctions(class_text), class_text, "\n}  // namespace ", space,
                      "\n\n#endif  // ", guard, "\n");
}

}  // namespace lathe
