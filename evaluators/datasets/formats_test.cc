// What is read from each format, and what is said of files that are wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "evaluators/datasets/cifar10.h"
#include "evaluators/datasets/idx.h"
#include "evaluators/datasets/npz.h"
#include "evaluators/datasets/testing/made_files.h"
#include "evaluators/datasets/text.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint8_t kBytes = 0x08;

std::string Message(const absl::StatusOr<Dataset>& dataset) {
  if (dataset.ok()) return "it was read";
  EXPECT_NE(dataset.status().code(), absl::StatusCode::kInternal);
  return std::string(dataset.status().message());
}

absl::StatusOr<Dataset> FromIdx(const std::string& images, const std::string& labels,
                                uint32_t classes = 0) {
  return ParseIdx({"images", images}, {"labels", labels}, classes);
}

// Three images of 2 x 2.
const std::string kImages = Idx(kBytes, {3, 2, 2}, std::string("abcdefghijkl"));
const std::string kLabels = Idx(kBytes, {3}, std::string("\1\0\2", 3));

TEST(Idx, ReadsImagesAndLabels) {
  const Dataset dataset = FromIdx(kImages, kLabels).value();
  EXPECT_THAT(dataset.data.shape(), ElementsAre(1, 2, 2));
  EXPECT_EQ(dataset.data.examples(), 3u);
  EXPECT_EQ(dataset.data.classes(), 3u);
  EXPECT_EQ(dataset.max_value, 255);
  EXPECT_THAT(dataset.classes, ElementsAre(1, 0, 2));
  EXPECT_EQ(std::string(dataset.bytes.begin(), dataset.bytes.end()), "abcdefghijkl");
  EXPECT_TRUE(CheckDescription(dataset.data, "").ok());
}

TEST(Idx, KnowsOtherShapes) {
  const std::string values(12, 'x');
  EXPECT_THAT(FromIdx(Idx(kBytes, {3, 4}, values), kLabels)->data.shape(), ElementsAre(4));
  EXPECT_THAT(FromIdx(Idx(kBytes, {3, 2, 1, 2}, values), kLabels)->data.shape(),
              ElementsAre(2, 1, 2));
}

TEST(Idx, TakesMoreClassesThanThereAre) {
  EXPECT_EQ(FromIdx(kImages, kLabels, 5)->data.classes(), 5u);
  EXPECT_EQ(Message(FromIdx(kImages, kLabels, 2)),
            "labels: example 2: class 2 is not allowed; allowed: 0 to 1");
}

TEST(Idx, ContentHashFollowsFromAllThatTasksDependOn) {
  const std::string hash = FromIdx(kImages, kLabels)->data.content_hash();
  EXPECT_EQ(hash, FromIdx(kImages, kLabels)->data.content_hash());
  std::string images = kImages, labels = kLabels;
  ++images.back();
  labels.back() = 0;
  EXPECT_NE(hash, FromIdx(images, kLabels)->data.content_hash());
  EXPECT_NE(hash, FromIdx(kImages, labels, 3)->data.content_hash());
  EXPECT_NE(hash, FromIdx(kImages, kLabels, 4)->data.content_hash());
  EXPECT_NE(hash, FromIdx(Idx(kBytes, {3, 4}, kImages.substr(16)), kLabels)->data.content_hash());
}

TEST(Idx, EveryTruncationAndTrailingByteIsFound) {
  for (size_t size = 0; size < kImages.size(); ++size) {
    EXPECT_THAT(Message(FromIdx(kImages.substr(0, size), kLabels)), HasSubstr("images: has "));
  }
  for (size_t size = 0; size < kLabels.size(); ++size) {
    EXPECT_THAT(Message(FromIdx(kImages, kLabels.substr(0, size))), HasSubstr("labels: has "));
  }
  EXPECT_EQ(Message(FromIdx(kImages + "x", kLabels)),
            "images: has 13 bytes after its header; required: 12");
}

TEST(Idx, SaysWhatIsWrong) {
  EXPECT_EQ(Message(FromIdx("PK\x03\x04", kLabels)),
            "images: is no IDX file: its first two bytes are not 0");
  EXPECT_EQ(Message(FromIdx(Idx(0x0D, {3, 2, 2}, ""), kLabels)),
            "images: byte 2: values of type 0x0d (32-bit floats) are not allowed; allowed: 0x08 "
            "(unsigned bytes)");
  EXPECT_EQ(Message(FromIdx(kLabels, kLabels)),
            "images: byte 3: 1 dimensions are not allowed; allowed: 2 to 4");
  EXPECT_EQ(Message(FromIdx(kImages, kImages)),
            "labels: byte 3: 3 dimensions are not allowed; allowed: 1");
  EXPECT_EQ(Message(FromIdx(kImages, Idx(kBytes, {2}, std::string(2, '\1')))),
            "labels: has 2 labels; images has 3 images");
  EXPECT_THAT(Message(FromIdx(Idx(kBytes, {3, 0, 2}, ""), kLabels)),
              HasSubstr("images: byte 8: an extent of 0 is not allowed"));
  EXPECT_THAT(Message(FromIdx(Idx(kBytes, {~0U, ~0U, ~0U}, ""), kLabels)),
              HasSubstr("images: byte 8: an extent of 4294967295 is not allowed"));
  EXPECT_THAT(Message(FromIdx(kImages, Idx(kBytes, {3}, std::string(3, '\0')))),
              HasSubstr("labels: data.classes: 1 is not allowed; allowed: 2 to 256"));
}

TEST(Idx, AShapeThatIsNotAllowedIsThatOfTheImages) {
  const std::string one_label = Idx(kBytes, {1}, std::string(1, '\1'));
  EXPECT_EQ(Message(FromIdx(Idx(kBytes, {1, 2000, 2000}, std::string(4'000'000, 'x')), one_label)),
            "images: data.shape[2]: 2000 is not allowed; allowed: at least 1, and at most 1048576 "
            "features together");
}

std::string CifarRecord(char label, char pixel) {
  return label + std::string(3072, pixel);
}

TEST(Cifar10, ReadsTheRecordsOfAllFiles) {
  const InputFile files[] = {{"a", CifarRecord(3, 'a') + CifarRecord(0, 'b')},
                             {"b", CifarRecord(9, 'c')}};
  const Dataset dataset = ParseCifar10(files).value();
  EXPECT_THAT(dataset.data.shape(), ElementsAre(3, 32, 32));
  EXPECT_EQ(dataset.data.classes(), 10u);
  EXPECT_THAT(dataset.classes, ElementsAre(3, 0, 9));
  EXPECT_EQ(std::string(dataset.bytes.begin(), dataset.bytes.end()),
            std::string(3072, 'a') + std::string(3072, 'b') + std::string(3072, 'c'));
}

TEST(Cifar10, SaysWhatIsWrong) {
  const auto message = [](const std::string& bytes) {
    const InputFile files[] = {{"good", CifarRecord(1, 'x')}, {"bad", bytes}};
    return Message(ParseCifar10(files));
  };
  EXPECT_THAT(message(""), HasSubstr("bad: has 0 bytes; required: records of 3073 bytes"));
  EXPECT_THAT(message(CifarRecord(1, 'x').substr(1)), HasSubstr("bad: has 3072 bytes"));
  EXPECT_EQ(message(CifarRecord(1, 'x') + CifarRecord(10, 'x')),
            "bad: record 1 (byte 3073): label 10 is not allowed; allowed: 0 to 9");
  EXPECT_NE(Message(ParseCifar10({})), "it was read");
}

TEST(Text, HasTheBytesThatItHas) {
  const Dataset dataset = ParseText({"file", "to be or\n"}).value();
  EXPECT_EQ(dataset.vocabulary, "\n beort");
  EXPECT_EQ(dataset.data.classes(), 7u);
  EXPECT_EQ(dataset.data.examples(), 9u);
  EXPECT_TRUE(IsText(dataset.data));
  EXPECT_NE(ParseText({"file", "to be or "})->data.content_hash(), dataset.data.content_hash());
  EXPECT_EQ(Message(ParseText({"file", ""})),
            "file: has 0 bytes, 0 different ones; required: at least 2");
  EXPECT_EQ(Message(ParseText({"file", "aaa"})),
            "file: has 3 bytes, 1 different ones; required: at least 2");
}

const std::string kX = Npy("<f4", "(3, 2)", BytesOfAll<float>({0, 1, -2, 0.5F, 4, 5}));
const std::string kY = Npy("<i8", "(3,)", BytesOfAll<int64_t>({1, 0, 2}));

absl::StatusOr<Dataset> FromNpz(const std::string& x, const std::string& y, uint32_t classes = 0) {
  NpzOptions options;
  options.classes = classes;
  return ParseNpz({"file.npz", Zip({{"x.npy", x}, {"y.npy", y}})}, options);
}

TEST(Npz, ReadsFeaturesAndLabelsStoredOrDeflated) {
  for (bool deflated : {false, true}) {
    const Dataset dataset =
        ParseNpz({"file", Zip({{"x.npy", kX}, {"y.npy", kY}}, deflated)}).value();
    EXPECT_THAT(dataset.data.shape(), ElementsAre(2));
    EXPECT_THAT(dataset.reals, ElementsAre(0, 1, -2, 0.5F, 4, 5));
    EXPECT_THAT(dataset.classes, ElementsAre(1, 0, 2));
    EXPECT_EQ(dataset.data.classes(), 3u);
  }
}

TEST(Npz, ReadsEveryTypeAndVersion) {
  const auto read = [](const std::string& descr, const std::string& bytes) {
    return FromNpz(Npy(descr, "(3, 1)", bytes), kY)->reals;
  };
  EXPECT_THAT(read("|u1", BytesOfAll<uint8_t>({0, 7, 255})), ElementsAre(0, 7, 255));
  EXPECT_THAT(read("<i4", BytesOfAll<int32_t>({-1, 7, 255})), ElementsAre(-1, 7, 255));
  EXPECT_THAT(read("<i8", BytesOfAll<int64_t>({-1, 7, 255})), ElementsAre(-1, 7, 255));
  EXPECT_THAT(read("<f8", BytesOfAll<double>({-1, 0.1, 255})), ElementsAre(-1, 0.1F, 255));
  for (int version : {2, 3}) {
    const std::string y =
        NpyWithHeader("{\"shape\": (3,), \"fortran_order\":False,\"descr\": '|u1'}",
                      std::string("\0\1\2", 3), version);
    EXPECT_THAT(FromNpz(kX, y)->classes, ElementsAre(0, 1, 2));
  }
}

TEST(Npz, KnowsShapesAndKeys) {
  const std::string values = BytesOfAll(std::vector<float>(12));
  EXPECT_THAT(FromNpz(Npy("<f4", "(3, 2, 2)", values), kY)->data.shape(), ElementsAre(1, 2, 2));
  EXPECT_THAT(FromNpz(Npy("<f4", "(3, 2, 1, 2)", values), kY)->data.shape(), ElementsAre(2, 1, 2));
  NpzOptions options;
  options.features_key = "images";
  options.labels_key = "kind";
  EXPECT_TRUE(ParseNpz({"f", Zip({{"images.npy", kX}, {"kind.npy", kY}})}, options).ok());
  EXPECT_EQ(Message(ParseNpz({"f", Zip({{"a.npy", kX}, {"y.npy", kY}})}, options)),
            "f: has no \"images.npy\"; it has: a.npy, y.npy");
}

TEST(Npz, SaysWhichArrayIsWrong) {
  const auto x = [](const std::string& descr, const std::string& shape, const std::string& values) {
    return Message(FromNpz(Npy(descr, shape, values), kY));
  };
  const auto y = [](const std::string& descr, const std::string& shape, const std::string& values) {
    return Message(FromNpz(kX, Npy(descr, shape, values)));
  };
  EXPECT_EQ(x("|O", "(3, 1)", ""),
            "file.npz: x.npy: values of type '|O' (Python objects) are not allowed; allowed: |u1, "
            "<i4, <i8, <f4, <f8");
  EXPECT_THAT(x(">f4", "(3, 1)", ""), HasSubstr("'>f4' (big-endian) are not allowed"));
  EXPECT_THAT(x("<f2", "(3, 1)", ""), HasSubstr("'<f2' are not allowed"));
  EXPECT_EQ(x("<f4", "(3,)", BytesOfAll<float>({1, 2, 3})),
            "file.npz: x.npy: a shape of (3) is not allowed; allowed: (examples, features), "
            "(examples, height, width), (examples, channels, height, width)");
  EXPECT_EQ(x("<f4", "(3, 2)", BytesOfAll<float>({1, 2, 3, 4, 5})),
            "file.npz: x.npy: has 20 bytes after its header; required: 24");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(x("<f4", "(3, 2)", BytesOfAll<float>({1, 2, 3, nan, 5, 6})),
            "file.npz: x.npy: [1, 1]: nan is not allowed; allowed: finite 32-bit floats");
  EXPECT_EQ(x("<f8", "(3, 1)", BytesOfAll<double>({1, 2, -1e300})),
            "file.npz: x.npy: [2, 0]: -1e+300 is not allowed; allowed: finite 32-bit floats");
  EXPECT_EQ(x("<f4", "(2, 1)", BytesOfAll<float>({1, 2})),
            "file.npz: y.npy: has 3 labels; x.npy has 2 examples");
  EXPECT_THAT(x("<f4", "(3, 0)", ""), HasSubstr("an extent of 0 is not allowed"));
  EXPECT_THAT(x("<f4", "(4294967296, 4294967296, 2)", ""), HasSubstr("more values than can be"));
  EXPECT_EQ(y("<i8", "(3,)", BytesOfAll<int64_t>({0, -1, 2})),
            "file.npz: y.npy: [1]: label -1 is not allowed; allowed: 0 to 255");
  EXPECT_EQ(y("<i4", "(3,)", BytesOfAll<int32_t>({0, 1, 256})),
            "file.npz: y.npy: [2]: label 256 is not allowed; allowed: 0 to 255");
  EXPECT_THAT(y("<f4", "(3,)", BytesOfAll<float>({0, 1, 2})), HasSubstr("labels that are floats"));
  EXPECT_EQ(y("<i4", "(3, 1)", BytesOfAll<int32_t>({0, 1, 2})),
            "file.npz: y.npy: a shape of (3, 1) is not allowed; allowed: (examples)");
  EXPECT_EQ(Message(FromNpz(kX, kY, 2)),
            "file.npz: y.npy: [2]: label 2 is not allowed; allowed: 0 to 1");
}

TEST(Npz, SaysWhereAHeaderIsWrong) {
  const auto header = [](const std::string& text) {
    return Message(FromNpz(NpyWithHeader(text, ""), kY));
  };
  const std::string rest = "'shape': (3, 2)}";
  EXPECT_EQ(header("{'descr': '<f4', 'fortran_order': True, " + rest),
            "file.npz: x.npy: fortran_order True is not allowed; allowed: False (C order)");
  EXPECT_THAT(header("{'descr': [('a', '<f4')], 'fortran_order': False, " + rest),
              HasSubstr("header, place 10: expected a type in quotes (arrays of records are not "
                        "read), found \"[(\\'a\\', \\'<f4\\')]"));
  EXPECT_THAT(header("{'descr': '<f4', " + rest), HasSubstr("header: has no 'fortran_order'"));
  EXPECT_THAT(header("{'descr': '<f4', 'descr': '<f4', " + rest),
              HasSubstr("the key 'descr' is not allowed here"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, -2)}"),
              HasSubstr("place 54: expected an extent"));
  EXPECT_THAT(header("{'shape': (1,1,1,1,1,1,1,1,1)}"), HasSubstr("expected at most 8 extents"));
  EXPECT_THAT(header("{'shape': (99999999999999999999,)}"), HasSubstr("expected an extent"));
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, " + rest + " x"),
              HasSubstr("expected nothing more"));
  EXPECT_THAT(header("no dictionary"), HasSubstr("place 0: expected {"));
  std::string version = kX;
  version[6] = 4;
  EXPECT_THAT(Message(FromNpz(version, kY)), HasSubstr("NPY version 4 is not allowed"));
  for (size_t size = 0; size < kX.size(); ++size) {
    EXPECT_THAT(Message(FromNpz(kX.substr(0, size), kY)), HasSubstr("file.npz: x.npy: ")) << size;
  }
}

TEST(Npz, FindsDamagedArchives) {
  const std::string whole = Zip({{"x.npy", kX}, {"y.npy", kY}}, true);
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THAT(Message(ParseNpz({"cut.npz", whole.substr(0, size)})),
                HasSubstr("cut.npz: is no whole zip archive"))
        << size;
  }
  EXPECT_NE(Message(ParseNpz({"empty.npz", ""})), "it was read");
  std::string flipped = Zip({{"x.npy", kX}, {"y.npy", kY}});
  flipped[30 + 5 + kX.size() - 1] ^= 1;  // a value of x
  EXPECT_THAT(Message(ParseNpz({"bad.npz", flipped})), HasSubstr("bad.npz: x.npy: CRC error"));
}

TEST(Npz, DecodesNoMoreThanIsAllowed) {
  NpzOptions options;
  options.max_array_bytes = 100'000;
  const std::string zeros = Npy("|u1", "(2000, 1000)", std::string(2'000'000, '\0'));
  EXPECT_EQ(Message(ParseNpz({"bomb", Zip({{"x.npy", zeros}, {"y.npy", kY}}, true)}, options)),
            "bomb: x.npy: decodes to more than the 100000 bytes allowed");
}

}  // namespace
}  // namespace lathe
