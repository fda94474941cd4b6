// Inputs that a probe must meet: programs that are not finite for one kind of input alone, each
// beside a neighbour that is finite for all of them.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/random_program.h"
#include "dsl/text.h"
#include "search/filters.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

std::optional<Filter> Judge(const std::string& statements) {
  FilterOptions options;
  options.shapes = {{32, 64}, {32, 1}};
  return Filters(options).Judge(Canonicalize(Parsed(
      "lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[] t[] total_steps[] rows[P] cols[P]\n" +
      statements)));
}

// The update g * f, where f is what `statements` call f.
std::string Times(const std::string& statements) {
  return statements + "update = mul(g, f)\n";
}

struct ProbeCase {
  std::string what, not_finite, finite;
};

TEST(FiltersProbes, MeetEveryInputThatBreaksAProgram) {
  // 10^-10 to the power of -32 is infinite, 10^-9 to that power is not; 0 is taken for 1.
  auto small = [](const char* floor) {
    return absl::StrCat("a = sign(g)\nb = square(a)\nc = sub(1, b)\nd = abs(g)\ne = add(c, d)\n",
                        "h = max(e, ", floor, ")\ni = square(h)\nj = square(i)\nk = square(j)\n",
                        "l = square(k)\no = square(l)\nupdate = div(1, o)\n");
  };
  const ProbeCase cases[] = {
      {"a gradient of exactly 0", "update = div(1, g)\n",
       "a = abs(g)\nb = add(a, 1e-30)\nupdate = div(1, b)\n"},
      {"a gradient below 0", "a = sqrt(g)\nupdate = a\n", "a = sqrt_abs(g)\nupdate = a\n"},
      {"a gradient above 0", "a = neg(g)\nb = sqrt(a)\nupdate = b\n",
       "a = neg(g)\nb = tanh(a)\nupdate = b\n"},
      {"a tiny gradient", small("1e-11"), small("1e-9")},
      {"an outlier, 10^0.5 to the power of 4 being far from 709",
       "a = square(g)\nb = square(a)\nc = exp(b)\nupdate = c\n",
       "a = square(g)\nb = square(a)\nc = min(b, 709)\nd = exp(c)\nupdate = d\n"},
      {"a large weight", Times("a = mul(w, 100)\nf = exp(a)\n"),
       Times("a = mul(w, 10)\nf = exp(a)\n")},
      {"t = 1", Times("a = sub(t, 1)\nf = div(1, a)\n"), Times("a = sub(t, 0.5)\nf = div(1, a)\n")},
      {"t = 10", Times("a = sub(t, 10)\nf = div(1, a)\n"),
       Times("a = sub(t, 11)\nf = div(1, a)\n")},
      {"t = 1000", Times("a = sub(t, 1000)\nf = div(1, a)\n"),
       Times("a = sub(t, 1001)\nf = div(1, a)\n")},
      {"t = 100000 and no smaller one: e^100 is finite", Times("a = div(t, 100)\nf = exp(a)\n"),
       Times("a = div(t, 200)\nf = exp(a)\n")},
      {"lr = 1", Times("a = sub(0.9, lr)\nf = sqrt(a)\n"), Times("a = sub(1, lr)\nf = sqrt(a)\n")},
      {"a smaller lr", Times("a = sub(lr, 0.4)\nf = sqrt(a)\n"),
       Times("a = sub(lr, 0.2)\nf = sqrt(a)\n")},
      {"the last step", Times("a = sub(total_steps, t)\nf = div(1, a)\n"),
       Times("a = sub(total_steps, t)\nb = add(a, 1)\nf = div(1, b)\n")},
      {"a vector", Times("a = sub(cols, 1)\nf = div(1, a)\n"),
       Times("a = sub(cols, 0.5)\nf = div(1, a)\n")},
      {"several steps in a row",
       "state m[P,R,C] = 1\na = mul(m, 1e60)\nb = mul(g, m)\nupdate = b\nnext m = a\n",
       "state m[P,R,C] = 1\na = mul(m, 1e30)\nb = mul(g, m)\nupdate = b\nnext m = a\n"},
  };
  for (const ProbeCase& c : cases) {
    EXPECT_EQ(Judge(c.not_finite), Filter::not_finite) << c.what << "\n" << c.not_finite;
    EXPECT_EQ(Judge(c.finite), std::nullopt) << c.what << "\n" << c.finite;
  }
}

// Nothing is left behind in the filters: neither states nor inputs that a program wrote to.
TEST(FiltersProbes, TheVerdictFollowsFromTheProgramAlone) {
  FilterOptions options;
  options.shapes = {{32, 64}, {32, 1}};
  const Filters reused(options);
  std::vector<Program> programs;
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    programs.push_back(Canonicalize(KnownProgram(name).value()));
  }
  const SearchSpace space = SearchSpace::Default(OptimizerSignature());
  for (uint64_t i = 0; i < 500; ++i) {
    RandomStream random(1, {i});
    programs.push_back(
        Canonicalize(RandomProgram(OptimizerSignature(), space, RandomProgramSize(), random)));
  }
  std::vector<std::optional<Filter>> first;
  std::array<int, kFilterCount + 1> seen = {};
  for (const Program& program : programs) {
    first.push_back(reused.Judge(program));
    ++seen[first.back() ? static_cast<size_t>(*first.back()) : kFilterCount];
  }
  for (size_t i = programs.size(); i-- > 0;) {
    EXPECT_EQ(reused.Judge(programs[i]), first[i]) << "program " << i << "\n" << Print(programs[i]);
    EXPECT_EQ(Filters(options).Judge(programs[i]), first[i]) << Print(programs[i]);
  }
  for (Filter filter : {Filter::ignores_gradient, Filter::not_finite}) {
    EXPECT_GT(seen[static_cast<size_t>(filter)], 20) << static_cast<int>(filter);
  }
  EXPECT_GT(seen[kFilterCount], 50) << "hardly any random program passes";
}

}  // namespace
}  // namespace lathe
