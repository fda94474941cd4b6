// Signatures say what a program is for: its inputs, what its states may be, its outputs. A further
// signature is a further row of the table in signature.cc.
#ifndef LATHE_DSL_SIGNATURE_H_
#define LATHE_DSL_SIGNATURE_H_

#include <optional>
#include <span>
#include <string_view>

#include "dsl/axes.h"

namespace lathe {

// Where an input's values come from when a program runs.
enum class InputSource : uint8_t {
  kCaller,  // an array that the caller binds
  kRows,    // the extent of R of each parameter, known to the executor
  kCols,    // the extent of C of each parameter, known to the executor
};

struct SignatureInput {
  std::string_view name;
  AxisSet axes;
  InputSource source;
  // Whether a search draws this input unless the job says otherwise.
  bool searched;
};

struct SignatureOutput {
  std::string_view name;
  AxisSet axes;  // a value with fewer axes is broadcast to these
};

struct Signature {
  std::string_view name;
  std::span<const SignatureInput> inputs;
  std::span<const SignatureOutput> outputs;
  // What the axes of values are drawn from.
  AxisSet axes;
  bool has_states;
  // Index of the input that a state may start at; a state may always start at a constant.
  int start_input;
  // Index of the input that every output has to depend on for the program to be of any use.
  int required_input;

  std::optional<int> InputByName(std::string_view wanted) const;
  std::optional<int> OutputByName(std::string_view wanted) const;
};

std::span<const Signature> AllSignatures();
const Signature* SignatureByName(std::string_view name);  // null if there is none

// An optimizer: w[P,R,C] parameters, g[P,R,C] their gradients, lr[] the scheduled rate, t[] the
// step from 1 on, total_steps[], rows[P], cols[P] -> update[P,R,C]; then w <- w - update.
const Signature& OptimizerSignature();

// A layer: x[B,G,K,H,W], and gamma, beta, v0, v1 [G,K], which are trained -> y[B,G,K,H,W]. The
// channels of an image are G x K of them; G = LayerGroups(...).
const Signature& LayerSignature();

}  // namespace lathe

#endif  // LATHE_DSL_SIGNATURE_H_
