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
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// P counts the parameters of a model; R and C are the rows and columns of one parameter. R and C
// are ragged over P, so a type that has R or C has P too.
enum class Axis : uint8_t { kP, kR, kC };

inline constexpr std::array<std::string_view, 3> kAxisNames = {"P", "R", "C"};

class AxisSet {
 public:
  constexpr AxisSet() = default;
  constexpr AxisSet(std::initializer_list<Axis> axes) {
    for (Axis axis : axes) bits_ |= Bit(axis);
  }

  constexpr bool Has(Axis axis) const { return (bits_ & Bit(axis)) != 0; }
  constexpr bool Empty() const { return bits_ == 0; }
  constexpr bool Contains(AxisSet other) const { return (other.bits_ & ~bits_) == 0; }
  constexpr AxisSet With(AxisSet other) const { return FromBits(bits_ | other.bits_); }
  constexpr AxisSet Without(AxisSet other) const { return FromBits(bits_ & ~other.bits_); }
  constexpr uint16_t Bits() const { return bits_; }
  static constexpr AxisSet FromBits(int bits) {
    AxisSet set;
    set.bits_ = static_cast<uint16_t>(bits);
    return set;
  }

  // Whether a value may have this type: R and C only together with P.
  constexpr bool IsType() const { return Has(Axis::kP) || Empty(); }

  friend constexpr bool operator==(AxisSet, AxisSet) = default;

  // "[P,R,C]"; "[]" for a value without axes.
  std::string Text() const;

 private:
  static constexpr int Bit(Axis axis) { return 1 << static_cast<int>(axis); }
  uint16_t bits_ = 0;
};

std::optional<Axis> AxisByName(std::string_view name);

inline constexpr AxisSet kElementAxes = {Axis::kR, Axis::kC};
inline constexpr AxisSet kAllAxes = {Axis::kP, Axis::kR, Axis::kC};

}  // namespace lathe

#endif  // LATHE_DSL_AXES_H_
