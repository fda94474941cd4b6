// What is printed as YAML reads back as the same message, for random messages with every field set.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "clients/job/job_file.h"
#include "clients/job/message_mapping.h"
#include "clients/job/message_yaml.h"
#include "clients/job/testdata/every_kind.pb.h"

namespace lathe {
namespace {

using ::google::protobuf::util::MessageDifferencer;

template <typename Message>
void ExpectRoundTrips(int count, int depth) {
  for (int seed = 0; seed < count; ++seed) {
    std::mt19937 random(seed);
    Message filled, message, back;
    FillAtRandom(random, depth, &filled);
    // Random maps may have a key twice; the last one counts in protobuf.
    ASSERT_TRUE(message.ParseFromString(filled.SerializeAsString()));
    const std::string yaml = ToYaml(random, message);
    const absl::StatusOr<YamlDocument> document = YamlDocument::Parse(yaml, {"random.yaml"});
    ASSERT_TRUE(document.ok()) << "seed " << seed << ": " << document.status() << "\n" << yaml;
    MappingLog log;
    MapMessage(document->root(), {{"random.yaml"}, &log}, "", &back);
    ASSERT_TRUE(log.errors.empty()) << "seed " << seed << ": " << log.errors.ToStatus() << yaml;
    ASSERT_TRUE(MessageDifferencer::Equals(message, back)) << "seed " << seed << "\n" << yaml;
  }
}

TEST(RoundTrip, Job) {
  ExpectRoundTrips<v1::JobSpec>(300, 4);
}

TEST(RoundTrip, MessageWithEveryKindOfField) {
  ExpectRoundTrips<test::EveryKind>(200, 1);
}

}  // namespace
}  // namespace lathe
