// Times and durations as messages.
#ifndef LATHE_SERVER_WIRE_TIME_H_
#define LATHE_SERVER_WIRE_TIME_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"

namespace lathe {

google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Timestamp CurrentTimestamp();

}  // namespace lathe

#endif  // LATHE_SERVER_WIRE_TIME_H_
