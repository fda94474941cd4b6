#include "server/resource_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rpc/status.h"

namespace lathe {
namespace {

TEST(ResourceNamesTest, ReadBackAsTheyWereWritten) {
  for (uint64_t id : {uint64_t{0}, uint64_t{0x123456789abcdef}, ~uint64_t{0}}) {
    EXPECT_EQ(*ParseJobName(JobName(id), "name"), id);
    EXPECT_EQ(*ParseWorkerName(WorkerName(id), "name"), id);
    EXPECT_EQ(*ParseCandidateName(CandidateName(7, id), "name"), std::pair(JobId{7}, id));
    const Hash128 hash{id, 5};
    EXPECT_EQ(*ParseProgramName(ProgramName(hash), "name"), hash);
    EXPECT_EQ(*ParseHash(hash.Hex()), hash);
  }
  EXPECT_EQ(JobName(0xab), "jobs/00000000000000ab");
}

TEST(ResourceNamesTest, WhatIsNoNameIsRefusedWithTheFieldAndTheForm) {
  const std::string longest(100000, '0');
  for (const std::string& name :
       {std::string(), std::string("jobs/"), std::string("jobs/12"),
        std::string("jobs/00000000000000AB"), std::string("jobs/00000000000000g0"),
        std::string("jobs/00000000000000ab/"), std::string("workers/00000000000000ab"),
        std::string("jobs/\xff\xfe"), std::string("jobs/") + longest}) {
    const absl::Status status = ParseJobName(name, "parent").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), "NAME_INVALID");
    EXPECT_THAT(std::string(status.message()), testing::StartsWith("parent: "));
    EXPECT_LT(status.message().size(), 500u);
  }
  for (const char* name :
       {"jobs/00000000000000ab", "jobs/00000000000000ab/candidates/",
        "jobs/00000000000000ab/candidates/-1", "jobs/00000000000000ab/candidates/1x",
        "jobs/00000000000000ab/candidates/99999999999999999999"}) {
    EXPECT_EQ(ReasonOf(ParseCandidateName(name, "name").status()), "NAME_INVALID") << name;
  }
  EXPECT_FALSE(ParseProgramName("programs/12", "name").ok());
  EXPECT_FALSE(ParseHash("").has_value());
}

}  // namespace
}  // namespace lathe
