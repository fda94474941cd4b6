#include "search/spec/resolve_job.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/op.h"
#include "dsl/text.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr uint32_t kMaxWindow = 1 << 20;
constexpr size_t kMaxNumericClass = 256;  // bytes, as a worker may declare
constexpr uint32_t kMaxPopulation = 1 << 20;
constexpr uint32_t kMaxMigrationInterval = 1 << 30;
constexpr uint32_t kMaxStatements = 1024;
// Below the language's own limit, since searches and studies add to what they are given.
constexpr size_t kMaxProgramInstructions = kMaxInstructions / 2;

bool IsDisplayName(const std::string& name) {
  if (name.empty() || name.size() > 63 || !(name[0] >= 'a' && name[0] <= 'z')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

absl::Status CheckRange(std::string_view place, double value, double low, double high) {
  if (value >= low && value <= high) return absl::OkStatus();
  // Every digit: a bound that is rounded up would be refused in turn.
  auto text = [](double x) { return std::isfinite(x) ? NumberText(x) : absl::StrCat(x); };
  return FieldError(place, absl::StrCat(text(value), " is not allowed; allowed is ", text(low),
                                        " to ", text(high)));
}

std::string Join(std::string_view place, std::string_view field) {
  return absl::StrCat(std::string(place), ".", std::string(field));
}

absl::Status ResolveOps(v1::Strategy& strategy, std::string_view place) {
  if (strategy.ops().empty()) {
    for (Op op : AllOps()) {
      if (Info(op).weight <= 0) continue;
      (*strategy.mutable_ops())[std::string(Info(op).name)] = Info(op).weight;
    }
  }
  double total = 0;
  for (const auto& [name, weight] : strategy.ops()) {
    if (!OpByName(name)) {
      std::string names;
      for (Op op : AllOps())
        absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(Info(op).name));
      return FieldError(Join(place, "ops"),
                        absl::StrCat("unknown op \"", name, "\"; there are: ", names));
    }
    if (!(weight >= 0 && std::isfinite(weight))) {
      return FieldError(Join(place, absl::StrCat("ops.", name)),
                        "a weight is a finite number >= 0");
    }
    total += weight;
  }
  if (total > 0) return absl::OkStatus();
  return FieldError(Join(place, "ops"), "at least one op needs a weight above 0");
}

absl::Status ResolveInputs(v1::Strategy& strategy, const Signature& signature,
                           std::string_view place) {
  if (strategy.inputs().empty()) {
    for (const SignatureInput& input : signature.inputs) {
      if (input.searched) strategy.add_inputs(std::string(input.name));
    }
  }
  for (const std::string& name : strategy.inputs()) {
    if (signature.InputByName(name)) continue;
    std::string names;
    for (const auto& input : signature.inputs)
      absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(input.name));
    return FieldError(Join(place, "inputs"),
                      absl::StrCat("unknown input \"", name, "\"; there are: ", names));
  }
  return absl::OkStatus();
}

absl::Status ResolveMutation(v1::Strategy& strategy, std::string_view place) {
  if (!strategy.has_insert_weight()) strategy.set_insert_weight(1);
  if (!strategy.has_delete_weight()) strategy.set_delete_weight(1);
  if (!strategy.has_modify_weight()) strategy.set_modify_weight(1);
  const std::pair<const char*, double> weights[] = {{"insert_weight", strategy.insert_weight()},
                                                    {"delete_weight", strategy.delete_weight()},
                                                    {"modify_weight", strategy.modify_weight()}};
  for (const auto& [field, weight] : weights) {
    absl::Status status = CheckRange(Join(place, field), weight, 0, 1e6);
    if (!status.ok()) return status;
  }
  if (strategy.modify_weight() > 0) return absl::OkStatus();
  return FieldError(Join(place, "modify_weight"),
                    "must be above 0: it is all that can be done to "
                    "a program of the greatest length without deletions");
}

void FillStrategy(v1::Strategy& strategy) {
  if (strategy.kind() == v1::Strategy::KIND_UNSPECIFIED) strategy.set_kind(v1::Strategy::EVOLUTION);
  if (strategy.population() == 0) strategy.set_population(300);
  if (strategy.tournament() == 0) strategy.set_tournament(5);
  if (strategy.islands() == 0) strategy.set_islands(1);
  if (!strategy.has_migration_interval()) strategy.set_migration_interval(50);
  if (strategy.max_statements() == 0) strategy.set_max_statements(40);
  if (strategy.random_min_statements() == 0) strategy.set_random_min_statements(4);
  if (strategy.random_max_statements() == 0) {
    strategy.set_random_max_statements(std::max(16u, strategy.random_min_statements()));
  }
  if (!strategy.has_random_states()) strategy.set_random_states(2);
}

// Every warm start becomes a member of the first population.
absl::Status CheckPopulation(const v1::JobSpec& job) {
  const uint32_t most = job.strategy().population();
  absl::Status status = CheckRange("warm_start", job.warm_start_size(), 1, most);
  for (int i = 0; i < job.study().controls_size() && status.ok(); ++i) {
    const v1::Strategy& strategy = job.study().controls(i).strategy();
    if (strategy.kind() == v1::Strategy::RANDOM) continue;
    status = CheckRange(absl::StrCat("study.controls[", i, "].strategy.population"),
                        strategy.population(), job.warm_start_size(), kMaxPopulation);
  }
  return status;
}

absl::Status ResolveWarmStart(v1::JobSpec& job, const Signature& signature) {
  if (job.warm_start().empty()) job.add_warm_start("adamw_warm_start");
  for (int i = 0; i < job.warm_start_size(); ++i) {
    auto program = ProgramOf(job.warm_start(i), signature, absl::StrCat("warm_start[", i, "]"));
    if (!program.ok()) return program.status();
    job.set_warm_start(i, Print(*program, Naming::kAuthored));
  }
  return absl::OkStatus();
}

absl::Status ResolveFilters(v1::Filters& filters) {
  if (!filters.has_max_operations_per_parameter()) filters.set_max_operations_per_parameter(400);
  if (!filters.has_max_bytes_per_parameter()) filters.set_max_bytes_per_parameter(2000);
  if (!filters.has_max_state_bytes_per_parameter()) filters.set_max_state_bytes_per_parameter(16);
  const std::pair<const char*, double> bounds[] = {
      {"filters.max_operations_per_parameter", filters.max_operations_per_parameter()},
      {"filters.max_bytes_per_parameter", filters.max_bytes_per_parameter()},
      {"filters.max_state_bytes_per_parameter", filters.max_state_bytes_per_parameter()}};
  for (const auto& [field, bound] : bounds) {
    absl::Status status = CheckRange(field, bound, 0, 1e12);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckBudget(const v1::Budget& budget) {
  const std::pair<const char*, double> times[] = {{"wall_seconds", budget.wall_seconds()},
                                                  {"device_seconds", budget.device_seconds()}};
  for (const auto& [field, seconds] : times) {
    if (std::isfinite(seconds) && seconds >= 0) continue;
    return FieldError(absl::StrCat("budget.", field),
                      absl::StrCat(seconds, " is not allowed; allowed: finite numbers from 0 on"));
  }
  const bool counts = budget.candidates() > 0 || budget.evaluations() > 0;
  if (counts || budget.wall_seconds() > 0 || budget.device_seconds() > 0) return absl::OkStatus();
  return FieldError("budget",
                    "candidates, evaluations, wall_seconds or device_seconds must be set, above 0");
}

}  // namespace

absl::Status FieldError(std::string_view place, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(place), ": ", std::string(problem)));
}

absl::StatusOr<Program> ProgramOf(const std::string& name_or_text, const Signature& signature,
                                  std::string_view place) {
  // A text has a header of several words; a name is one.
  bool is_text = name_or_text.find_first_of(" \n\t") != std::string::npos;
  absl::StatusOr<Program> program =
      is_text ? ParseOrStatus(name_or_text, "program") : KnownProgram(name_or_text);
  if (!program.ok()) return FieldError(place, std::string(program.status().message()));
  if (program->signature != &signature) {
    return FieldError(
        place, absl::StrCat("the program is of signature ", std::string(program->signature->name),
                            ", the job of ", std::string(signature.name)));
  }
  if (program->instructions.size() > kMaxProgramInstructions) {
    return FieldError(
        place, absl::StrCat("the program has ", program->instructions.size(),
                            " instructions; at most ", kMaxProgramInstructions, " are allowed"));
  }
  // A resolved job holds the program as it is printed, which may be longer than what was read.
  if (!Parse(Print(*program, Naming::kAuthored)).program) {
    return FieldError(place, "the program is too long once it is written out in full");
  }
  return program;
}

absl::StatusOr<v1::Strategy> ResolveStrategy(const v1::Strategy& given, const Signature& signature,
                                             std::string_view place) {
  v1::Strategy strategy = given;
  FillStrategy(strategy);
  if (!v1::Strategy::Kind_IsValid(strategy.kind())) {
    return FieldError(Join(place, "kind"), "allowed are random, evolution, constants");
  }
  absl::Status status =
      CheckRange(Join(place, "population"), strategy.population(), 1, kMaxPopulation);
  if (status.ok()) {
    status = CheckRange(Join(place, "tournament"), strategy.tournament(), 1, strategy.population());
  }
  // All members together are as many as one population may have.
  if (status.ok()) {
    const uint32_t most = kMaxPopulation / strategy.population();
    status = CheckRange(Join(place, "islands"), strategy.islands(), 1, most);
  }
  if (status.ok()) {
    status = CheckRange(Join(place, "migration_interval"), strategy.migration_interval(), 0,
                        kMaxMigrationInterval);
  }
  if (status.ok()) {
    status =
        CheckRange(Join(place, "max_statements"), strategy.max_statements(), 1, kMaxStatements);
  }
  if (status.ok()) {
    status = CheckRange(Join(place, "random_min_statements"), strategy.random_min_statements(), 1,
                        kMaxStatements);
  }
  if (status.ok()) {
    status = CheckRange(Join(place, "random_max_statements"), strategy.random_max_statements(),
                        strategy.random_min_statements(), kMaxStatements);
  }
  if (status.ok()) {
    status = CheckRange(Join(place, "random_states"), strategy.random_states(), 0, kMaxStates);
  }
  if (status.ok()) status = ResolveMutation(strategy, place);
  if (status.ok()) status = ResolveOps(strategy, place);
  if (status.ok()) status = ResolveInputs(strategy, signature, place);
  if (!status.ok()) return status;
  return strategy;
}

absl::StatusOr<v1::JobSpec> ResolveJob(const v1::JobSpec& given, const TaskCatalog& catalog) {
  v1::JobSpec job = given;
  if (!IsDisplayName(job.name())) {
    return FieldError("name", absl::StrCat("\"", job.name(),
                                           "\" is not allowed; a name is 1 to 63 of "
                                           "a-z, 0-9, _ and -, and starts with a letter"));
  }
  if (job.signature().empty()) job.set_signature("optimizer");
  const Signature* signature = SignatureByName(job.signature());
  if (signature == nullptr) {
    std::string names;
    for (const Signature& known : AllSignatures()) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(known.name));
    }
    return FieldError("signature", absl::StrCat("unknown signature \"", job.signature(),
                                                "\"; there are: ", names));
  }
  // Filters and tasks run what they judge as optimizers.
  if (signature != &OptimizerSignature()) {
    return FieldError("signature", absl::StrCat("programs of signature ", job.signature(),
                                                " cannot be searched; allowed: optimizer"));
  }
  if (!job.has_seed()) job.set_seed(1);
  if (job.window() == 0) job.set_window(32);
  absl::Status status = CheckRange("window", job.window(), 1, kMaxWindow);
  if (!status.ok()) return status;
  if (job.numeric_class().size() > kMaxNumericClass) {
    return FieldError("numeric_class",
                      absl::StrCat(job.numeric_class().size(),
                                   " bytes are not allowed; allowed: at most ", kMaxNumericClass));
  }
  if (absl::Status budget = CheckBudget(job.budget()); !budget.ok()) return budget;
  auto strategy = ResolveStrategy(job.strategy(), *signature, "strategy");
  if (!strategy.ok()) return strategy.status();
  *job.mutable_strategy() = *std::move(strategy);
  status = ResolveWarmStart(job, *signature);
  if (status.ok()) status = ResolveFilters(*job.mutable_filters());
  if (!status.ok()) return status;
  auto task = ResolveTask(job.task(), catalog);
  if (!task.ok()) return task.status();
  *job.mutable_task() = *std::move(task);
  if (status = ResolveHurdles(job, catalog); !status.ok()) return status;
  if (job.has_study()) {
    auto study = ResolveStudy(job.study(), job.task(), *signature, catalog);
    if (!study.ok()) return study.status();
    *job.mutable_study() = *std::move(study);
  }
  status = CheckPopulation(job);
  if (!status.ok()) return status;
  return job;
}

}  // namespace lathe
