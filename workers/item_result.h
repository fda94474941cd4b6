// From what an evaluator says to what a server is told.
#ifndef LATHE_WORKERS_ITEM_RESULT_H_
#define LATHE_WORKERS_ITEM_RESULT_H_

#include <string>

#include "absl/status/statusor.h"
#include "lathe/v1/evaluator.pb.h"
#include "lathe/v1/worker_service.pb.h"

namespace lathe {

// Without token and hash. An `error` becomes a fault, and so do data that are
// missing. Data loss if `result` does not answer `item`.
absl::StatusOr<v1::ItemResult> ToItemResult(const v1::EvaluationItem& item,
                                            v1::EvaluatorResult result);

v1::ItemResult FaultResult(v1::EvaluationFault::Kind kind, const std::string& message);

// How long the item may take: as it says, within 1 ms and 7 days.
double AllowanceSeconds(const v1::EvaluationItem& item);

}  // namespace lathe

#endif  // LATHE_WORKERS_ITEM_RESULT_H_
