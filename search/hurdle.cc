#include "search/hurdle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {

void HurdleScores::Add(double score) {
  const auto place = std::lower_bound(sorted_.begin(), sorted_.end(), score);
  if (place != sorted_.end() && *place == score) return;
  sorted_.insert(place, score);
  by_age_.push_back(score);
  if (by_age_.size() <= window_) return;
  sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), by_age_.front()));
  by_age_.pop_front();
}

double HurdleScores::Threshold() const {
  if (sorted_.size() < least_) return std::numeric_limits<double>::infinity();
  const double rank = std::ceil(keep_ * static_cast<double>(sorted_.size()));
  return sorted_[std::clamp<size_t>(static_cast<size_t>(rank), 1, sorted_.size()) - 1];
}

}  // namespace lathe
