// WorkerService over gRPC; see worker_service.proto. A lease call that waits for work holds no
// thread.
#ifndef LATHE_SERVER_WORKER_SERVICE_H_
#define LATHE_SERVER_WORKER_SERVICE_H_

#include "lathe/v1/worker_service.grpc.pb.h"
#include "server/evaluation_desk.h"

namespace lathe {

class WorkerServiceImpl : public v1::WorkerService::CallbackService {
 public:
  // `desk` outlives the service.
  explicit WorkerServiceImpl(EvaluationDesk& desk) : desk_(desk) {}

  grpc::ServerUnaryReactor* RegisterWorker(grpc::CallbackServerContext* context,
                                           const v1::RegisterWorkerRequest* request,
                                           v1::RegisterWorkerResponse* response) override;
  grpc::ServerUnaryReactor* LeaseEvaluations(grpc::CallbackServerContext* context,
                                             const v1::LeaseEvaluationsRequest* request,
                                             v1::LeaseEvaluationsResponse* response) override;
  grpc::ServerUnaryReactor* RecordHeartbeat(grpc::CallbackServerContext* context,
                                            const v1::RecordHeartbeatRequest* request,
                                            v1::RecordHeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* CompleteEvaluations(grpc::CallbackServerContext* context,
                                                const v1::CompleteEvaluationsRequest* request,
                                                v1::CompleteEvaluationsResponse* response) override;
  grpc::ServerUnaryReactor* UnregisterWorker(grpc::CallbackServerContext* context,
                                             const v1::UnregisterWorkerRequest* request,
                                             v1::UnregisterWorkerResponse* response) override;

 private:
  EvaluationDesk& desk_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_WORKER_SERVICE_H_
