#include "dsl/axes.h"

namespace lathe {

std::string AxisSet::Text() const {
  std::string text = "[";
  for (size_t i = 0; i < kAxisNames.size(); ++i) {
    if (!Has(static_cast<Axis>(i))) continue;
    if (text.size() > 1) text += ',';
    text += kAxisNames[i];
  }
  return text + "]";
}

std::optional<Axis> AxisByName(std::string_view name) {
  for (size_t i = 0; i < kAxisNames.size(); ++i) {
    if (kAxisNames[i] == name) return static_cast<Axis>(i);
  }
  return std::nullopt;
}

}  // namespace lathe
