#include "server/store/disk_room.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(DiskRoomTest, ADiskThatDoesNotTellHasRoom) {
  DiskRoom room("/no such directory");
  WriteBatch batch;
  batch.Put(Kind::kJobs, "key", std::string(size_t{3} << 20, 'x'));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(room.Suffices(batch));
}

}  // namespace
}  // namespace lathe
