// The options of an exported optimizer, and what it keeps for each parameter.
#include "dsl/export/cpp_optimizer_types.h"

#include "absl/strings/str_cat.h"
#include "dsl/export/cpp.h"

namespace lathe {
namespace {

bool IsOfGroup(const State& state) {
  return !state.axes.Has(Axis::kP);
}

bool IsNumber(AxisSet type) {
  return type.Within(kElementAxes).Empty();
}

class TypeWriter {
 public:
  TypeWriter(const ExportedProgram& program, SourceLines& lines)
      : program_(program), name_(CppClass(program)), lines_(lines) {}

  void AddOptions() {
    const std::string options = name_ + "Options";
    lines_.Add(absl::StrCat("class ", options, " : public torch::optim::OptimizerCloneableOptions<",
                            options, "> {"));
    lines_.Add(" public:");
    lines_.In();
    lines_.Add(absl::StrCat("explicit ", options, "(double rate) : lr_(rate) {}"));
    lines_.Add("TORCH_ARG(double, lr);");
    AddCppHypers(program_, lines_);
    lines_.Add("TORCH_ARG(bool, maximize) = false;");
    if (program_.Reads("total_steps")) {
      lines_.Add("// How many steps there will be; has to be set.");
      lines_.Add("TORCH_ARG(double, total_steps) = 0.0;");
    }
    AddOwnOptions();
    lines_.Add("");
    AddOptionsMethods();
    lines_.Out();
    lines_.Add("};");
    lines_.Add("");
  }

  void AddOwnOptions() {
    if (program_.Reads("t")) {
      lines_.Add("// Steps so far.");
      lines_.Add("TORCH_ARG(double, t) = 0.0;");
    }
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      const State& state = OfProgram().states[i];
      if (!IsOfGroup(state)) continue;
      lines_.Add("// Kept from step to step.");
      lines_.Add(absl::StrCat("TORCH_ARG(double, ", program_.state_names[i],
                              ") = ", NumberLiteral(state.start), ";"));
    }
  }

  void AddOptionsMethods() {
    lines_.Add("double get_lr() const override { return lr(); }");
    lines_.Add("void set_lr(const double rate) override { lr(rate); }");
    lines_.Add("void serialize(torch::serialize::OutputArchive& archive) const override {");
    for (const std::string& name : SavedOptions()) {
      lines_.Add(absl::StrCat("  archive.write(\"", name, "\", torch::IValue(", name, "()));"));
    }
    lines_.Add("  archive.write(\"maximize\", torch::IValue(maximize()));");
    lines_.Add("}");
    lines_.Add("void serialize(torch::serialize::InputArchive& archive) override {");
    lines_.Add("  torch::IValue kept;");
    for (const std::string& name : SavedOptions()) {
      lines_.Add(absl::StrCat("  archive.read(\"", name, "\", kept);"));
      lines_.Add(absl::StrCat("  ", name, "(kept.toDouble());"));
    }
    lines_.Add("  archive.read(\"maximize\", kept);");
    lines_.Add("  maximize(kept.toBool());");
    lines_.Add("}");
  }

  void AddState() {
    const std::string name = name_ + "State";
    lines_.Add("// What is kept for each parameter.");
    lines_.Add(absl::StrCat("struct ", name, " : torch::optim::OptimizerCloneableParamState<", name,
                            "> {"));
    lines_.In();
    std::vector<std::string> writes, reads;
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      const State& state = OfProgram().states[i];
      if (IsOfGroup(state)) continue;
      const std::string& member = program_.state_names[i];
      if (IsNumber(state.axes)) {
        lines_.Add(absl::StrCat("double ", member, " = ", NumberLiteral(state.start), ";"));
        writes.push_back(
            absl::StrCat("archive.write(\"", member, "\", torch::IValue(", member, "));"));
        reads.push_back(absl::StrCat("archive.read(\"", member, "\", kept);"));
        reads.push_back(absl::StrCat(member, " = kept.toDouble();"));
      } else {
        lines_.Add(absl::StrCat("torch::Tensor ", member, ";"));
        writes.push_back(absl::StrCat("archive.write(\"", member, "\", ", member, ");"));
        reads.push_back(absl::StrCat("read(archive, \"", member, "\", ", member, ");"));
      }
    }
    lines_.Add("");
    lines_.Add("void serialize(torch::serialize::OutputArchive& archive) const override {");
    for (const std::string& line : writes) lines_.Add("  " + line);
    lines_.Add("}");
    lines_.Add("void serialize(torch::serialize::InputArchive& archive) override {");
    lines_.Add("  [[maybe_unused]] torch::IValue kept;");
    for (const std::string& line : reads) lines_.Add("  " + line);
    lines_.Add("}");
    lines_.Out();
    lines_.Add("};");
    lines_.Add("");
  }

 private:
  const Program& OfProgram() const { return *program_.program; }

  // What is saved of a group, beside `maximize`.
  std::vector<std::string> SavedOptions() const {
    std::vector<std::string> names = {"lr"};
    names.insert(names.end(), program_.hyper_names.begin(), program_.hyper_names.end());
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      if (IsOfGroup(OfProgram().states[i])) names.push_back(program_.state_names[i]);
    }
    if (program_.Reads("t")) names.emplace_back("t");
    if (program_.Reads("total_steps")) names.emplace_back("total_steps");
    return names;
  }

  const ExportedProgram& program_;
  const std::string name_;
  SourceLines& lines_;
};

}  // namespace

void AddCppOptimizerOptions(const ExportedProgram& program, SourceLines& lines) {
  TypeWriter(program, lines).AddOptions();
}

void AddCppOptimizerState(const ExportedProgram& program, SourceLines& lines) {
  TypeWriter(program, lines).AddState();
}

}  // namespace lathe
