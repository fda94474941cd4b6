#include "clients/cli/data_commands.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/data_text.h"
#include "clients/cli/terminal_text.h"
#include "clients/report/json_text.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/registered_model.h"
#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/task/dataset_catalog.h"
#include "evaluators/task/model_catalog.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2;

struct Flags {
  bool json = false;
  DataAddOptions add;
  std::vector<std::string> names;
};

int ExitStatus(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "lathe: %s\n", PlainLines(std::string(status.message())).c_str());
  return absl::IsInvalidArgument(status) ? kUsage : kFailure;
}

// What ships, then the datasets that are registered, then the models, in order.
absl::StatusOr<std::vector<std::string>> AllNames(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& [name, data] : ShippedDatasets()) names.push_back(name);
  const auto registered = RegisteredNames(directory);
  if (!registered.ok()) return registered.status();
  names.insert(names.end(), registered->begin(), registered->end());
  const auto models = RegisteredModelNames(directory);
  if (!models.ok()) return models.status();
  names.insert(names.end(), models->begin(), models->end());
  return names;
}

// What is known of datasets without reading them, and of those that are damaged, why.
struct Listed {
  nlohmann::json json = nlohmann::json::array();
  std::vector<Row> rows = {{"NAME", "SOURCE", "EXAMPLES", "SHAPE", "CLASSES", "CONTENT"}};
  absl::Status first_error;
};

void List(const std::string& name, const std::string& source, const v1::DatasetDescription& data,
          Listed& listed) {
  listed.json.push_back(DataJson(name, source, data));
  listed.rows.push_back({name, OneLine(source), absl::StrCat(data.examples()), ShapeText(data),
                         absl::StrCat(data.classes()), data.content_hash()});
}

void List(const std::string& name, const v1::RegisteredModel& model, Listed& listed) {
  const v1::ModelDescription& description = model.description();
  listed.json.push_back(ModelJson(name, model));
  listed.rows.push_back({name, "torchscript", "-", InputText(description),
                         absl::StrCat(description.outputs()), description.content_hash()});
}

// What a dataset or a model that is read whole is.
absl::StatusOr<std::string> CheckOne(const std::string& directory, const std::string& name) {
  const auto models = RegisteredModelNames(directory);
  if (!models.ok()) return models.status();
  if (std::ranges::count(*models, name) > 0) {
    const absl::StatusOr<ModelFile> model = LoadRegisteredModel(directory, name);
    return model.ok() ? absl::StatusOr<std::string>(ModelText(model->model)) : model.status();
  }
  const absl::StatusOr<Dataset> dataset = LoadDataset(directory, name);
  return dataset.ok() ? absl::StatusOr<std::string>(DataText(dataset->data)) : dataset.status();
}

std::string FolderOfThisProgram() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

class DataCommandLine {
 public:
  DataCommandLine(CLI::App& app, int* exit_status)
      : data_(
            app.add_subcommand("data", "Register, list and check datasets and models; no server")),
        exit_status_(exit_status) {
    flags_->add.directory = InstalledDataDirectory();
    flags_->add.reader = FolderOfThisProgram() + "/lathe-evaluator-torch";
    data_->require_subcommand(1);
    AddAdd();
    Add("list", "List the datasets that ship, and datasets and models that are registered",
        [](const Flags& flags) { return DataList(flags.add.directory, flags.json); });
    Add("check", "Read datasets and models whole and tell which are damaged, and where",
        [](const Flags& flags) { return DataCheck(flags.add.directory, flags.names, flags.json); })
        ->add_option("NAME", flags_->names, "Which ones [all]");
  }

 private:
  CLI::App* Add(const char* name, const char* description,
                std::function<absl::Status(const Flags&)> command) {
    CLI::App* added = data_->add_subcommand(name, description);
    added->add_flag("--json", flags_->json, "Print JSON");
    added->add_option("--data", flags_->add.directory,
                      "Folder of the datasets and models, as workers take it [the installed one]");
    added->callback([flags = flags_, exit_status = exit_status_, command = std::move(command)] {
      *exit_status = ExitStatus(WithoutExceptions([&] { return command(*flags); }));
    });
    return added;
  }

  void AddAdd() {
    DataAddOptions& add = flags_->add;
    CLI::App* added = Add("add", "Register a dataset or a model, so that jobs can name it",
                          [](const Flags& flags) { return DataAdd(flags.add, flags.json); });
    added->add_option("NAME", add.name, "What jobs call it: " + std::string(kDatasetNameRule))
        ->required();
    added->add_option("FILE", add.files, "Of cifar10, npz, text and torchscript");
    added
        ->add_option("--format", add.format,
                     "idx, cifar10 (the binary version), npz, text, or torchscript: a model")
        ->check(CLI::IsMember({"idx", "cifar10", "npz", "text", "torchscript"}))
        ->required();
    added->add_option("--images", add.images, "Of idx: examples of unsigned bytes");
    added->add_option("--labels", add.labels, "Of idx: their classes");
    added->add_option("--features-key", add.features_key, "Of npz: name of the array of examples")
        ->capture_default_str();
    added->add_option("--labels-key", add.labels_key, "Of npz: name of the array of classes")
        ->capture_default_str();
    added
        ->add_option("--classes", add.classes,
                     "Of idx and npz: how many there are [the largest label and one more]")
        ->check(CLI::Range(2U, kMaxClasses));
    added->add_option("--input", add.input,
                      "Of torchscript: what it is given, e.g. 64, 1x28x28, tokens:32 [as the file "
                      "says, which lathe.export_model wrote]");
    added->add_flag("--replace", add.replace, "Put it in the place of the one of that name");
    added->footer(
        "Files may be packed with gzip. Bytes of idx and cifar10 are divided by 255; values of npz "
        "are taken as they are: (examples, features), (examples, height, width) or (examples, "
        "channels, height, width). A model is code: it runs here, and on workers that have it.");
  }

  CLI::App* const data_;
  int* const exit_status_;
  const std::shared_ptr<Flags> flags_ = std::make_shared<Flags>();
};

}  // namespace

absl::Status DataList(const std::string& directory, bool json) {
  const absl::StatusOr<std::vector<std::string>> names = RegisteredNames(directory);
  if (!names.ok()) return names.status();
  Listed listed;
  for (const auto& [name, data] : ShippedDatasets()) List(name, "ships", data, listed);
  for (const std::string& name : *names) {
    const auto registered = ReadRegistration(directory, name);
    listed.first_error.Update(registered.status());
    if (registered.ok()) List(name, registered->source_format(), registered->data(), listed);
  }
  const absl::StatusOr<std::vector<std::string>> models = RegisteredModelNames(directory);
  if (!models.ok()) return models.status();
  for (const std::string& name : *models) {
    const auto model = ReadModelRegistration(directory, name);
    listed.first_error.Update(model.status());
    if (model.ok()) List(name, *model, listed);
  }
  const absl::Status printed = PrintData(json ? JsonText(listed.json) : Table(listed.rows));
  return printed.ok() ? listed.first_error : printed;
}

absl::Status DataCheck(const std::string& directory, const std::vector<std::string>& names,
                       bool json) {
  const auto all = AllNames(directory);
  if (!all.ok()) return all.status();
  nlohmann::json lines = nlohmann::json::array();
  size_t damaged = 0;
  for (const std::string& name : names.empty() ? *all : names) {
    const absl::StatusOr<std::string> whole = CheckOne(directory, name);
    if (absl::IsInvalidArgument(whole.status())) return whole.status();
    damaged += whole.ok() ? 0 : 1;
    const std::string problem = whole.ok() ? "" : std::string(whole.status().message());
    lines.push_back({{"name", name}, {"whole", whole.ok()}, {"problem", problem}});
    if (json) continue;
    const std::string text = whole.ok() ? *whole : "damaged: " + problem;
    if (absl::Status status = PrintData(name + ": " + PlainLines(text) + "\n"); !status.ok()) {
      return status;
    }
  }
  if (json) {
    if (absl::Status status = PrintData(JsonText(lines)); !status.ok()) return status;
  }
  if (damaged == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(damaged, " of ", lines.size(), " datasets and models are damaged"));
}

void AddDataCommand(CLI::App& app, int* exit_status) {
  DataCommandLine(app, exit_status);
}

}  // namespace lathe
