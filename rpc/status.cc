#include "rpc/status.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "rpc/utf8.h"

namespace lathe {
namespace {

constexpr size_t kMaxMessage = 8 << 10;
constexpr size_t kMaxDescription = 1 << 10;
constexpr size_t kMaxMetadata = 256;  // bytes of a key or value
// A stock client takes 8 KiB of trailing metadata; a longer status would reach it as another error.
constexpr size_t kMaxTrailer = 7 << 10;

template <typename Detail>
std::string TypeUrl() {
  return absl::StrCat("type.googleapis.com/", Detail::descriptor()->full_name());
}

template <typename Detail>
std::optional<Detail> DetailOf(const absl::Status& status) {
  const auto payload = status.GetPayload(TypeUrl<Detail>());
  Detail detail;
  if (!payload || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

template <typename Detail>
void SetDetail(absl::Status& status, const Detail& detail) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

absl::Status MakeStatus(int code, const std::string& message) {
  const bool known = code >= 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  return {known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown, message};
}

void TakeDetails(const google::rpc::Status& from, absl::Status& to) {
  for (const google::protobuf::Any& detail : from.details()) {
    // A payload has one value for a type; the first one is taken.
    if (!to.GetPayload(detail.type_url())) {
      to.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
}

size_t InBase64(size_t bytes) {
  return (bytes + 2) / 3 * 4;
}

size_t TrailerSize(const google::rpc::Status& status) {
  size_t size = InBase64(status.ByteSizeLong());
  for (const char c : status.message()) size += c < ' ' || c > '~' || c == '%' ? 3 : 1;
  return size;
}

// Drops details, the reason last, until they leave half of the room to the message, and cuts that.
void FitIntoTrailer(google::rpc::Status& status) {
  const auto is_reason = [](const google::protobuf::Any& detail) {
    return detail.Is<google::rpc::ErrorInfo>();
  };
  std::string message = std::move(*status.mutable_message());
  status.clear_message();
  auto& details = *status.mutable_details();
  std::stable_partition(details.begin(), details.end(), is_reason);
  while (!details.empty() && TrailerSize(status) > kMaxTrailer / 2) details.RemoveLast();
  status.set_message(message);
  for (size_t most = message.size(); TrailerSize(status) > kMaxTrailer; most = most / 8 * 7) {
    status.set_message(ValidUtf8(message, most));
  }
}

}  // namespace

absl::Status WithReason(absl::Status status, std::string_view reason,
                        const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(ValidUtf8(reason, kMaxMetadata));
  info.set_domain("lathe");
  for (const auto& [key, value] : metadata) {
    (*info.mutable_metadata())[ValidUtf8(key, kMaxMetadata)] = ValidUtf8(value, kMaxMetadata);
  }
  SetDetail(status, info);
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  return info ? info->reason() : "";
}

absl::Status WithField(absl::Status status, std::string_view field) {
  auto request = DetailOf<google::rpc::BadRequest>(status).value_or(google::rpc::BadRequest());
  auto& violation = *request.add_field_violations();
  violation.set_field(ValidUtf8(field, kMaxMetadata));
  const absl::string_view message = status.message();
  violation.set_description(ValidUtf8({message.data(), message.size()}, kMaxDescription));
  SetDetail(status, request);
  return status;
}

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  const absl::string_view message = status.message();
  proto.set_message(ValidUtf8({message.data(), message.size()}, kMaxMessage));
  std::map<std::string, std::string> details;  // payloads come in no particular order
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    details.emplace(std::string(url), std::string(value));
  });
  for (const auto& [url, value] : details) {
    google::protobuf::Any& detail = *proto.add_details();
    detail.set_type_url(url);
    detail.set_value(value);
  }
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  absl::Status status = MakeStatus(proto.code(), proto.message());
  TakeDetails(proto, status);
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status proto =
      ToProto(ReasonOf(status).empty() ? WithReason(status, absl::StatusCodeToString(status.code()))
                                       : status);
  FitIntoTrailer(proto);
  return {static_cast<grpc::StatusCode>(proto.code()), proto.message(), proto.SerializeAsString()};
}

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status result = MakeStatus(status.error_code(), status.error_message());
  google::rpc::Status proto;
  if (proto.ParseFromString(status.error_details())) TakeDetails(proto, result);
  return result;
}

}  // namespace lathe
