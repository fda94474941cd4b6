// Named axes and sets of them. The type of every value in a program is an AxisSet: it says which
// axes the value has, not how long they are.
//
//   AxisSet full = {Axis::kP, Axis::kR, Axis::kC};
//   full.Without({Axis::kR, Axis::kC}).Text() == "[P]"
//
// Values; safe to use from any thread.
#ifndef LATHE_DSL_AXES_H_
#define LATHE_DSL_AXES_H_

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// Of optimizers: P counts the parameters of a model; R and C are the rows and columns of one
// parameter, ragged over P, so that a type with R or C has P too. R' and C' are as long as R and C
// and different axes for broadcasting; R'' and C'' live only inside an einsum.
// Of layers: B examples, G groups of K channels, H x W places.
//
// Values are laid out row-major in this order. The numbers are stored in hashes: new axes come
// last.
enum class Axis : uint8_t { kP, kR, kC, kR1, kC1, kB, kG, kK, kH, kW, kR2, kC2 };

inline constexpr std::array<std::string_view, 12> kAxisNames = {"P", "R", "C", "R'", "C'",  "B",
                                                                "G", "K", "H", "W",  "R''", "C''"};
inline constexpr int kAxisCount = kAxisNames.size();

class AxisSet {
 public:
  constexpr AxisSet() = default;
  constexpr AxisSet(std::initializer_list<Axis> axes) {
    for (Axis axis : axes) bits_ |= Bit(axis);
  }

  constexpr bool Has(Axis axis) const { return (bits_ & Bit(axis)) != 0; }
  constexpr bool Empty() const { return bits_ == 0; }
  constexpr int Size() const { return std::popcount(bits_); }
  constexpr bool Contains(AxisSet other) const { return (other.bits_ & ~bits_) == 0; }
  constexpr AxisSet With(AxisSet other) const { return FromBits(bits_ | other.bits_); }
  constexpr AxisSet Without(AxisSet other) const { return FromBits(bits_ & ~other.bits_); }
  constexpr AxisSet Within(AxisSet other) const { return FromBits(bits_ & other.bits_); }
  constexpr uint16_t Bits() const { return bits_; }
  static constexpr AxisSet FromBits(int bits) {
    AxisSet set;
    set.bits_ = static_cast<uint16_t>(bits);
    return set;
  }

  // Whether a value may have this type: the axes of parameters only together with P, and no axis
  // that lives inside an einsum alone.
  constexpr bool IsType() const {
    const int of_parameters = Bit(Axis::kR) | Bit(Axis::kC) | Bit(Axis::kR1) | Bit(Axis::kC1);
    const int inside_einsum = Bit(Axis::kR2) | Bit(Axis::kC2);
    return (bits_ & inside_einsum) == 0 && (Has(Axis::kP) || (bits_ & of_parameters) == 0);
  }

  friend constexpr bool operator==(AxisSet, AxisSet) = default;

  // "[P,R,C]"; "[]" for a value without axes.
  std::string Text() const;
  // "P, R, C".
  std::string List() const;

 private:
  static constexpr int Bit(Axis axis) { return 1 << static_cast<int>(axis); }
  uint16_t bits_ = 0;
};

// Calls visit(Axis) for every axis of a set, in the order of the layout.
template <typename Visit>
constexpr void ForEachAxis(AxisSet axes, Visit visit) {
  for (unsigned bits = axes.Bits(); bits != 0; bits &= bits - 1) {
    visit(static_cast<Axis>(std::countr_zero(bits)));
  }
}

std::optional<Axis> AxisByName(std::string_view name);

// The type of a model's parameters and gradients.
inline constexpr AxisSet kModelAxes = {Axis::kP, Axis::kR, Axis::kC};
// The axes of a parameter, of which its values have one each.
inline constexpr AxisSet kParameterAxes = {Axis::kR, Axis::kC, Axis::kR1, Axis::kC1};
// Axes along which tensors are long. Values without any of them are numbers: of a model, of a
// parameter, of a channel.
inline constexpr AxisSet kElementAxes = {Axis::kR, Axis::kC, Axis::kR1, Axis::kC1,
                                         Axis::kB, Axis::kH, Axis::kW};
inline constexpr AxisSet kEveryAxis = AxisSet::FromBits((1 << kAxisCount) - 1);

}  // namespace lathe

#endif  // LATHE_DSL_AXES_H_
