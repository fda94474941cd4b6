#include "server/malformed_requests.h"

#include "rpc/status.h"

namespace lathe {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerInterceptorFactoryInterface;
using grpc::experimental::ServerRpcInfo;

class ExplainMalformed : public Interceptor {
 public:
  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      if (status.error_code() == grpc::StatusCode::INTERNAL && status.error_details().empty()) {
        methods->ModifySendStatus(ToGrpc(WithReason(
            absl::InvalidArgumentError(
                "the request cannot be read: it is cut short, or a text in it is not UTF-8"),
            "REQUEST_MALFORMED")));
      }
    }
    methods->Proceed();
  }
};

class Factory : public ServerInterceptorFactoryInterface {
 public:
  Interceptor* CreateServerInterceptor(ServerRpcInfo*) override { return new ExplainMalformed; }
};

}  // namespace

std::vector<std::unique_ptr<ServerInterceptorFactoryInterface>> MalformedRequestInterceptors() {
  std::vector<std::unique_ptr<ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  return factories;
}

}  // namespace lathe
