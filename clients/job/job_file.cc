#include "clients/job/job_file.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "clients/job/field_override.h"
#include "clients/job/message_mapping.h"
#include "clients/job/program_files.h"
#include "clients/job/text_file.h"
#include "clients/job/yaml_document.h"

namespace lathe {

absl::StatusOr<v1::JobSpec> ParseJob(std::string_view yaml, std::string_view file_name,
                                     std::span<const std::string> overrides) {
  MappingLog log;
  const MappingContext context{{.name = std::string(file_name)}, &log};
  const absl::StatusOr<YamlDocument> document = YamlDocument::Parse(yaml, context.source);
  if (!document.ok()) return document.status();

  v1::JobSpec job;
  MapMessage(document->root(), context, "", &job);
  for (const std::string& text : overrides) ApplyOverride(text, &job, &log);
  InlineProgramFiles(std::filesystem::path(file_name).parent_path(), &job, &log);
  if (!log.errors.empty()) return log.errors.ToStatus();
  return job;
}

absl::StatusOr<v1::JobSpec> ReadJobFile(const std::string& path,
                                        std::span<const std::string> overrides) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, FileKind::kAny);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(Printable(path, 4096), ": cannot read the file: ",
                                     std::string(text.status().message())));
  }
  return ParseJob(*text, path, overrides);
}

}  // namespace lathe
