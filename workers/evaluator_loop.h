// The evaluator's side of the conversation with its worker (proto/lathe/v1/evaluator.proto).
#ifndef LATHE_WORKERS_EVALUATOR_LOOP_H_
#define LATHE_WORKERS_EVALUATOR_LOOP_H_

#include <functional>

#include "evaluators/evaluator.h"
#include "lathe/v1/evaluator.pb.h"

namespace lathe {

// Where a worker hands its end of the socket pair to an evaluator process.
inline constexpr int kEvaluatorSocket = 3;

// What `evaluator` says of itself: its numeric class, the models that it trains, the data that it
// has, and why it has not others.
v1::EvaluatorHello DescribeEvaluator(Evaluator& evaluator);

// Says hello, then evaluates what comes in, as many items at a time as the evaluator likes, until
// the worker goes. The exit status of the process: 0 if the worker closed the connection between
// two messages, 1 otherwise (with the reason on standard error).
//
// `worker_gone` is called with the exit status on another thread as soon as the worker has gone,
// also in the middle of a training run: a process ends itself there. If it returns, this function
// does, once what is being evaluated is done.
int ServeEvaluations(int socket, Evaluator& evaluator,
                     const std::function<void(int status)>& worker_gone);

// The main function of an evaluator process: what ends its worker politely does not end it, since
// the worker waits for what runs. `name` is for messages.
int RunEvaluatorProcess(const char* name, Evaluator& evaluator);

}  // namespace lathe

#endif  // LATHE_WORKERS_EVALUATOR_LOOP_H_
