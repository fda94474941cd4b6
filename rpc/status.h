// Errors on the wire: an absl::Status with google.rpc details, translated to gRPC and back here and
// nowhere else. The details are payloads of the absl::Status, so they survive on the way.
//
//   return ToGrpc(WithReason(absl::NotFoundError("no job jobs/12"), "JOB_NOT_FOUND",
//                            {{"job", "jobs/12"}}));
//
// Messages leave as valid UTF-8, at most 8 KiB of them. Thread-safe.
#ifndef LATHE_RPC_STATUS_H_
#define LATHE_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace lathe {

// Adds google.rpc.ErrorInfo with the domain "lathe"; replaces an earlier one. An OK status stays.
absl::Status WithReason(absl::Status status, std::string_view reason,
                        const std::map<std::string, std::string>& metadata = {});
// The reason in the status; empty if there is none.
std::string ReasonOf(const absl::Status& status);

// Adds a google.rpc.BadRequest field violation whose description is the status's message.
absl::Status WithField(absl::Status status, std::string_view field);

// A status without a reason gets one that follows from its code, e.g. "INTERNAL". It fits into the
// 8 KiB of metadata that any client takes: what is too long is cut, the message after the details.
grpc::Status ToGrpc(const absl::Status& status);
// Details that cannot be read are left out; a code that is not known becomes "unknown".
absl::Status FromGrpc(const grpc::Status& status);

google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& status);

}  // namespace lathe

#endif  // LATHE_RPC_STATUS_H_
