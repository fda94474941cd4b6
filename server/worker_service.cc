#include "server/worker_service.h"

#include "rpc/status.h"

namespace lathe {
namespace {

template <typename Message>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                 absl::StatusOr<Message> found, Message* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status status = found.status();
  if (found.ok()) *response = *std::move(found);
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::RegisterWorker(
    grpc::CallbackServerContext* context, const v1::RegisterWorkerRequest* request,
    v1::RegisterWorkerResponse* response) {
  return Answer(context, desk_.Register(*request), response);
}

grpc::ServerUnaryReactor* WorkerServiceImpl::LeaseEvaluations(
    grpc::CallbackServerContext* context, const v1::LeaseEvaluationsRequest* request,
    v1::LeaseEvaluationsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  desk_.Lease(
      *request, [context] { return !context->IsCancelled(); },
      [reactor, response](absl::StatusOr<v1::LeaseEvaluationsResponse> leases) {
        const absl::Status status = leases.status();
        if (leases.ok()) *response = *std::move(leases);
        reactor->Finish(ToGrpc(status));
      });
  return reactor;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::RecordHeartbeat(
    grpc::CallbackServerContext* context, const v1::RecordHeartbeatRequest* request,
    v1::RecordHeartbeatResponse* response) {
  return Answer(context, desk_.Heartbeat(*request), response);
}

grpc::ServerUnaryReactor* WorkerServiceImpl::CompleteEvaluations(
    grpc::CallbackServerContext* context, const v1::CompleteEvaluationsRequest* request,
    v1::CompleteEvaluationsResponse* response) {
  return Answer(context, desk_.Complete(*request), response);
}

grpc::ServerUnaryReactor* WorkerServiceImpl::UnregisterWorker(
    grpc::CallbackServerContext* context, const v1::UnregisterWorkerRequest* request,
    v1::UnregisterWorkerResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(desk_.Unregister(*request)));
  return reactor;
}

}  // namespace lathe
