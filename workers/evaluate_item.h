// What the evaluator process does with items.
#ifndef LATHE_WORKERS_EVALUATE_ITEM_H_
#define LATHE_WORKERS_EVALUATE_ITEM_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluators/evaluator.h"
#include "lathe/v1/evaluator.pb.h"

namespace lathe {

// A result for each of `items`, in their order: the scores of its seeds, or an error: the item is
// not what it says it is (version, canonical text, hash), or the evaluator returned one; or else
// why its data cannot be used. Items that ask for the same are evaluated together, and each takes
// an equal share of the time.
std::vector<v1::EvaluatorResult> EvaluateItems(Evaluator& evaluator,
                                               std::span<const v1::EvaluatorItem> items);

// `message` as one that the wire carries: at most 4096 bytes, bytes beyond ASCII escaped.
std::string WireMessage(std::string_view message);

}  // namespace lathe

#endif  // LATHE_WORKERS_EVALUATE_ITEM_H_
