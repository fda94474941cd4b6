// How the subcommands of `lathe prog` are written.
#include <functional>
#include <memory>

#include "absl/strings/str_join.h"
#include "clients/cli/prog_commands.h"
#include "dsl/executors.h"

namespace lathe {
namespace {

struct Flags {
  bool json = false, markdown = false;
  std::vector<std::string> files;
  std::string op;
  ProgFormatOptions format;
  ProgRunOptions run;
};

constexpr const char* kFiles = "Program files; - is standard input; also a known program: adamw";

class ProgCommandLine {
 public:
  ProgCommandLine(CLI::App& app, int* exit_status)
      : prog_(app.add_subcommand("prog", "Check, format, run and look up programs; no server")),
        exit_status_(exit_status) {
    prog_->require_subcommand(1);
    AddCheck();
    AddFormat();
    AddRun();
    AddHash();
    AddOps();
  }

 private:
  CLI::App* Add(const char* name, const char* description, std::function<int(Flags&)> command) {
    CLI::App* added = prog_->add_subcommand(name, description);
    added->add_flag("--json", flags_->json, "Print JSON");
    added->callback([flags = flags_, exit_status = exit_status_, command = std::move(command)] {
      *exit_status = command(*flags);
    });
    return added;
  }

  void AddCheck() {
    Add("check", "Tell every mistake with its place, or what the program is",
        [](Flags& flags) { return ProgCheck(flags.files, flags.json); })
        ->add_option("FILE", flags_->files, kFiles)
        ->required();
  }

  void AddHash() {
    Add("hash", "Print the hash of the canonical form, which names the program",
        [](Flags& flags) { return ProgHash(flags.files, flags.json); })
        ->add_option("FILE", flags_->files, kFiles)
        ->required();
  }

  void AddFormat() {
    CLI::App* fmt = Add("fmt", "Lay out programs; only blanks change, and comments stay",
                        [](Flags& flags) { return ProgFormat(flags.format, flags.json); });
    fmt->add_option("FILE", flags_->format.files, kFiles)->required();
    CLI::Option* write =
        fmt->add_flag("--write", flags_->format.write, "Change the files in place");
    CLI::Option* check = fmt->add_flag("--check", flags_->format.check,
                                       "Name the files that would change; then the status is 1");
    fmt->add_flag("--canonical", flags_->format.canonical,
                  "Print the canonical form instead, which has neither names nor comments")
        ->excludes(write)
        ->excludes(check);
    write->excludes(check);
  }

  void AddRun() {
    ProgRunOptions& run = flags_->run;
    CLI::App* added = Add("run", "Run a program on random or given inputs",
                          [](Flags& flags) { return ProgRun(flags.run, flags.json); });
    added->add_option("FILE", run.file, kFiles)->required();
    added
        ->add_option(
            "--shape", run.shapes,
            "Of an optimizer, one per parameter: 32x64, rows first; of a layer, examples x "
            "channels x height x width: 2x6x4x4")
        ->take_all()
        ->allow_extra_args(false);
    added->add_option("--groups", run.groups, "Of a layer's channels [1]")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 24));
    added
        ->add_option("--input", run.inputs,
                     "NAME=NUMBER for every element, or NAME=FILE.json: row-major values, for "
                     "optimizers a list with an entry per parameter; \"NaN\", \"Infinity\" and "
                     "\"-Infinity\" are strings there. What is not given is drawn from a standard "
                     "normal, g and x anew in each step; lr is 0.001, t the step, total_steps "
                     "--steps")
        ->take_all()
        ->allow_extra_args(false);
    added->add_option("--steps", run.steps, "How often; w moves by the update after each")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    added->add_flag("--evaluation", run.evaluation,
                    "Of a layer: after the steps, which train, one more that reads the buffers");
    added
        ->add_option("--executor", run.executor,
                     "What runs it: " + absl::StrJoin(ExecutorNames(), ", "))
        ->capture_default_str();
    // A number below 0 would be taken modulo 2^64.
    added->add_option("--seed", run.seed, "Of the random inputs")
        ->check([](const std::string& text) {
          const bool negative = !text.empty() && text[0] == '-';
          return negative ? "a seed is a number from 0 on, not " + text : std::string();
        })
        ->capture_default_str();
    added->footer(
        "With --json every value is printed; those that are not finite are the strings \"NaN\", "
        "\"Infinity\" and \"-Infinity\".");
  }

  void AddOps() {
    CLI::App* ops = Add("ops", "List the ops of the language, or tell all about one",
                        [](Flags& flags) { return ProgOps(flags.op, flags.json, flags.markdown); });
    CLI::Option* name = ops->add_option("NAME", flags_->op, "An op: lerp");
    ops->add_flag("--markdown", flags_->markdown, "Print docs/ops.md")
        ->excludes(name)
        ->excludes(ops->get_option("--json"));
  }

  CLI::App* prog_;
  int* exit_status_;
  std::shared_ptr<Flags> flags_ = std::make_shared<Flags>();
};

}  // namespace

void AddProgCommand(CLI::App& app, int* exit_status) {
  ProgCommandLine(app, exit_status);
}

}  // namespace lathe
