#include "clients/job/program_files.h"

#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/job/text_file.h"

namespace lathe {
namespace {

class ProgramFiles {
 public:
  ProgramFiles(const std::filesystem::path& folder, MappingLog* log) : folder_(folder), log_(log) {}

  // Replaces `entry`, the text field at `path`, if it is a program file.
  void Inline(const std::string& path, std::string* entry) {
    if (!IsProgramFile(*entry) || log_->errors.full()) return;
    const std::filesystem::path file = folder_ / *entry;
    absl::StatusOr<std::string> text = ReadTextFile(file, FileKind::kRegular);
    if (!text.ok()) {
      Error(path, absl::StrCat("cannot read ", Printable(file.string(), 4096), ": ",
                               std::string(text.status().message())));
    } else if (absl::Status status = CheckText(*text, {file.string()}); !status.ok()) {
      Error(path, std::string(status.message()));
    } else if (bytes_ += text->size(); bytes_ > kMaxProgramBytes) {
      Error(path, "the program files of this job are larger than 16 MiB together");
    } else {
      *entry = *std::move(text);
    }
  }

 private:
  void Error(const std::string& path, const std::string& problem) {
    log_->errors.Add(log_->text_places[path], path, problem);
  }

  const std::filesystem::path& folder_;
  MappingLog* log_;
  size_t bytes_ = 0;
};

}  // namespace

bool IsProgramFile(const std::string& entry) {
  return absl::EndsWith(entry, ".lathe") &&
         entry.find_first_of(std::string_view("\0\n", 2)) == std::string::npos;
}

void InlineProgramFiles(const std::filesystem::path& folder, v1::JobSpec* job, MappingLog* log) {
  ProgramFiles files(folder, log);
  for (int i = 0; i < job->warm_start_size(); ++i) {
    files.Inline(PathOf("warm_start", i), job->mutable_warm_start(i));
  }
  if (!job->has_study()) return;
  for (int i = 0; i < job->study().baselines_size(); ++i) {
    files.Inline(PathOf(PathOf("study.baselines", i), "program"),
                 job->mutable_study()->mutable_baselines(i)->mutable_program());
  }
}

}  // namespace lathe
