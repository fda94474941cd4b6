#include "search/outcome.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace lathe {
namespace {

SeedScore Score(double objective) {
  return {false, objective, 0, 0};
}

SeedScore Diverged() {
  return {true, 0.1, 0, 0};
}

TEST(OutcomeOf, IsTheMeanOverTheSeeds) {
  EXPECT_EQ(OutcomeOf({Score(0.5)}), Outcome::Ok(0.5));
  EXPECT_EQ(OutcomeOf({Score(1), Score(2), Score(6)}), Outcome::Ok(3));
  EXPECT_EQ(OutcomeOf({Score(-1), Score(0)}), Outcome::Ok(-0.5));
}

TEST(OutcomeOf, OneDivergenceDecides) {
  EXPECT_EQ(OutcomeOf({Score(0.1), Score(0.1), Diverged()}), Outcome::Diverged());
  EXPECT_EQ(OutcomeOf({Diverged(), Score(0.1)}), Outcome::Diverged());
  EXPECT_EQ(OutcomeOf({Diverged()}), Outcome::Diverged());
}

TEST(OutcomeOf, ANumberThatIsNoneIsADivergence) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(OutcomeOf({Score(0.1), Score(kInfinity)}), Outcome::Diverged());
  EXPECT_EQ(OutcomeOf({Score(-kInfinity)}), Outcome::Diverged());
  EXPECT_EQ(OutcomeOf({Score(std::numeric_limits<double>::quiet_NaN())}), Outcome::Diverged());
}

TEST(OutcomeOf, NoScoresAreADivergence) {
  EXPECT_EQ(OutcomeOf({}), Outcome::Diverged());
}

// A rejection keeps nothing of an objective and an objective nothing of a filter, so that equal
// outcomes are equal values.
TEST(Outcome, ComparesByWhatHappened) {
  EXPECT_EQ(Outcome::Rejected(Filter::over_cost), Outcome::Rejected(Filter::over_cost));
  EXPECT_NE(Outcome::Rejected(Filter::over_cost), Outcome::Rejected(Filter::no_effect));
  EXPECT_NE(Outcome::Ok(1), Outcome::Ok(2));
  EXPECT_NE(Outcome::Ok(0), Outcome::Diverged());
  EXPECT_NE(Outcome::Rejected(Filter::ill_formed), Outcome::Diverged());
  EXPECT_EQ(Outcome::Rejected(Filter::no_effect).objective, 0);
  EXPECT_EQ(Outcome::Diverged().objective, 0);
}

TEST(FilterNames, AreThoseOfTheEnumerators) {
  auto name = [](Filter filter) { return kFilterNames[static_cast<size_t>(filter)]; };
  EXPECT_EQ(name(Filter::ill_formed), "ill_formed");
  EXPECT_EQ(name(Filter::ignores_gradient), "ignores_gradient");
  EXPECT_EQ(name(Filter::over_cost), "over_cost");
  EXPECT_EQ(name(Filter::not_finite), "not_finite");
  EXPECT_EQ(name(Filter::no_effect), "no_effect");
  std::set<std::string_view> names(kFilterNames.begin(), kFilterNames.end());
  EXPECT_EQ(names.size(), static_cast<size_t>(kFilterCount));
}

}  // namespace
}  // namespace lathe
