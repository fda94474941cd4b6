#include "workers/model_reader.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/task/model_catalog.h"
#include "workers/evaluate_item.h"

namespace lathe {
namespace {

// Of addresses; what a model of the largest size takes, several times.
constexpr rlim_t kMostMemory = rlim_t{16} << 30;

std::optional<std::string> ReadAll(int descriptor) {
  struct stat info = {};
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size =
        pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    done += static_cast<size_t>(size);
  }
  return bytes;
}

bool WriteAll(int descriptor, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size =
        pwrite(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    done += static_cast<size_t>(size);
  }
  return true;
}

absl::StatusOr<v1::RegisteredModel> Describe(const std::string& file, const std::string& input,
                                             const DescribeModelFile& describe) {
  v1::ModelExample example;
  if (!input.empty()) {
    const absl::StatusOr<v1::ModelExample> given = ParseInputText(input);
    if (!given.ok()) return given.status();
    example = *given;
  }
  return WithoutExceptions([&] { return describe(file, example); });
}

}  // namespace

int RunModelReader(const std::string& input, const DescribeModelFile& describe) {
  const std::optional<std::string> file = ReadAll(kModelFile);
  struct stat info = {};
  if (!file || fstat(kModelAnswer, &info) != 0) {
    std::fprintf(stderr,
                 "--describe-model: is used by lathe data add, with a file as descriptor 3 "
                 "and one for the answer as descriptor 4\n");
    return 2;
  }
  const rlimit limit = {kMostMemory, kMostMemory};
  setrlimit(RLIMIT_AS, &limit);
  const absl::StatusOr<v1::RegisteredModel> model = Describe(*file, input, describe);
  v1::ModelReading reading;
  if (model.ok()) {
    *reading.mutable_model() = *model;
  } else {
    reading.set_error(WireMessage(std::string(model.status().message())));
  }
  return WriteAll(kModelAnswer, reading.SerializeAsString()) ? 0 : 2;
}

}  // namespace lathe
