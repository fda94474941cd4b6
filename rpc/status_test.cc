#include "rpc/status.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace lathe {
namespace {

constexpr char kInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";

absl::Status Sample() {
  return WithReason(WithField(absl::NotFoundError("no job jobs/12"), "name"), "JOB_NOT_FOUND",
                    {{"job", "jobs/12"}});
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status proto;
  EXPECT_TRUE(proto.ParseFromString(status.error_details()));
  return proto;
}

TEST(RpcStatusTest, CodesAreTheSameNumbers) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "what");
    const grpc::Status wire = ToGrpc(status);
    EXPECT_EQ(wire.error_code(), code);
    EXPECT_EQ(ToProto(status).code(), code);
    EXPECT_EQ(FromGrpc(wire).code(), status.code());
    EXPECT_EQ(FromProto(ToProto(status)), status);
  }
  EXPECT_EQ(ToGrpc(absl::NotFoundError("")).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(RpcStatusTest, CodesNobodyKnowsBecomeUnknown) {
  for (int code : {17, 4711, -1}) {
    google::rpc::Status proto;
    proto.set_code(code);
    EXPECT_EQ(FromProto(proto).raw_code(), 2);
    EXPECT_EQ(ToGrpc(absl::Status(static_cast<absl::StatusCode>(code), "")).error_code(), 2);
  }
  EXPECT_EQ(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(17), "")).raw_code(), 2);
}

TEST(RpcStatusTest, DetailsSurviveTheWay) {
  const grpc::Status wire = ToGrpc(Sample());
  EXPECT_EQ(wire.error_message(), "no job jobs/12");
  EXPECT_EQ(FromGrpc(wire), Sample());
  EXPECT_EQ(FromProto(ToProto(Sample())), Sample());
  EXPECT_EQ(ReasonOf(FromGrpc(wire)), "JOB_NOT_FOUND");
}

TEST(RpcStatusTest, OthersCanReadTheDetails) {
  const google::rpc::Status proto = DetailsOf(ToGrpc(Sample()));
  EXPECT_EQ(proto.code(), 5);
  EXPECT_EQ(proto.message(), "no job jobs/12");
  ASSERT_EQ(proto.details_size(), 2);
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest request;
  EXPECT_EQ(proto.details(0).type_url(), kInfoUrl);
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "lathe");
  EXPECT_EQ(info.reason(), "JOB_NOT_FOUND");
  EXPECT_EQ(info.metadata().at("job"), "jobs/12");
  ASSERT_TRUE(proto.details(1).UnpackTo(&request));
  ASSERT_EQ(request.field_violations_size(), 1);
  EXPECT_EQ(request.field_violations(0).field(), "name");
  EXPECT_EQ(request.field_violations(0).description(), "no job jobs/12");
}

TEST(RpcStatusTest, AReasonIsReplacedAndFieldsAdd) {
  absl::Status status = WithField(WithField(absl::InvalidArgumentError("no"), "a"), "b.c");
  status = WithReason(WithReason(status, "FIRST", {{"x", "1"}}), "SECOND");
  EXPECT_EQ(ReasonOf(status), "SECOND");
  google::rpc::BadRequest request;
  ASSERT_TRUE(request.ParseFromString(std::string(*status.GetPayload(kRequestUrl))));
  ASSERT_EQ(request.field_violations_size(), 2);
  EXPECT_EQ(request.field_violations(1).field(), "b.c");
}

TEST(RpcStatusTest, OkStaysOk) {
  const absl::Status status = WithField(WithReason(absl::OkStatus(), "NONE"), "field");
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_TRUE(ToGrpc(status).ok());
  EXPECT_EQ(ToGrpc(status).error_details(), "");
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(RpcStatusTest, EveryErrorGetsAReason) {
  EXPECT_EQ(ReasonOf(absl::InternalError("")), "");
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(absl::InternalError("")))), "INTERNAL");
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(absl::DeadlineExceededError("")))), "DEADLINE_EXCEEDED");
}

TEST(RpcStatusTest, ForeignDetailsDoNoHarm) {
  for (std::string details : {"", "\xFF\xFF\xFF", "not a message", "\x0A\x7F"}) {
    const absl::Status status =
        FromGrpc(grpc::Status(grpc::StatusCode::INTERNAL, "broken", details));
    EXPECT_EQ(status, absl::InternalError("broken")) << details;
  }
  google::rpc::Status proto;
  proto.set_code(13);
  for (std::string value : {"\xFF\xFF", "first", "second"}) {
    auto& detail = *proto.add_details();
    detail.set_type_url(value == "second" ? "type.example.com/other" : kInfoUrl);
    detail.set_value(value);
  }
  proto.add_details();
  const absl::Status status = FromProto(proto);
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_EQ(status.GetPayload(kInfoUrl), absl::Cord("\xFF\xFF")) << "the first one of its type";
  EXPECT_EQ(status.GetPayload("type.example.com/other"), absl::Cord("second"));
  EXPECT_EQ(ReasonOf(WithReason(status, "OURS")), "OURS");
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(status))), "INTERNAL");
}

TEST(RpcStatusTest, TextLeavesAsValidUtf8) {
  const absl::Status status = WithReason(WithField(absl::InternalError("a\xFF"
                                                                       "b"),
                                                   "f\xC3"),
                                         "R\x80", {{"k\xFE", "v\xFE"}});
  const google::rpc::Status proto = DetailsOf(ToGrpc(status));
  EXPECT_EQ(proto.message(),
            "a\xEF\xBF\xBD"
            "b");
  ASSERT_EQ(proto.details_size(), 2);
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest request;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.metadata().at("k\xEF\xBF\xBD"), "v\xEF\xBF\xBD");
  ASSERT_TRUE(proto.details(1).UnpackTo(&request));
  EXPECT_EQ(request.field_violations(0).description(),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(RpcStatusTest, LongMessagesAreCut) {
  const std::string text(100000, 'x');
  const std::string kept = ToProto(absl::InternalError(text)).message();
  EXPECT_EQ(kept, std::string((8 << 10) - 3, 'x') + "...");
  const grpc::Status wire = ToGrpc(Sample());
  EXPECT_EQ(FromGrpc(wire).message(), "no job jobs/12");
  const grpc::Status cut = ToGrpc(WithReason(WithField(absl::InternalError(text), "f"), "LONG"));
  EXPECT_GT(cut.error_message().size(), 2000u);
  EXPECT_EQ(cut.error_message(), DetailsOf(cut).message());
  EXPECT_EQ(DetailsOf(cut).details_size(), 2);
  EXPECT_EQ(ReasonOf(FromGrpc(cut)), "LONG");
}

TEST(RpcStatusTest, DetailsThatAreTooLongGoBeforeTheReason) {
  absl::Status status = WithReason(absl::InternalError("message"), "REASON");
  status.SetPayload("a.example.com/long", absl::Cord(std::string(10000, 'x')));
  const grpc::Status cut = ToGrpc(status);
  EXPECT_EQ(FromGrpc(cut), WithReason(absl::InternalError("message"), "REASON"));
}

}  // namespace
}  // namespace lathe
