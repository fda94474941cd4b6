// Repeats recorded evaluations and compares them, bit by bit.
#ifndef LATHE_SERVER_VERIFICATION_H_
#define LATHE_SERVER_VERIFICATION_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "lathe/v1/search_service.pb.h"
#include "server/evaluation_desk.h"
#include "server/job_board.h"

namespace lathe {

inline constexpr int kDefaultSample = 20, kMostSample = 10000;

// See VerifyJob: of each candidate, the evaluation that decided about it. Tells each answer as it
// comes in, until all are there, `tell` returns false or `is_over` says that it is over.
absl::Status VerifyJob(Store& store, const JobBoard& board, EvaluationDesk& desk, Metrics& metrics,
                       const v1::VerifyJobRequest& request,
                       const std::function<bool(const v1::VerifyJobResponse&)>& tell,
                       const std::function<bool()>& is_over);

}  // namespace lathe

#endif  // LATHE_SERVER_VERIFICATION_H_
