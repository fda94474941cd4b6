#include "dsl/axes.h"

namespace lathe {
namespace {

std::string Joined(AxisSet axes, std::string_view between) {
  std::string text;
  ForEachAxis(axes, [&](Axis axis) {
    if (!text.empty()) text += between;
    text += kAxisNames[static_cast<size_t>(axis)];
  });
  return text;
}

}  // namespace

std::string AxisSet::Text() const {
  return "[" + Joined(*this, ",") + "]";
}

std::string AxisSet::List() const {
  return Joined(*this, ", ");
}

std::optional<Axis> AxisByName(std::string_view name) {
  for (size_t i = 0; i < kAxisNames.size(); ++i) {
    if (kAxisNames[i] == name) return static_cast<Axis>(i);
  }
  return std::nullopt;
}

}  // namespace lathe
