// What the vm's kernels compute: the elementwise ops of the language and its superinstructions.
#ifndef LATHE_DSL_VM_CODE_H_
#define LATHE_DSL_VM_CODE_H_

#include <cstdint>

#include "dsl/op.h"

namespace lathe::vm {

enum class Code : uint8_t {
#define LATHE_OP(name, ...) name,
#include "dsl/ops.def"
#define LATHE_SUPEROP(name, ...) name,
#include "dsl/vm/superops.def"
};

inline constexpr int kCodeCount = kOpCount
#define LATHE_SUPEROP(...) +1
#include "dsl/vm/superops.def"
    ;
inline constexpr int kMaxOperands = 4;

constexpr Code CodeOf(Op op) {
  return static_cast<Code>(op);
}

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_CODE_H_
