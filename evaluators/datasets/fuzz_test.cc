// No bytes, whatever they say of themselves, make a parser crash or take memory that they do not
// fill; what it takes for a dataset is one.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>

#include "dsl/random.h"
#include "evaluators/datasets/cifar10.h"
#include "evaluators/datasets/idx.h"
#include "evaluators/datasets/npz.h"
#include "evaluators/datasets/testing/made_files.h"
#include "evaluators/datasets/text.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

constexpr int kRounds = 20'000;
constexpr long kMostKilobytes = 512 * 1024;

using Parse = std::function<absl::StatusOr<Dataset>(const std::string&)>;

char AnyByte(RandomStream& random) {
  return static_cast<char>(random.Below(256));
}

std::string Mutated(std::string bytes, RandomStream& random) {
  for (uint64_t changes = 1 + random.Below(4); changes > 0; --changes) {
    const size_t place = random.Below(bytes.size() + 1);
    switch (random.Below(4)) {
      case 0: bytes.insert(place, 1, AnyByte(random)); break;
      case 1: bytes.erase(place, random.Below(8)); break;
      case 2: bytes.resize(place); break;
      default:
        if (place < bytes.size()) bytes[place] = AnyByte(random);
    }
  }
  return bytes;
}

void CheckParsed(const absl::StatusOr<Dataset>& dataset) {
  if (!dataset.ok()) {
    EXPECT_FALSE(dataset.status().message().empty());
    return;
  }
  const absl::Status status = CheckDescription(dataset->data, "data");
  EXPECT_TRUE(status.ok()) << status;
  if (IsText(dataset->data)) return;
  const size_t values = dataset->data.examples() * static_cast<size_t>(FeaturesOf(dataset->data));
  EXPECT_EQ(dataset->reals.size() + dataset->bytes.size(), values);
  EXPECT_EQ(dataset->classes.size(), dataset->data.examples());
}

void Fuzz(uint64_t seed, const std::string& good, const Parse& parse) {
  ASSERT_TRUE(parse(good).ok()) << parse(good).status();
  RandomStream random(seed, {});
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes;
    if (round % 4 == 0) {
      for (uint64_t size = random.Below(300); size > 0; --size) bytes += AnyByte(random);
    } else {
      bytes = Mutated(good, random);
    }
    CheckParsed(parse(bytes));
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", round " << round;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, kMostKilobytes);
}

const std::string kLabels = Idx(0x08, {3}, std::string("\1\0\2", 3));
const std::string kImages = Idx(0x08, {3, 2, 2}, std::string(12, 'x'));

TEST(Fuzz, IdxImages) {
  Fuzz(1, kImages, [](const std::string& bytes) {
    return ParseIdx({"images", bytes}, {"labels", kLabels});
  });
}

TEST(Fuzz, IdxLabels) {
  Fuzz(2, kLabels, [](const std::string& bytes) {
    return ParseIdx({"images", kImages}, {"labels", bytes});
  });
}

TEST(Fuzz, Cifar10) {
  Fuzz(3, std::string(3073, '\3'), [](const std::string& bytes) {
    const InputFile files[] = {{"file", bytes}};
    return ParseCifar10(files);
  });
}

TEST(Fuzz, Text) {
  Fuzz(4, "some text", [](const std::string& bytes) { return ParseText({"file", bytes}); });
}

TEST(Fuzz, NpzArchive) {
  Fuzz(5, SmallNpz(9), [](const std::string& bytes) { return ParseNpz({"file", bytes}); });
}

// Behind an archive that is right.
TEST(Fuzz, NpzArrays) {
  const std::string y = Npy("|u1", "(3,)", std::string("\0\1\2", 3));
  const std::string x = Npy("<f4", "(3, 2)", BytesOfAll<float>({0, 1, 2, 3, 4, 5}));
  Fuzz(6, x, [&](const std::string& bytes) {
    return ParseNpz({"file", Zip({{"x.npy", bytes}, {"y.npy", y}})});
  });
  Fuzz(7, y, [&](const std::string& bytes) {
    return ParseNpz({"file", Zip({{"x.npy", x}, {"y.npy", bytes}})});
  });
}

}  // namespace
}  // namespace lathe
