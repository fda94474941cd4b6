// What a caller is told whose bytes are no request: text that is not UTF-8, a message cut short.
// gRPC rejects those before any of our code is called, as INTERNAL and without a word.
#ifndef LATHE_SERVER_MALFORMED_REQUESTS_H_
#define LATHE_SERVER_MALFORMED_REQUESTS_H_

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

namespace lathe {

// Interceptors that turn such a status into INVALID_ARGUMENT with the reason REQUEST_MALFORMED. All
// of ours carry details and pass.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
MalformedRequestInterceptors();

}  // namespace lathe

#endif  // LATHE_SERVER_MALFORMED_REQUESTS_H_
