// Instructions as expressions of PyTorch, in Python or C++, made of the texts in dsl/ops.def.
//
// Numbers (values without an element axis) are computed in double. In Python they are tensors of
// dimension 0, and those of a layer's channels have the dimensions of its frame; an optimizer's are
// `double` in C++. A tensor has a dimension for each axis of its type; one of R, C or both is a
// matrix, with extents of 1.
#ifndef LATHE_DSL_EXPORT_EXPRESSION_H_
#define LATHE_DSL_EXPORT_EXPRESSION_H_

#include <string>
#include <string_view>
#include <vector>

#include "dsl/export/lowering.h"

namespace lathe {

enum class ExportLanguage : uint8_t { kPython, kCpp };

// "0.5", "1.0", "(-2.0)"; reads back as the same double.
std::string NumberLiteral(double value);

class Expressions {
 public:
  Expressions(const ExportedProgram& program, ExportLanguage language);

  // How an operand is called in the code of a group, or of a parameter.
  std::string Reference(const Operand& operand, Level where) const;
  // The same as a tensor: number(0.5).
  std::string TensorReference(const Operand& operand, Level where) const;
  // Whether it is a `double`; never in Python.
  bool IsScalar(const Operand& operand) const;

  // What computes an instruction.
  std::string Of(const ExportedValue& value) const;

  // The extents of a value of this type: {"R", "1"}.
  std::vector<std::string> Shape(AxisSet type) const;
  // "(R, 1)" or "{R, 1}".
  std::string ShapeText(AxisSet type) const;
  // `text`, a value of one type, such that it broadcasts with those of another, which has more
  // axes.
  std::string Aligned(const std::string& text, AxisSet type, AxisSet to) const;

 private:
  struct Piece;

  bool Cpp() const { return language_ == ExportLanguage::kCpp; }
  std::string List(const std::vector<std::string>& items) const;
  std::string Reshaped(const std::string& text, const std::vector<std::string>& shape) const;
  std::string DimsText(const std::vector<int>& dims) const;
  std::string Template(Op op) const;
  std::vector<Piece> PiecesOf(const ExportedValue& value, bool of_slots) const;
  Piece PieceOf(const Operand& operand, Level where) const;
  void MakeTensors(std::vector<Piece>& pieces) const;
  std::string Elementwise(const Instruction& instruction, std::vector<Piece> pieces,
                          AxisSet type) const;
  std::string Over(const Instruction& instruction, const Piece& piece, AxisSet type) const;
  std::string Einsum(const Instruction& instruction, const std::vector<Piece>& pieces,
                     AxisSet type) const;
  std::string Transposed(const Instruction& instruction, const Piece& piece) const;
  std::string OverModel(const ExportedValue& value) const;
  std::string AsNumber(const std::string& text, bool in_double) const;
  bool ComesFromModel(const Operand& operand) const;

  const ExportedProgram& program_;
  const ExportLanguage language_;
  std::vector<bool> scalar_, from_model_;  // by value
};

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_EXPRESSION_H_
