#include "clients/cli/data_text.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/task/model_catalog.h"

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

std::string ModelText(const v1::RegisteredModel& model) {
  const v1::ModelDescription& description = model.description();
  uint64_t numbers = 0;
  for (int i = 0; i < description.rows_size(); ++i) {
    numbers += uint64_t{description.rows(i)} * description.columns(i);
  }
  const bool tokens = description.input() == v1::ModelDescription::TOKENS;
  return absl::StrCat("a model of ", numbers, " parameters in ", description.rows_size(),
                      " tensors; takes ", InputText(description), ", returns ",
                      description.outputs(), " numbers for each ", tokens ? "token" : "example");
}

nlohmann::json ModelJson(const std::string& name, const v1::RegisteredModel& model) {
  const v1::ModelDescription& description = model.description();
  nlohmann::json shape = nlohmann::json::array(), parameters = nlohmann::json::array();
  for (const uint32_t extent : description.shape()) shape.push_back(extent);
  for (int i = 0; i < description.rows_size() && i < model.parameter_names_size(); ++i) {
    parameters.push_back({{"name", model.parameter_names(i)},
                          {"rows", description.rows(i)},
                          {"columns", description.columns(i)}});
  }
  return {{"name", name},
          {"source", "torchscript"},
          {"input", v1::ModelDescription::Input_Name(description.input())},
          {"shape", shape},
          {"outputs", description.outputs()},
          {"multiply_adds", description.multiply_adds()},
          {"parameters", parameters},
          {"content_hash", description.content_hash()}};
}

absl::Status PrintData(const std::string& text) {
  errno = 0;
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("standard output: ", std::strerror(errno)));
}

}  // namespace lathe
