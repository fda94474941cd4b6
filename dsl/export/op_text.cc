#include "dsl/export/op_text.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace lathe {
namespace {

constexpr std::array<std::string_view, kMaxArity> kPlaces = {"{a}", "{b}", "{c}"};

bool IsSign(char c) {
  return c == '+' || c == '-' || c == '*' || c == '/';
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}

// "1" as "1.0", "1e-8" as it is.
std::string Decimal(std::string_view number) {
  const bool whole = number.find_first_of(".e") == std::string_view::npos;
  return absl::StrCat(std::string(number), whole ? ".0" : "");
}

bool HasCondition(Op op) {
  return Info(op).cpp.find('?') != std::string_view::npos;
}

std::string Parameters(int arity, std::string_view before) {
  std::string list;
  for (int i = 0; i < arity; ++i) {
    absl::StrAppend(&list, i > 0 ? ", " : "", std::string(before), std::string(1, 'a' + i));
  }
  return list;
}

// The scalar text with each word w that `replace(w)` knows replaced.
template <typename Replace>
std::string WithWords(std::string_view text, Replace replace) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && IsWordCharacter(text[end])) ++end;
    if (end == i) {
      out += text[i++];
      continue;
    }
    const std::string_view word = text.substr(i, end - i);
    if (word == "T" && end < text.size() && text[end] == '(') {
      const size_t close = text.find(')', end);
      out += Decimal(text.substr(end + 1, close - end - 1));
      end = close + 1;
    } else {
      out += replace(word);
    }
    i = end;
  }
  return out;
}

}  // namespace

bool TakesNumbers(std::string_view torch_text, int operand) {
  const std::string_view place = kPlaces[operand];
  for (size_t at = torch_text.find(place); at != std::string_view::npos;
       at = torch_text.find(place, at + 1)) {
    size_t before = at, after = at + place.size();
    while (before > 0 && torch_text[before - 1] == ' ') --before;
    while (after < torch_text.size() && torch_text[after] == ' ') ++after;
    const char next = after < torch_text.size() ? torch_text[after] : ' ';
    const bool joined = (before > 0 && IsSign(torch_text[before - 1])) || IsSign(next);
    if (!joined || next == '.') return false;
  }
  return true;
}

std::string FilledIn(std::string_view torch_text, std::span<const std::string> operands,
                     std::string_view axes_or_equation) {
  std::vector<std::pair<absl::string_view, absl::string_view>> places;
  for (size_t i = 0; i < operands.size(); ++i) {
    places.emplace_back(absl::string_view(kPlaces[i].data(), kPlaces[i].size()), operands[i]);
  }
  const absl::string_view named(axes_or_equation.data(), axes_or_equation.size());
  places.emplace_back("{axes}", named);
  places.emplace_back("{equation}", named);
  return absl::StrReplaceAll(absl::string_view(torch_text.data(), torch_text.size()), places);
}

std::string LibtorchText(Op op) {
  if (Info(op).rule == TypeRule::contract) return "torch::einsum({equation}, {{a}, {b}})";
  return absl::StrReplaceAll(std::string(Info(op).torch),
                             {{"torch.nn.functional.softplus", "torch::softplus"},
                              {"torch.nn.functional.", "torch::nn::functional::"},
                              {"torch.", "torch::"},
                              {"lathe.", ""},
                              {".dtype", ".scalar_type()"},
                              {"keepdim=True", "/*keepdim=*/true"},
                              {"unbiased=False", "/*unbiased=*/false"},
                              {" ** (1 / 3)", ".pow(1.0 / 3.0)"}});
}

std::string ScalarFunctionName(Op op) {
  return absl::StrCat("op_", std::string(Info(op).name));
}

std::string ScalarText(Op op, std::span<const std::string> operands) {
  if (HasCondition(op)) {
    std::string call = ScalarFunctionName(op) + "(";
    for (size_t i = 0; i < operands.size(); ++i) {
      absl::StrAppend(&call, i > 0 ? ", " : "", operands[i]);
    }
    return call + ")";
  }
  return WithWords(Info(op).cpp, [&](std::string_view word) {
    const bool operand = word.size() == 1 && word[0] >= 'a' && word[0] <= 'c';
    return operand ? operands[word[0] - 'a'] : std::string(word);
  });
}

std::string ScalarFunction(Op op) {
  if (Info(op).rule != TypeRule::elementwise || !HasCondition(op)) return "";
  return absl::StrCat(
      "inline double ", ScalarFunctionName(op), "(", Parameters(Info(op).arity, "double "),
      ") {\n  return ",
      WithWords(Info(op).cpp, [](std::string_view word) { return std::string(word); }), ";\n}\n");
}

}  // namespace lathe
