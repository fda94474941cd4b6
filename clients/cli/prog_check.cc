// lathe prog check, lathe prog hash.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/prog_commands.h"
#include "clients/cli/program_source.h"
#include "clients/cli/program_text.h"
#include "clients/cli/terminal_text.h"
#include "dsl/canonicalize.h"

namespace lathe {
namespace {

Json DiagnosticsJson(const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics) {
    list.push_back({{"line", diagnostic.line},
                    {"column", diagnostic.column},
                    {"kind", std::string(KindName(diagnostic.kind))},
                    {"message", TextJson(diagnostic.message)}});
  }
  return list;
}

bool IsLayer(const Program& program) {
  return program.signature->axes.Has(Axis::kB);
}

Json HypersJson(const Program& program) {
  Json list = Json::array();
  for (const Hyper& hyper : program.hypers) {
    list.push_back(
        {{"name", hyper.name}, {"value", RealJson(hyper.value)}, {"range", hyper.range.Text()}});
  }
  return list;
}

Json StatesJson(const Program& program) {
  Json list = Json::array();
  for (const State& state : program.states) {
    const std::string_view input = program.signature->inputs[program.signature->start_input].name;
    list.push_back(
        {{"name", state.name},
         {"type", state.axes.Text()},
         {"start", state.start_from_input ? Json(std::string(input)) : RealJson(state.start)}});
  }
  return list;
}

Json BuffersJson(const Program& program) {
  Json list = Json::array();
  for (const NamedBuffer& buffer : NamedBuffers(program)) {
    list.push_back({{"name", buffer.name},
                    {"op", buffer.op},
                    {"type", buffer.buffer.axes.Text()},
                    {"start", RealJson(buffer.buffer.start)}});
  }
  return list;
}

Json CheckedJson(const std::string& file, const Program& program, const CanonicalForm& canonical) {
  Json json = {{"file", TextJson(file)},
               {"signature", std::string(program.signature->name)},
               {"name", program.name},
               {"statements", program.instructions.size()},
               {"live_statements", canonical.program.instructions.size()},
               {"hypers", HypersJson(program)},
               {"states", StatesJson(program)}};
  if (IsLayer(program)) {
    json["buffers"] = BuffersJson(program);
    json["batch_independent"] = NamedBuffers(program).empty();
  }
  json["hash"] = canonical.hash.Hex();
  json["diagnostics"] = Json::array();
  return json;
}

// What a program keeps from step to step.
std::string KeptText(const Program& program) {
  std::vector<std::string> kept;
  for (const State& state : program.states) kept.push_back(state.name + state.axes.Text());
  if (!IsLayer(program)) {
    return kept.empty() ? "no states" : "states " + absl::StrJoin(kept, " ");
  }
  for (const NamedBuffer& buffer : NamedBuffers(program)) {
    kept.push_back(absl::StrCat(buffer.name, buffer.buffer.axes.Text(), " of ", buffer.op));
  }
  return kept.empty() ? "independent of the batch" : "buffers " + absl::StrJoin(kept, ", ");
}

std::string CheckedText(const std::string& file, const Program& program,
                        const CanonicalForm& canonical) {
  return absl::StrCat(OneLine(file), ": ", std::string(program.signature->name), " ", program.name,
                      "; ", program.instructions.size(), " statements, ",
                      canonical.program.instructions.size(), " live; ", KeptText(program), "; ",
                      canonical.hash.Hex(), "\n");
}

}  // namespace

int ProgCheck(const std::vector<std::string>& files, bool json) {
  Json list = Json::array();
  std::string lines;
  const int status = ForEachProgram(
      files, [&](const std::string& file, const std::string&, const ParseResult& result) {
        if (!result.program) {
          list.push_back(
              {{"file", TextJson(file)}, {"diagnostics", DiagnosticsJson(result.diagnostics)}});
          return kWrongProgram;
        }
        const CanonicalForm canonical = MakeCanonical(*result.program);
        list.push_back(CheckedJson(file, *result.program, canonical));
        lines += CheckedText(file, *result.program, canonical);
        return 0;
      });
  return std::max(status, WriteOutput(json ? JsonLine({{"programs", list}}) : lines));
}

int ProgHash(const std::vector<std::string>& files, bool json) {
  Json list = Json::array();
  std::string lines;
  const int status = ForEachProgram(
      files, [&](const std::string& file, const std::string&, const ParseResult& result) {
        if (!result.program) return kWrongProgram;
        const std::string hash = MakeCanonical(*result.program).hash.Hex();
        list.push_back({{"file", TextJson(file)}, {"hash", hash}});
        absl::StrAppend(&lines, hash, "  ", OneLine(file), "\n");
        return 0;
      });
  return std::max(status, WriteOutput(json ? JsonLine({{"programs", list}}) : lines));
}

}  // namespace lathe
