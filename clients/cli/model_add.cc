// lathe data add --format torchscript.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/data_commands.h"
#include "clients/cli/data_text.h"
#include "clients/report/json_text.h"
#include "evaluators/datasets/input_file.h"
#include "evaluators/datasets/registered_model.h"
#include "evaluators/task/model_catalog.h"
#include "process/child_process.h"

namespace lathe {
namespace {

// Of the reader's side of the conversation (workers/model_reader.h).
constexpr int kModelFile = 3, kModelAnswer = 4;
// Loading a large file and a few passes of a small batch; what takes longer could not be searched
// with.
constexpr double kMostSeconds = 120;
constexpr off_t kMostAnswerBytes = 1 << 22;

// A file in memory, of no name that anybody could change.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("lathe-model", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int Descriptor() const { return descriptor_; }

  absl::Status Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = write(descriptor_, bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) {
        return absl::UnavailableError(absl::StrCat("memory for a file: ", std::strerror(errno)));
      }
      bytes.remove_prefix(static_cast<size_t>(size));
    }
    return absl::OkStatus();
  }

  std::string Read() const {
    const off_t end = lseek(descriptor_, 0, SEEK_END);
    std::string bytes(static_cast<size_t>(end < 0 || end > kMostAnswerBytes ? 0 : end), '\0');
    const ssize_t size = pread(descriptor_, bytes.data(), bytes.size(), 0);
    bytes.resize(static_cast<size_t>(size < 0 ? 0 : size));
    return bytes;
  }

 private:
  const int descriptor_;
};

absl::Status NoReader(const std::string& program) {
  return absl::FailedPreconditionError(absl::StrCat(
      program, ": is not there, and reads models; it is built with libtorch ", "(LATHE_TORCH=ON)"));
}

// What the reader says of the file; how it ended where it says nothing.
absl::StatusOr<v1::ModelReading> AskReader(const DataAddOptions& options, const std::string& file) {
  const MemoryFile model, answer;
  if (absl::Status status = model.Write(file); !status.ok()) return status;
  std::vector<std::string> arguments = {"--describe-model"};
  if (!options.input.empty()) arguments.insert(arguments.end(), {"--input", options.input});
  absl::StatusOr<ChildProcess> reader =
      ChildProcess::Start({.program = options.reader,
                           .arguments = arguments,
                           .descriptors = {{STDERR_FILENO, STDOUT_FILENO},
                                           {model.Descriptor(), kModelFile},
                                           {answer.Descriptor(), kModelAnswer}}});
  if (!reader.ok()) return reader.status();
  const bool ended = reader->WaitFor(kMostSeconds);
  const std::optional<ExitStatus> end = reader->Poll();
  reader->KillTree();
  if (!ended || !end) {
    return absl::DataLossError(
        absl::StrCat("took longer than ", kMostSeconds, " s to run a few times"));
  }
  v1::ModelReading reading;
  if (end->Clean() && reading.ParseFromString(answer.Read()) &&
      reading.reading_case() != v1::ModelReading::READING_NOT_SET) {
    return reading;
  }
  return absl::DataLossError(
      absl::StrCat("cannot be run: what reads models ", end->Text(), " over it"));
}

absl::StatusOr<v1::RegisteredModel> ReadModel(const DataAddOptions& options,
                                              const std::string& file) {
  const absl::StatusOr<v1::ModelReading> reading = AskReader(options, file);
  if (!reading.ok()) return reading.status();
  if (reading->has_error()) return absl::DataLossError(reading->error());
  // The process that answered has run the file.
  const v1::ModelDescription& description = reading->model().description();
  if (absl::Status status = CheckModelDescription(description, "model"); !status.ok()) {
    return absl::DataLossError(status.message());
  }
  if (description.content_hash() != ModelContentHash(file, description)) {
    return absl::DataLossError("what reads models has answered for another file");
  }
  return reading->model();
}

}  // namespace

absl::Status ModelAdd(const DataAddOptions& options, bool json) {
  if (!options.input.empty()) {
    const auto input = ParseInputText(options.input);
    if (!input.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--input: ", input.status().message()));
    }
  }
  std::error_code error;
  if (!std::filesystem::exists(options.reader, error)) return NoReader(options.reader);
  const std::string& path = options.files.front();
  const absl::StatusOr<InputFile> file = ReadInputFile(path, kMaxModelBytes);
  if (!file.ok()) return file.status();
  const absl::StatusOr<v1::RegisteredModel> model = ReadModel(options, file->bytes);
  if (!model.ok()) {
    return absl::Status(model.status().code(), absl::StrCat(path, ": ", model.status().message()));
  }
  const absl::Status status =
      RegisterModel(options.directory, options.name, file->bytes, *model, options.replace);
  if (!status.ok()) return status;
  if (json) return PrintData(JsonText(ModelJson(options.name, *model)));
  return PrintData(absl::StrCat(options.name, ": ", ModelText(*model), "; registered in ",
                                options.directory,
                                "; workers that run find it when they start again\n"));
}

}  // namespace lathe
