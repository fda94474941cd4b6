// Files of datasets, byte by byte, as other programs write them.
#ifndef LATHE_EVALUATORS_DATASETS_TESTING_MADE_FILES_H_
#define LATHE_EVALUATORS_DATASETS_TESTING_MADE_FILES_H_

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace lathe {

// A number as it lies in memory.
template <typename Number>
std::string BytesOf(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

template <typename Number>
std::string BytesOfAll(const std::vector<Number>& numbers) {
  std::string bytes;
  for (Number number : numbers) bytes += BytesOf(number);
  return bytes;
}

inline std::string Idx(uint8_t type, const std::vector<uint32_t>& extents,
                       const std::string& values) {
  std::string bytes{0, 0, static_cast<char>(type), static_cast<char>(extents.size())};
  for (uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(extent >> shift);
  }
  return bytes + values;
}

// An array with this header, as NumPy pads it.
inline std::string NpyWithHeader(std::string header, const std::string& values, int version = 1) {
  const size_t before = version == 1 ? 10 : 12;
  header += std::string(63 - (before + header.size()) % 64, ' ') + '\n';
  const std::string length = version == 1 ? BytesOf(static_cast<uint16_t>(header.size()))
                                          : BytesOf(static_cast<uint32_t>(header.size()));
  return std::string("\x93NUMPY") + static_cast<char>(version) + '\0' + length + header + values;
}

inline std::string Npy(const std::string& descr, const std::string& shape,
                       const std::string& values) {
  return NpyWithHeader(
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }", values);
}

inline std::string Deflated(const std::string& bytes) {
  std::string packed(compressBound(bytes.size()) + 64, '\0');
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// An archive of named files, in which each is stored or deflated.
inline std::string Zip(const std::vector<std::pair<std::string, std::string>>& files,
                       bool deflated = false) {
  std::string bytes, directory;
  for (const auto& [name, content] : files) {
    const std::string packed = deflated ? Deflated(content) : content;
    const auto* data = reinterpret_cast<const Bytef*>(content.data());
    const auto crc = static_cast<uint32_t>(crc32(0, data, static_cast<uInt>(content.size())));
    const std::string common =
        BytesOfAll<uint16_t>({20, 0, static_cast<uint16_t>(deflated ? 8 : 0), 0, 0x21}) +
        BytesOfAll<uint32_t>(
            {crc, static_cast<uint32_t>(packed.size()), static_cast<uint32_t>(content.size())}) +
        BytesOfAll<uint16_t>({static_cast<uint16_t>(name.size()), 0});
    directory += "PK\x01\x02" + BytesOf<uint16_t>(20) + common +
                 BytesOfAll<uint16_t>({0, 0, 0, 0, 0}) +
                 BytesOf(static_cast<uint32_t>(bytes.size())) + name;
    bytes += "PK\x03\x04" + common + name + packed;
  }
  const auto count = static_cast<uint16_t>(files.size());
  return bytes + directory + "PK\x05\x06" + BytesOfAll<uint16_t>({0, 0, count, count}) +
         BytesOfAll<uint32_t>(
             {static_cast<uint32_t>(directory.size()), static_cast<uint32_t>(bytes.size())}) +
         BytesOf<uint16_t>(0);
}

// Examples of four features in three classes, far enough apart to be learned.
inline std::string SmallNpz(int examples) {
  std::vector<float> features;
  std::vector<int64_t> labels;
  for (int i = 0; i < examples; ++i) {
    labels.push_back(i % 3);
    for (int k = 0; k < 4; ++k) {
      features.push_back(static_cast<float>(k == i % 3) + 0.001F * static_cast<float>(i * 7 % 11));
    }
  }
  const std::string count = std::to_string(examples);
  return Zip({{"x.npy", Npy("<f4", "(" + count + ", 4)", BytesOfAll(features))},
              {"y.npy", Npy("<i8", "(" + count + ",)", BytesOfAll(labels))}},
             true);
}

inline std::string Gzipped(const std::string& bytes, const std::string& scratch) {
  gzFile file = gzopen(scratch.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream stream(scratch, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_TESTING_MADE_FILES_H_
