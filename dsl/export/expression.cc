#include "dsl/export/expression.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "dsl/export/op_text.h"
#include "dsl/text.h"

namespace lathe {
namespace {

// What a value is where it meets others, which are converted to the largest kind among them.
enum Kind : uint8_t { kNumber, kOwnNumber, kTensor };

// Beyond this a float is infinite, and what is computed with it in double is not.
constexpr double kFitsFloat = 1e30;

const std::string_view kLetters = "pijklbgkhwmn";  // by axis

bool IsNumber(AxisSet type) {
  return type.Within(kElementAxes).Empty();
}

// A call has parentheses of its own.
std::string AsTensor(const std::string& number) {
  const bool enclosed = number.starts_with('(');
  return "number(" + (enclosed ? number.substr(1, number.size() - 2) : number) + ")";
}

std::string Letters(AxisSet type, AxisLabels labels) {
  std::string letters;
  ForEachAxis(type.Without({Axis::kP}),
              [&](Axis axis) { letters += kLetters[static_cast<size_t>(LabelOf(axis, labels))]; });
  return letters;
}

}  // namespace

// An operand.
struct Expressions::Piece {
  std::string text;
  AxisSet type;
  Kind kind = kNumber;
  bool scalar = false;  // a number of the language itself
  bool literal = false;
  double value = 0;  // of a literal
};

std::string NumberLiteral(double value) {
  std::string text = NumberText(std::fabs(value));
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return std::signbit(value) ? "(-" + text + ")" : text;
}

Expressions::Expressions(const ExportedProgram& program, ExportLanguage language)
    : program_(program),
      language_(language),
      scalar_(program.values.size(), false),
      from_model_(program.values.size(), false) {
  // Hypers and inputs come after the instructions that read them: those first.
  for (const bool instructions : {false, true}) {
    for (size_t i = 0; i < program.values.size(); ++i) {
      const ExportedValue& value = program.values[i];
      if (value.IsInstruction() != instructions) continue;
      const bool of_optimizer = !program.IsLayer() && value.IsNumber();
      bool scalar = of_optimizer || value.operand.kind == Operand::Kind::kHyper;
      bool from_model =
          value.level == Level::kModel ||
          (value.operand.kind == Operand::Kind::kState && value.level == Level::kGroup);
      if (instructions) {
        const Instruction& instruction = program.InstructionOf(value);
        bool all_scalar = value.type.Empty();
        for (int k = 0; k < instruction.Arity(); ++k) {
          all_scalar = all_scalar && IsScalar(instruction.operands[k]);
          from_model = from_model ||
                       (value.level == Level::kGroup && ComesFromModel(instruction.operands[k]));
        }
        scalar = scalar || all_scalar;
      }
      scalar_[i] = Cpp() && scalar;
      from_model_[i] = program.HasModelReductions() && from_model;
    }
  }
}

bool Expressions::IsScalar(const Operand& operand) const {
  return Cpp() && (operand.IsConstant() || scalar_[program_.PlaceOf(operand)]);
}

bool Expressions::ComesFromModel(const Operand& operand) const {
  return !operand.IsConstant() && from_model_[program_.PlaceOf(operand)];
}

std::string Expressions::Reference(const Operand& operand, Level where) const {
  if (operand.IsConstant()) return NumberLiteral(operand.constant);
  const ExportedValue& value = program_.ValueOf(operand);
  std::string text = value.name;
  if (value.kept) text = (value.level == Level::kGroup ? "of." : "at.") + text;
  // Parameters may be on several devices.
  const bool moves = where != Level::kGroup && !Cpp() && ComesFromModel(operand);
  if (moves) text += where == Level::kModel ? ".to(at.p.device)" : ".to(p.device)";
  return text;
}

std::string Expressions::TensorReference(const Operand& operand, Level where) const {
  const std::string text = Reference(operand, where);
  return operand.IsConstant() || IsScalar(operand) ? AsTensor(text) : text;
}

Expressions::Piece Expressions::PieceOf(const Operand& operand, Level where) const {
  Piece piece{.text = Reference(operand, where),
              .type = program_.TypeOf(operand),
              .scalar = IsScalar(operand) || operand.IsConstant(),
              .literal = operand.IsConstant(),
              .value = operand.constant};
  if (!IsNumber(piece.type)) {
    piece.kind = kTensor;
  } else if (!piece.type.Empty()) {
    piece.kind = kOwnNumber;
  }
  return piece;
}

std::vector<Expressions::Piece> Expressions::PiecesOf(const ExportedValue& value,
                                                      bool of_slots) const {
  const Instruction& instruction = program_.InstructionOf(value);
  std::vector<Piece> pieces;
  pieces.reserve(kMaxArity);
  for (int k = 0; k < instruction.Arity(); ++k) {
    pieces.push_back(PieceOf(instruction.operands[k], of_slots ? Level::kModel : value.level));
  }
  return pieces;
}

std::string Expressions::List(const std::vector<std::string>& items) const {
  const std::string list = absl::StrJoin(items, ", ");
  if (Cpp()) return "{" + list + "}";
  return "(" + list + (items.size() == 1 ? ",)" : ")");
}

std::vector<std::string> Expressions::Shape(AxisSet type) const {
  std::vector<std::string> shape;
  const bool plain = kModelAxes.Contains(type);
  AxisSet frame = type.Without({Axis::kP});
  if (program_.IsLayer()) {
    frame = program_.program->signature->axes;
  } else if (plain) {
    frame = {Axis::kR, Axis::kC};
  }
  ForEachAxis(frame, [&](Axis axis) {
    const std::string_view name = kAxisNames[static_cast<size_t>(axis)];
    shape.emplace_back(type.Has(axis) ? name.substr(0, 1) : "1");  // R' is as long as R
  });
  return shape;
}

std::string Expressions::ShapeText(AxisSet type) const {
  return List(IsNumber(type) && !program_.IsLayer() ? std::vector<std::string>() : Shape(type));
}

std::string Expressions::Reshaped(const std::string& text,
                                  const std::vector<std::string>& shape) const {
  if (Cpp()) return text + ".reshape({" + absl::StrJoin(shape, ", ") + "})";
  return text + ".reshape(" + (shape.empty() ? "()" : absl::StrJoin(shape, ", ")) + ")";
}

std::string Expressions::Aligned(const std::string& text, AxisSet type, AxisSet to) const {
  if (program_.IsLayer() || IsNumber(type)) return text;
  std::vector<std::string> from = Shape(type), wanted = Shape(to);
  size_t place = 0;
  const AxisSet frame = kModelAxes.Contains(to) ? kModelAxes : to;
  ForEachAxis(frame.Without({Axis::kP}), [&](Axis axis) {
    if (!type.Has(axis)) wanted[place] = "1";
    ++place;
  });
  const auto strip = [](std::vector<std::string> shape) {
    shape.erase(shape.begin(), std::ranges::find_if(shape, [](const auto& s) { return s != "1"; }));
    return shape;
  };
  return strip(from) == strip(wanted) ? text : Reshaped(text, wanted);
}

std::string Expressions::DimsText(const std::vector<int>& dims) const {
  if (Cpp()) return "Dims{" + absl::StrJoin(dims, ", ") + "}";
  return dims.size() == 1 ? absl::StrCat(dims[0]) : "(" + absl::StrJoin(dims, ", ") + ")";
}

std::string Expressions::Template(Op op) const {
  if (Cpp()) return LibtorchText(op);
  const std::string_view text = Info(op).torch;
  return std::string(text.starts_with("lathe.") ? text.substr(6) : text);
}

std::string Expressions::AsNumber(const std::string& text, bool in_double) const {
  if (Cpp() && !program_.IsLayer()) return text + ".item<double>()";
  return in_double ? text : "as_number(" + text + ")";
}

// All of one type, on one device.
void Expressions::MakeTensors(std::vector<Piece>& pieces) const {
  const Piece largest = *std::ranges::max_element(pieces, {}, &Piece::kind);
  for (Piece& piece : pieces) {
    if (piece.scalar) piece.text = AsTensor(piece.text);
    if (piece.kind < largest.kind && !largest.scalar) piece.text += ".to(" + largest.text + ")";
    piece.scalar = piece.literal = false;
  }
}

std::string Expressions::Of(const ExportedValue& value) const {
  const Instruction& instruction = program_.InstructionOf(value);
  if (!program_.IsLayer() && IsOverModel(*program_.program, instruction, program_.types)) {
    return OverModel(value);
  }
  std::vector<Piece> pieces = PiecesOf(value, /*of_slots=*/false);
  const bool in_double =
      std::ranges::all_of(pieces, [](const Piece& p) { return p.kind != kTensor; });
  const TypeRule rule = Info(instruction.op).rule;
  if (rule == TypeRule::elementwise) return Elementwise(instruction, std::move(pieces), value.type);
  const bool scalar = IsScalar(value.operand);
  MakeTensors(pieces);
  std::vector<std::string> texts;
  std::string text;
  switch (rule) {
    case TypeRule::reduce_over:
    case TypeRule::normalize_over: text = Over(instruction, pieces[0], value.type); break;
    case TypeRule::contract: text = Einsum(instruction, pieces, value.type); break;
    case TypeRule::swap: text = Transposed(instruction, pieces[0]); break;
    case TypeRule::reduce_elements:
      text = FilledIn(Template(instruction.op), std::vector{pieces[0].text}, "");
      break;
    default:
      AxisSet all;
      for (const Piece& piece : pieces) all = all.With(piece.type);
      for (const Piece& piece : pieces) {
        const std::string aligned = Aligned(piece.text, piece.type, all);
        texts.push_back(Cpp() ? "{" + aligned + "}" : "[" + aligned + "]");
      }
      text = FilledIn(Template(instruction.op), texts, "");
      if (rule == TypeRule::normalize_model) text += "[0]";
  }
  if (!IsNumber(value.type)) return text;
  if (Cpp() && scalar) return text + ".item<double>()";
  return AsNumber(text, in_double || rule == TypeRule::swap || rule == TypeRule::reduce_model);
}

std::string Expressions::Elementwise(const Instruction& instruction, std::vector<Piece> pieces,
                                     AxisSet type) const {
  if (Cpp() && std::ranges::all_of(pieces, &Piece::scalar)) {
    std::vector<std::string> texts;
    texts.reserve(pieces.size());
    for (const Piece& piece : pieces) texts.push_back(piece.text);
    return ScalarText(instruction.op, texts);
  }
  const std::string torch = Template(instruction.op);
  const Piece largest = *std::ranges::max_element(pieces, {}, &Piece::kind);
  const bool all_literal = std::ranges::all_of(pieces, &Piece::literal);
  const bool lerp = instruction.op == Op::lerp && largest.kind == kTensor;
  // What a lerp mixes by is a double, in which 1 - c is exact.
  const bool wide =
      lerp && (pieces[2].kind == kTensor || (pieces[2].kind == kOwnNumber && program_.IsLayer()));
  std::vector<std::string> texts;
  for (size_t i = 0; i < pieces.size(); ++i) {
    Piece& piece = pieces[i];
    const bool beside = TakesNumbers(torch, static_cast<int>(i)) && !all_literal;
    const bool has_dimensions = piece.kind == kOwnNumber && program_.IsLayer();
    const bool mixed = lerp && i < 2 && !(piece.literal && std::fabs(piece.value) < kFitsFloat);
    const bool converts = piece.kind < largest.kind && !(wide && i == 2) &&
                          (!beside || (has_dimensions && largest.kind == kTensor) || mixed);
    std::string text = piece.text;
    if (piece.scalar && (!beside || converts)) text = AsTensor(text);
    if (converts) text += ".to(" + largest.text + ")";
    text = Aligned(text, piece.type, type);
    if (wide && i == 2 && piece.kind == kTensor) text = "as_number(" + text + ")";
    texts.push_back(text);
  }
  const std::string text = FilledIn(torch, texts, "");
  return wide ? "(" + text + ").to(" + largest.text + ")" : text;
}

std::string Expressions::Over(const Instruction& instruction, const Piece& piece,
                              AxisSet type) const {
  std::vector<int> dims;
  int place = 0;
  const bool plain = kModelAxes.Contains(piece.type) && !program_.IsLayer();
  AxisSet frame = plain ? kModelAxes : piece.type;
  if (program_.IsLayer()) frame = program_.program->signature->axes;
  ForEachAxis(frame.Without({Axis::kP}), [&](Axis axis) {
    if (instruction.over.Has(axis) && piece.type.Has(axis)) dims.push_back(place);
    ++place;
  });
  // Over axes that the value lacks: of one element.
  const std::string torch = Template(instruction.op);
  if (dims.empty()) {
    return FilledIn(torch, std::vector{piece.text + ".unsqueeze(0)"}, DimsText({0})) +
           ".squeeze(0)";
  }
  const std::string text = FilledIn(torch, std::vector{piece.text}, DimsText(dims));
  if (Info(instruction.op).rule == TypeRule::normalize_over) return text;
  std::vector<std::string> shape = Shape(piece.type);
  for (const int dim : dims) shape[dim] = "1";
  const bool zero = type.Empty() || (IsNumber(type) && !program_.IsLayer());
  const std::vector<std::string> wanted = zero ? std::vector<std::string>() : Shape(type);
  return shape == wanted ? text : Reshaped(text, wanted);
}

std::string Expressions::Einsum(const Instruction& instruction, const std::vector<Piece>& pieces,
                                AxisSet type) const {
  const auto held = [](AxisSet of) {
    std::vector<std::string> shape;
    ForEachAxis(of.Without({Axis::kP}), [&](Axis axis) {
      shape.emplace_back(kAxisNames[static_cast<size_t>(axis)].substr(0, 1));
    });
    return shape;
  };
  const auto has_no_dimensions = [&](AxisSet of) {
    return of.Empty() || (IsNumber(of) && !program_.IsLayer());
  };
  std::vector<std::string> texts;
  std::array<AxisSet, 2> labels;
  std::string equation;
  for (int i = 0; i < 2; ++i) {
    const AxisSet own = pieces[i].type;
    const bool as_it_is = has_no_dimensions(own) || Shape(own) == held(own);
    texts.push_back(as_it_is ? pieces[i].text : Reshaped(pieces[i].text, held(own)));
    labels[i] = LabelsOf(own.Without({Axis::kP}), instruction.labels[i]);
    absl::StrAppend(&equation, i > 0 ? "," : "", Letters(own, instruction.labels[i]));
  }
  absl::StrAppend(&equation, "->", Letters(instruction.over, kPlainLabels));
  std::string text = FilledIn(Template(instruction.op), texts, "\"" + equation + "\"");
  // Sums start at 0, so that none is -0. A product of matrices does so by itself.
  const bool multiplies = !labels[0].Within(labels[1]).Without(instruction.over).Empty();
  if (!multiplies) text = "(" + text + " + 0.0)";
  if (has_no_dimensions(type) || Shape(type) == held(instruction.over)) return text;
  return Reshaped(text, Shape(type));
}

std::string Expressions::Transposed(const Instruction& instruction, const Piece& piece) const {
  std::string text = piece.text;
  std::vector<Axis> axes;
  ForEachAxis(piece.type.Without({Axis::kP}), [&](Axis axis) { axes.push_back(axis); });
  const auto place = [&](Axis axis) { return std::ranges::find(axes, axis) - axes.begin(); };
  for (const auto& [a, b] : {std::pair(Axis::kR, Axis::kR1), std::pair(Axis::kC, Axis::kC1)}) {
    if (!piece.type.Has(a) || !piece.type.Has(b)) continue;
    text = FilledIn(Template(instruction.op), std::vector{text},
                    absl::StrCat(place(a), ", ", place(b)));
  }
  return text;
}

// A number, or a list with a value for each parameter.
std::string Expressions::OverModel(const ExportedValue& value) const {
  const Instruction& instruction = program_.InstructionOf(value);
  std::vector<Piece> pieces = PiecesOf(value, /*of_slots=*/true);
  AxisSet all;
  for (const Piece& piece : pieces) all = all.With(piece.type);
  MakeTensors(pieces);
  std::vector<std::string> lists;
  for (const Piece& piece : pieces) {
    // In a list over all parameters each has extents of its own.
    const std::string aligned = Aligned(piece.text, piece.type, all);
    const std::string text = piece.text + absl::StrReplaceAll(aligned.substr(piece.text.size()),
                                                              {{"R", "matrix_shape(at.p)[0]"},
                                                               {"C", "matrix_shape(at.p)[1]"}});
    const bool of_groups = text.find("of.") != std::string::npos;
    const bool of_parameter = text.find("at.") != std::string::npos;
    if (Cpp()) {
      lists.push_back(absl::StrCat("each(groups, [&](const Group&", of_groups ? " of" : "",
                                   ", const Slot&", of_parameter ? " at" : "",
                                   ") -> torch::Tensor { return ", text, "; })"));
    } else {
      const char* loop = of_groups ? "for of in groups for at in of.slots" : "for at in slots";
      lists.push_back(absl::StrCat("[", text, " ", loop, "]"));
    }
  }
  const TypeRule rule = Info(instruction.op).rule;
  const std::string torch = Template(instruction.op);
  if (rule == TypeRule::normalize_over) {
    const std::string text = FilledIn(torch, std::vector{"flat(" + lists[0] + ")"}, DimsText({0}));
    return absl::StrCat("apart(", text, ", ", lists[0], ")");
  }
  if (rule != TypeRule::reduce_over) {
    const std::string text = FilledIn(torch, lists, "");
    return rule == TypeRule::reduce_model ? AsNumber(text, true) : text;
  }
  const std::string text = FilledIn(torch, std::vector{"flat(" + lists[0] + ")"}, DimsText({0}));
  return AsNumber(Reshaped(text, {}), false);
}

}  // namespace lathe
