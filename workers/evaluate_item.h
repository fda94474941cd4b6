// What the evaluator process does with one item.
#ifndef LATHE_WORKERS_EVALUATE_ITEM_H_
#define LATHE_WORKERS_EVALUATE_ITEM_H_

#include <string>
#include <string_view>

#include "evaluators/evaluator.h"
#include "lathe/v1/evaluator.pb.h"

namespace lathe {

// The scores of `item`, seed after seed on the calling thread, or an error: the item is not what it
// says it is (version, canonical text, hash), or the evaluator returned one. Throws nothing.
v1::EvaluatorResult EvaluateItem(Evaluator& evaluator, const v1::EvaluatorItem& item);

// `message` as one that the wire carries: at most 4096 bytes, bytes beyond ASCII escaped.
std::string WireMessage(std::string_view message);

}  // namespace lathe

#endif  // LATHE_WORKERS_EVALUATE_ITEM_H_
