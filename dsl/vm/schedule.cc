#include "dsl/vm/schedule.h"

#include <algorithm>
#include <map>

namespace lathe::vm {
namespace {

using Kind = Node::Kind;

class Scheduler {
 public:
  Scheduler(const Program& program, const Lowered& lowered)
      : program_(program), lowered_(lowered), nodes_(lowered.nodes) {}

  Schedule Run() {
    FindUsers();
    AsSoonAsPossible();
    AsLateAsPossible();
    FillLevels();
    FindStored();
    PlaceResults();
    return std::move(schedule_);
  }

 private:
  bool SameNest(const Node& user, const Node& of) const {
    return user.OfNest() && user.Domain() == of.type && of.kind == Kind::kTensor;
  }

  void FindUsers() {
    users_.resize(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      for (int k = 0; k < nodes_[i].arity; ++k) {
        const Ref& ref = nodes_[i].operands[k];
        if (ref.IsNode()) users_[ref.index].push_back(static_cast<int>(i));
      }
    }
  }

  void AsSoonAsPossible() {
    level_.assign(nodes_.size(), 0);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      auto wait = [&](const Ref& ref) {
        if (!ref.IsNode()) return;
        const Node& of = nodes_[ref.index];
        const bool later = of.OfNest() && !SameNest(node, of);
        level_[i] = std::max(level_[i], level_[ref.index] + later);
      };
      for (int k = 0; k < node.arity; ++k) wait(node.operands[k]);
      if (node.reciprocal >= 0) wait(Ref::Node(node.reciprocal));
    }
  }

  // Tensors that nothing needs earlier are computed where they are used, so that they need not lie
  // in memory in between; results, in the last nest over their type.
  void AsLateAsPossible() {
    std::map<uint16_t, int> last;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].OfNest()) continue;
      int& level = last[nodes_[i].Domain().Bits()];
      level = std::max(level, level_[i]);
    }
    for (size_t i = nodes_.size(); i-- > 0;) {
      const Node& node = nodes_[i];
      if (node.kind != Kind::kTensor) continue;
      int latest = last[node.type.Bits()];
      for (int user : users_[i]) {
        latest = std::min(latest, level_[user] - !SameNest(nodes_[user], node));
      }
      level_[i] = std::max(level_[i], latest);
    }
  }

  void FillLevels() {
    int count = 1;
    for (int level : level_) count = std::max(count, level + 1);
    schedule_.levels.resize(count);
    nest_.resize(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Level& level = schedule_.levels[level_[i]];
      if (!nodes_[i].OfNest()) {
        level.singles.push_back(static_cast<int>(i));
        continue;
      }
      auto nest = std::ranges::find(level.nests, nodes_[i].Domain(), &Nest::domain);
      if (nest == level.nests.end()) {
        level.nests.push_back({nodes_[i].Domain(), {}, {}, {}});
        nest = level.nests.end() - 1;
      }
      nest->nodes.push_back(static_cast<int>(i));
      nest_[i] = {level_[i], static_cast<int>(nest - level.nests.begin())};
    }
  }

  void FindStored() {
    schedule_.stored.assign(nodes_.size(), false);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].kind != Kind::kTensor) continue;
      for (int user : users_[i]) {
        const bool same = nodes_[user].OfNest() && nest_[user] == nest_[i];
        if (!same) schedule_.stored[i] = true;
      }
    }
  }

  // Whether anything that runs after a nest, or beside it, reads what `reads` says of refs.
  template <typename Reads>
  bool ReadLater(std::pair<int, int> nest, Reads reads) const {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const bool single_after = !nodes_[i].OfNest() && level_[i] > nest.first;
      const bool nest_after = nodes_[i].OfNest() && nest_[i] > nest;
      if (!single_after && !nest_after) continue;
      for (int k = 0; k < nodes_[i].arity; ++k) {
        if (reads(nodes_[i].operands[k])) return true;
      }
    }
    return false;
  }

  void PlaceResults() {
    for (size_t i = 0; i < lowered_.outputs.size(); ++i) {
      if (IsNumberType(program_.signature->outputs[i].axes)) continue;
      const int node = lowered_.outputs[i].index;
      // An output may be the memory of any input.
      const bool late =
          ReadLater(nest_[node], [](const Ref& ref) { return ref.kind == Ref::Kind::kInput; });
      Place(node, static_cast<int>(i), late, &Nest::outputs, schedule_.late_outputs);
    }
    for (size_t i = 0; i < lowered_.next.size(); ++i) {
      if (IsNumberType(program_.states[i].axes)) continue;
      const int node = lowered_.next[i].index;
      const bool late = ReadLater(nest_[node], [i](const Ref& ref) {
        return ref.kind == Ref::Kind::kState && ref.index == static_cast<int>(i);
      });
      Place(node, static_cast<int>(i), late, &Nest::states, schedule_.late_states);
    }
  }

  void Place(int node, int result, bool late, std::vector<int> Nest::*results,
             std::vector<int>& late_results) {
    if (late) {
      schedule_.stored[node] = true;
      late_results.push_back(result);
    } else {
      const auto [level, nest] = nest_[node];
      (schedule_.levels[level].nests[nest].*results).push_back(result);
    }
  }

  const Program& program_;
  const Lowered& lowered_;
  const std::vector<Node>& nodes_;
  std::vector<std::vector<int>> users_;
  std::vector<int> level_;
  std::vector<std::pair<int, int>> nest_;  // by node: level, and number in the level
  Schedule schedule_;
};

}  // namespace

Schedule MakeSchedule(const Program& program, const Lowered& lowered) {
  return Scheduler(program, lowered).Run();
}

}  // namespace lathe::vm
