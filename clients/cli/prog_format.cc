// lathe prog fmt.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "clients/cli/prog_commands.h"
#include "clients/cli/program_source.h"
#include "clients/cli/program_text.h"
#include "clients/cli/replace_file.h"
#include "clients/cli/terminal_text.h"
#include "dsl/canonicalize.h"

namespace lathe {
namespace {

class Formatter {
 public:
  explicit Formatter(const ProgFormatOptions& options) : options_(options) {}

  int Visit(const std::string& file, const std::string& text, const ParseResult& result) {
    if (!result.program) return kWrongProgram;
    const std::string formatted =
        options_.canonical ? MakeCanonical(*result.program).text : FormatProgramText(text);
    const bool changed = formatted != text;
    programs_.push_back(
        {{"file", TextJson(file)}, {"changed", changed}, {"text", TextJson(formatted)}});
    if (options_.check) {
      if (changed) absl::StrAppend(&output_, OneLine(file), "\n");
      return changed ? kWrongProgram : 0;
    }
    if (options_.write) return changed ? Write(file, text, formatted) : 0;
    output_ += formatted;
    return 0;
  }

  std::string Output(bool json) const {
    return json ? JsonLine({{"programs", programs_}}) : output_;
  }

 private:
  static int Write(const std::string& file, const std::string& text, const std::string& formatted) {
    // What is about to be lost is looked at once more.
    const ParseResult again = Parse(formatted);
    if (!again.program || *again.program != *Parse(text).program) {
      TellError(absl::StrCat(file, ": is left alone: formatting would change the program"));
      return kWrongProgram;
    }
    const absl::Status status = ReplaceFile(file, formatted);
    if (status.ok()) return 0;
    TellError(status);
    return kWrongUsage;
  }

  const ProgFormatOptions& options_;
  std::string output_;
  Json programs_ = Json::array();
};

}  // namespace

int ProgFormat(const ProgFormatOptions& options, bool json) {
  if (options.write && std::count(options.files.begin(), options.files.end(), "-") > 0) {
    TellError("- cannot be changed in place; without --write the result is printed");
    return kWrongUsage;
  }
  Formatter formatter(options);
  const int status = ForEachProgram(
      options.files,
      [&](const std::string& file, const std::string& text, const ParseResult& result) {
        return formatter.Visit(file, text, result);
      });
  return std::max(status, WriteOutputAsIs(formatter.Output(json)));
}

}  // namespace lathe
