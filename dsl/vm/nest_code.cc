#include "dsl/vm/nest_code.h"

#include <algorithm>
#include <map>

namespace lathe::vm {
namespace {

struct Fusion {
  Code outer;
  int position;
  Code inner, fused;
};

constexpr Fusion kFusions[] = {
#define LATHE_FUSION(outer, position, inner, fused) \
  {Code::outer, position, Code::inner, Code::fused},
#include "dsl/vm/superops.def"
};

// A tensor node of the nest on its way to a BlockOp.
struct Local {
  int node;
  Code code;
  int arity;
  std::array<Ref, kMaxOperands> operands;
  bool alive = true;
};

class Compiler {
 public:
  Compiler(const Program& program, const Lowered& lowered, const Schedule& schedule,
           const Nest& nest, bool exact)
      : program_(program), lowered_(lowered), schedule_(schedule), nest_(nest), exact_(exact) {}

  NestCode Run() {
    code_.domain = nest_.domain;
    Collect();
    CountUses();
    while (FuseOnce()) {
    }
    std::erase_if(locals_, [](const Local& local) { return !local.alive; });
    FindLastUses();
    for (size_t i = 0; i < locals_.size(); ++i) Emit(static_cast<int>(i));
    for (int node : nest_.nodes) EmitSink(node);
    EmitStores();
    return std::move(code_);
  }

 private:
  void Collect() {
    for (int i : nest_.nodes) {
      const Node& node = lowered_.nodes[i];
      if (node.kind != Node::Kind::kTensor) continue;
      Local local{i, node.code, node.arity, node.operands};
      if (!exact_ && node.reciprocal >= 0) {
        local.code = Code::mul;
        local.operands[1] = Ref::Node(node.reciprocal);
      }
      if (exact_ && node.code == Code::lerp_by) {
        local.code = Code::lerp;
        local.arity = 3;
        local.operands[3] = {};
      }
      place_[i] = static_cast<int>(locals_.size());
      locals_.push_back(local);
    }
  }

  bool IsLocal(const Ref& ref) const { return ref.IsNode() && place_.contains(ref.index); }

  // Uses of locals: by locals, and more where their value has to be somewhere.
  void CountUses() {
    uses_.assign(lowered_.nodes.size(), 0);
    for (const Local& local : locals_) {
      for (int k = 0; k < local.arity; ++k) {
        if (IsLocal(local.operands[k])) ++uses_[local.operands[k].index];
      }
    }
    auto keep = [this](const Ref& ref) {
      if (ref.IsNode()) uses_[ref.index] += 2;
    };
    for (int i : nest_.nodes) {
      const Node& node = lowered_.nodes[i];
      if (schedule_.stored[i]) keep(Ref::Node(i));
      for (int k = 0; node.kind == Node::Kind::kReduce && k < node.arity; ++k)
        keep(node.operands[k]);
    }
    for (int output : nest_.outputs) keep(lowered_.outputs[output]);
    for (int state : nest_.states) keep(lowered_.next[state]);
  }

  bool FuseOnce() {
    for (Local& outer : locals_) {
      if (!outer.alive) continue;
      for (const Fusion& fusion : kFusions) {
        if (outer.code == fusion.outer && Fuse(outer, fusion)) return true;
      }
    }
    return false;
  }

  bool Fuse(Local& outer, const Fusion& fusion) {
    const Ref& ref = outer.operands[fusion.position];
    if (!IsLocal(ref) || uses_[ref.index] != 1) return false;
    Local& inner = locals_[place_[ref.index]];
    if (inner.code != fusion.inner || !inner.alive) return false;
    Local fused{outer.node, fusion.fused, 0, {}};
    for (int k = 0; k < inner.arity; ++k) fused.operands[fused.arity++] = inner.operands[k];
    for (int k = 0; k < outer.arity; ++k) {
      if (k != fusion.position) fused.operands[fused.arity++] = outer.operands[k];
    }
    inner.alive = false;
    outer = fused;
    return true;
  }

  // By node, the last local that reads it; by state, and for all inputs together.
  void FindLastUses() {
    place_.clear();
    for (size_t i = 0; i < locals_.size(); ++i) place_[locals_[i].node] = static_cast<int>(i);
    auto read = [this](const Ref& ref, int when) {
      if (ref.IsNode()) last_use_[ref.index] = when;
      if (ref.kind == Ref::Kind::kState) last_state_read_[ref.index] = when;
      if (ref.kind == Ref::Kind::kInput) last_input_read_ = when;
    };
    for (size_t i = 0; i < locals_.size(); ++i) {
      for (int k = 0; k < locals_[i].arity; ++k) read(locals_[i].operands[k], static_cast<int>(i));
    }
    const int end = static_cast<int>(locals_.size());
    for (int i : nest_.nodes) {
      const Node& node = lowered_.nodes[i];
      for (int k = 0; node.kind == Node::Kind::kReduce && k < node.arity; ++k) {
        read(node.operands[k], end);
      }
    }
  }

  int AddSlot(Slot slot) {
    code_.slots.push_back(std::move(slot));
    return static_cast<int>(code_.slots.size()) - 1;
  }

  int SlotOf(const Ref& ref) {
    if (IsLocal(ref)) return result_slot_.at(ref.index);
    for (size_t i = 0; i < code_.slots.size(); ++i) {
      if (code_.slots[i].kind == Slot::Kind::kValue && code_.slots[i].ref == ref) {
        return static_cast<int>(i);
      }
    }
    return AddSlot({Slot::Kind::kValue, 0, 0, ref, TypeOf(program_, lowered_.nodes, ref)});
  }

  int TakeRegister() {
    if (free_.empty()) return code_.registers++;
    const int taken = free_.back();
    free_.pop_back();
    return taken;
  }

  int NewRegisterSlot(int node, int& reg) {
    reg = TakeRegister();
    register_of_[node] = reg;
    return AddSlot({Slot::Kind::kRegister, reg, 0, {}, nest_.domain});
  }

  // Where a local's result goes at once; what else it is for is copied at the end of the block.
  int ResultSlot(int i) {
    const int node = locals_[i].node;
    if (schedule_.stored[node]) {
      return AddSlot({Slot::Kind::kValue, 0, 0, Ref::Node(node), nest_.domain});
    }
    for (int state : nest_.states) {
      const auto read = last_state_read_.find(state);
      const bool free_to_write = read == last_state_read_.end() || read->second <= i;
      if (lowered_.next[state] == Ref::Node(node) && free_to_write) {
        written_states_.push_back(state);
        return AddSlot({Slot::Kind::kNext, state, 0, {}, nest_.domain});
      }
    }
    for (int output : nest_.outputs) {
      const bool its_last_use = !last_use_.contains(node) && last_input_read_ <= i;
      if (lowered_.outputs[output] == Ref::Node(node) && its_last_use) {
        written_outputs_.push_back(output);
        const int spare = code_.registers++;
        const int slot = AddSlot({Slot::Kind::kOutput, output, spare, {}, nest_.domain});
        code_.outputs.push_back({output, slot, slot});
        return slot;
      }
    }
    int reg = 0;
    return NewRegisterSlot(node, reg);
  }

  bool IsNeededAtTheEnd(int node) const {
    for (int output : nest_.outputs) {
      if (lowered_.outputs[output] == Ref::Node(node)) return true;
    }
    for (int state : nest_.states) {
      if (lowered_.next[state] == Ref::Node(node)) return true;
    }
    return false;
  }

  void Emit(int i) {
    const Local& local = locals_[i];
    BlockOp op{local.code, local.arity, {}, 0};
    for (int k = 0; k < local.arity; ++k) op.operands[k] = SlotOf(local.operands[k]);
    // A result may be written over an operand that is read for the last time.
    for (int k = 0; k < local.arity; ++k) Release(local.operands[k], i);
    op.result = ResultSlot(i);
    result_slot_[local.node] = op.result;
    code_.ops.push_back(op);
  }

  void Release(const Ref& ref, int i) {
    if (!IsLocal(ref) || last_use_[ref.index] != i || IsNeededAtTheEnd(ref.index)) return;
    const auto found = register_of_.find(ref.index);
    if (found == register_of_.end()) return;
    free_.push_back(found->second);
    register_of_.erase(found);
  }

  void EmitSink(int i) {
    const Node& node = lowered_.nodes[i];
    if (node.kind != Node::Kind::kReduce) return;
    Sink sink{i, node.arity, {}};
    for (int k = 0; k < node.arity; ++k) sink.operands[k] = SlotOf(node.operands[k]);
    code_.sinks.push_back(sink);
  }

  void EmitStores() {
    for (int state : nest_.states) {
      if (std::ranges::count(written_states_, state) > 0) continue;
      const int to = AddSlot({Slot::Kind::kNext, state, 0, {}, nest_.domain});
      code_.stores.push_back({result_slot_.at(lowered_.next[state].index), to});
    }
    for (int output : nest_.outputs) {
      if (std::ranges::count(written_outputs_, output) > 0) continue;
      const int to = AddSlot({Slot::Kind::kOutput, output, 0, {}, nest_.domain});
      code_.outputs.push_back({output, result_slot_.at(lowered_.outputs[output].index), to});
    }
  }

  const Program& program_;
  const Lowered& lowered_;
  const Schedule& schedule_;
  const Nest& nest_;
  const bool exact_;
  std::vector<Local> locals_;
  std::map<int, int> place_;  // of a node's local
  std::vector<int> uses_;     // by node
  std::map<int, int> last_use_, last_state_read_;
  int last_input_read_ = -1;
  std::map<int, int> result_slot_, register_of_;  // by node
  std::vector<int> free_;
  std::vector<int> written_states_, written_outputs_;
  NestCode code_;
};

}  // namespace

NestCode CompileNest(const Program& program, const Lowered& lowered, const Schedule& schedule,
                     const Nest& nest, bool exact) {
  return Compiler(program, lowered, schedule, nest, exact).Run();
}

}  // namespace lathe::vm
