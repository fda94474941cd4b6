#include "server/wire_time.h"

#include "absl/time/clock.h"

namespace lathe {

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  absl::Duration rest;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return result;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  const google::protobuf::Duration since_epoch = ToProto(time - absl::UnixEpoch());
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(since_epoch.seconds());
  timestamp.set_nanos(since_epoch.nanos());
  return timestamp;
}

google::protobuf::Timestamp CurrentTimestamp() {
  return ToProto(absl::Now());
}

}  // namespace lathe
