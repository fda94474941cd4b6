#include "tests/bench/simulated_worker.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <iterator>

#include "evaluators/task/task.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tests/bench/load_server.h"

namespace lathe::bench {
namespace {

constexpr std::chrono::seconds kConnect(60);

v1::ItemResult ResultOf(const v1::Lease& lease) {
  v1::ItemResult result;
  *result.mutable_token() = lease.token();
  result.set_program_hash(lease.item().program_hash());
  result.mutable_duration()->set_nanos(3000000);
  for (int seed : lease.item().seed_indices()) {
    const auto spread = static_cast<double>(lease.token().item() % 1000);
    result.mutable_scores()->add_seeds()->set_objective(0.3 + 1e-4 * spread + 0.1 * seed);
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SimulatedWorker>> SimulatedWorker::Connect(const Address& server,
                                                                          int batch) {
  const auto channel = OpenChannel(server);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnect)) {
    return absl::UnavailableError("the server does not listen");
  }
  auto worker = std::make_unique<SimulatedWorker>();
  worker->stub_ = v1::WorkerService::NewStub(channel);
  v1::RegisterWorkerRequest request;
  request.mutable_worker()->set_display_name("simulated");
  request.mutable_worker()->set_numeric_class(std::string(kBenchClass));
  request.mutable_worker()->set_batch(batch);
  v1::WorkerDataset& dataset = *request.mutable_worker()->add_datasets();
  dataset.set_name("digits");
  dataset.set_content_hash(ShippedDatasets().at("digits").content_hash());
  grpc::ClientContext context;
  v1::RegisterWorkerResponse response;
  const auto status = worker->stub_->RegisterWorker(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  worker->name_ = response.worker().name();
  return worker;
}

absl::StatusOr<SimulatedWorker::Leases> SimulatedWorker::Lease(int most) {
  v1::LeaseEvaluationsRequest request;
  request.set_worker(name_);
  request.set_max_items(most);
  grpc::ClientContext context;
  v1::LeaseEvaluationsResponse response;
  const auto status = stub_->LeaseEvaluations(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return Leases(std::make_move_iterator(response.mutable_leases()->begin()),
                std::make_move_iterator(response.mutable_leases()->end()));
}

absl::Status SimulatedWorker::Heartbeat(const Leases& leases) {
  v1::RecordHeartbeatRequest request;
  request.set_worker(name_);
  for (const v1::Lease& lease : leases) *request.add_tokens() = lease.token();
  grpc::ClientContext context;
  v1::RecordHeartbeatResponse response;
  return FromGrpc(stub_->RecordHeartbeat(&context, request, &response));
}

absl::Status SimulatedWorker::Complete(const Leases& leases) {
  v1::CompleteEvaluationsRequest request;
  request.set_worker(name_);
  for (const v1::Lease& lease : leases) *request.add_results() = ResultOf(lease);
  grpc::ClientContext context;
  v1::CompleteEvaluationsResponse response;
  const auto status = stub_->CompleteEvaluations(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  for (const auto& stored : response.statuses()) {
    if (stored.code() != 0) return FromProto(stored);
  }
  return absl::OkStatus();
}

}  // namespace lathe::bench
