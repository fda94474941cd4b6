#include "workers/journal.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lathe {

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (file.Number() < 0) {
    return absl::UnavailableError(absl::StrCat("journal ", path, ": ", std::strerror(errno)));
  }
  return std::unique_ptr<Journal>(new Journal(std::move(file)));
}

void Journal::Started(const std::string& item_key, const v1::EvaluationItem& item) {
  Write(absl::StrCat("started ", item_key, " ", item.program_hash(), " ",
                     absl::StrJoin(item.seed_indices(), ","), "\n"));
}

void Journal::Acknowledged(const v1::ItemResult& result) {
  if (!result.has_scores()) return;
  const auto text = [](std::string* out, const v1::SeedResult& seed) {
    absl::StrAppend(out, seed.diverged() ? "diverged" : absl::StrFormat("%.17g", seed.objective()));
  };
  Write(absl::StrCat("acknowledged ", result.token().item_key(), " ", result.program_hash(), " ",
                     absl::StrJoin(result.scores().seeds(), ",", text), "\n"));
}

void Journal::Write(const std::string& line) {
  if (write(file_.Number(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  spdlog::warn("the journal cannot be written: {}", std::strerror(errno));
}

}  // namespace lathe
