// A strategy that proposes what a test wrote down, and records what it is told.
#ifndef LATHE_SEARCH_TESTING_SCRIPTED_STRATEGY_H_
#define LATHE_SEARCH_TESTING_SCRIPTED_STRATEGY_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/testing/synthetic_evaluation.h"
#include "search/trajectory.h"

namespace lathe {

// What a scripted strategy proposes, and what it saw.
struct Script {
  std::vector<Program> programs;               // by index, then Done
  std::vector<std::vector<uint64_t>> told_at;  // by index: what had been told when it was asked
  std::vector<uint64_t> told;
  std::vector<Outcome> outcomes;  // beside `told`
  std::vector<uint64_t> parents;
  std::string operation = "script";
  std::string loaded;  // what Load was given
};

class Scripted : public Strategy {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  std::variant<Proposal, Wait, Done> Next(uint64_t index) override {
    if (index >= script_.programs.size()) return Done{"end of the script"};
    EXPECT_EQ(index, script_.told_at.size());
    script_.told_at.push_back(script_.told);
    return Proposal{script_.programs[index], script_.parents, script_.operation};
  }
  void Tell(uint64_t index, const Program& program, const Outcome& outcome) override {
    EXPECT_EQ(program, script_.programs[index]);
    script_.told.push_back(index);
    script_.outcomes.push_back(outcome);
  }
  std::string Save() const override { return absl::StrCat(script_.told.size()); }
  absl::Status Load(std::string_view saved, const RawProgram&) override {
    script_.loaded = std::string(saved);
    return absl::OkStatus();
  }

 private:
  Script& script_;
};

inline Program Scaled(double factor) {
  return Parsed(absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = mul(g, ",
                             NumberText(factor), ")\n"));
}
inline Program WithoutGradient() {
  return Parsed("lathe 1 optimizer p\ninput w[P,R,C]\nupdate = neg(w)\n");
}
inline Program IllFormed() {
  Program program = Scaled(3);
  program.states.push_back({AxisSet{Axis::kP}, 0, false, Operand::Input(1), ""});
  return program;
}

inline Filters DefaultFilters() {
  FilterOptions options;
  options.shapes = {{32, 64}, {32, 1}};
  return Filters(options);
}

inline TrajectoryOptions WithWindow(int window) {
  TrajectoryOptions options;
  options.window = window;
  return options;
}

// The objective of the program with factor x is x; 13 diverges.
inline EvaluationResult ByFactor(const EvaluationRequest& request) {
  const double factor = request.program->program.instructions[0].operands[1].constant;
  return {{factor == 13, factor, 0, 0}};
}

// New programs (n), duplicates of the first (d), rejected ones (r), by index.
inline std::vector<Program> Programs(const std::string& kinds) {
  std::vector<Program> programs;
  for (char kind : kinds) {
    double fresh = 2 + 0.25 * static_cast<double>(programs.size());
    programs.push_back(kind == 'n' ? Scaled(fresh) : kind == 'd' ? Scaled(2) : WithoutGradient());
  }
  return programs;
}

}  // namespace lathe

#endif  // LATHE_SEARCH_TESTING_SCRIPTED_STRATEGY_H_
