#include "clients/cli/data_text.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {

std::string ShapeText(const v1::DatasetDescription& data) {
  return IsText(data) ? "text" : absl::StrJoin(data.shape(), "x");
}

std::string DataText(const v1::DatasetDescription& data) {
  if (IsText(data)) {
    return absl::StrCat(data.examples(), " bytes of text, ", data.classes(), " different ones");
  }
  return absl::StrCat(data.examples(), " examples of ", ShapeText(data), " in ", data.classes(),
                      " classes");
}

nlohmann::json DataJson(const std::string& name, const std::string& source,
                        const v1::DatasetDescription& data) {
  nlohmann::json shape = nlohmann::json::array();
  for (uint32_t extent : data.shape()) shape.push_back(extent);
  return {{"name", name},   {"source", source},          {"examples", data.examples()},
          {"shape", shape}, {"classes", data.classes()}, {"content_hash", data.content_hash()}};
}

absl::Status PrintData(const std::string& text) {
  errno = 0;
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("standard output: ", std::strerror(errno)));
}

}  // namespace lathe
