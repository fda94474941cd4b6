// lathe export --to pytorch and --to cpp, through the program itself. What the files compute is
// tested in Python and by tests/export.
#include <gmock/gmock.h>

#include "clients/cli/testing/lathe_test.h"
#include "dsl/known_programs.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kJob = "jobs/0000000000000001";
const std::string kHash(32, 'b');
constexpr const char* kText = "lathe 1 optimizer p0\ninput  g[P,R,C]\nupdate = neg(g)\n";

class ExportTest : public LatheTest {
 protected:
  ExportTest() {
    v1::Job& job = service_.jobs.emplace_back();
    job.set_name(kJob);
    job.set_display_name("digits \"\"\" */");
    job.set_state(v1::Job::SUCCEEDED);
    job.mutable_spec()->set_seed(7);
    job.mutable_spec()->mutable_task()->set_dataset("digits");
    job.mutable_spec()->mutable_task()->set_steps(100);
    v1::JobReport& report = service_.reports[kJob];
    report.mutable_found()->set_hash(kHash);
    report.mutable_found()->set_text(kText);
    report.mutable_found()->set_setting("base rate 0.1");
    v1::ArenaResult& arena = *report.mutable_study()->add_arenas();
    v1::MethodResult& found = *arena.add_methods();
    found.set_name("found");
    found.mutable_test_loss()->set_mean(0.25);
    v1::MethodResult& baseline = *arena.add_methods();
    baseline.set_name("adamw");
    baseline.mutable_test_loss()->set_mean(0.3);
    baseline.mutable_loss_difference()->set_mean_difference(-0.05);
    const std::string candidate = std::string(kJob) + "/candidates/7";
    service_.candidates[candidate].set_name(candidate);
    service_.candidates[candidate].set_outcome(v1::Candidate::OK);
    service_.candidates[candidate].set_objective(0.125);
    service_.candidates[candidate].set_program("programs/" + kHash);
    v1::Program& program = service_.programs["programs/" + kHash];
    program.set_name("programs/" + kHash);
    program.set_text(kText);
    for (int seed = 0; seed < 4; ++seed) {
      v1::Evaluation& evaluation = service_.evaluations.emplace_back();
      evaluation.mutable_task()->set_dataset("digits");
      evaluation.mutable_result()->set_objective(seed);
    }
  }
};

TEST_F(ExportTest, OfAJobTellsWhatItWasComparedWith) {
  Serve();
  const Finished run = Run({"export", kJob, "--to", "pytorch"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("class FoundBbbbbbbb(torch.optim.Optimizer):"));
  EXPECT_THAT(run.output, HasSubstr("program: " + kHash));
  EXPECT_THAT(run.output,
              HasSubstr("job: jobs/0000000000000001, digits \\\"\\\"\\\" */, seed 7\n"));
  EXPECT_THAT(run.output, HasSubstr("task: digits, 100 steps"));
  EXPECT_THAT(run.output, HasSubstr("tuned: base rate 0.1\n"));
  EXPECT_THAT(run.output, HasSubstr("found: test loss 0.2500"));
  EXPECT_THAT(run.output, HasSubstr("adamw: test loss 0.3000"));
  EXPECT_THAT(run.output, HasSubstr("found - adamw: -0.0500"));
}

TEST_F(ExportTest, OfACandidateAndOfAProgramTellTheirScores) {
  Serve();
  const Finished candidate = Run({"export", "1/candidates/7", "--to", "cpp"});
  EXPECT_EQ(candidate.status.code, 0) << candidate.errors;
  EXPECT_THAT(candidate.output, AllOf(HasSubstr("namespace lathe_found_bbbbbbbb {"),
                                      HasSubstr("candidate: jobs/0000000000000001/candidates/7\n"),
                                      HasSubstr("objective: 0.125000\n")));
  const Finished program = Run({"export", kHash, "--to", "pytorch"});
  EXPECT_THAT(program.output, HasSubstr("mean objective 1.500000, 4 seeds, 0 diverged\n"));
}

TEST_F(ExportTest, OfAFileOrAKnownProgramAsksNoServer) {
  Write("mine.lathe", "# Mine.\nlathe 1 optimizer mine\ninput g[P,R,C]\nupdate = neg(g)\n");
  const Finished file = RunAlone({"export", Path("mine.lathe"), "--to", "pytorch"});
  EXPECT_EQ(file.status.code, 0) << file.errors;
  EXPECT_THAT(file.output, AllOf(HasSubstr("    # Mine.\n"), HasSubstr("class Mine(")));
  EXPECT_THAT(RunAlone({"export", "evonorm_s0", "--to", "cpp"}).output,
              HasSubstr("TORCH_MODULE(EvonormS0);"));
  EXPECT_EQ(RunAlone({"export", "lion"}).output, *KnownProgramText("lion"));
}

TEST_F(ExportTest, WritesAFileWholeOrNotAtAll) {
  const Finished run = RunAlone({"export", "lion", "--to", "pytorch", "--out", Path("lion.py")});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(run.output, "");
  EXPECT_EQ(Contents(Path("lion.py")), RunAlone({"export", "lion", "--to", "pytorch"}).output);
  const Finished folder =
      RunAlone({"export", "lion", "--to", "pytorch", "--out", Path("no/where.py")});
  EXPECT_EQ(folder.status.code, 1);
  EXPECT_THAT(folder.errors, HasSubstr("no/where.py: cannot be written"));
}

TEST_F(ExportTest, OfWhatIsNoProgramSaysWhy) {
  Write("bad.lathe", "lathe 1 optimizer bad\ninput g[P,R,C]\nupdate = neg(h)\n");
  Write("kept.py", "as it was");
  const Finished bad =
      RunAlone({"export", Path("bad.lathe"), "--to", "pytorch", "--out", Path("kept.py")});
  EXPECT_EQ(bad.status.code, 2);
  EXPECT_THAT(bad.errors, HasSubstr("bad.lathe:3:14: unknown name \"h\""));
  EXPECT_EQ(Contents(Path("kept.py")), "as it was");
  EXPECT_THAT(RunAlone({"export", "no.lathe", "--to", "cpp"}).errors, HasSubstr("no.lathe: "));
  const Finished target = RunAlone({"export", "lion", "--to", "rust"});
  EXPECT_EQ(target.status.code, 2);
  EXPECT_THAT(target.errors, AllOf(HasSubstr("--to"), HasSubstr("pytorch")));
}

TEST_F(ExportTest, OfWhatTheServerLacksSaysSo) {
  Serve();
  const std::string other(32, 'a');
  const Finished missing = Run({"export", other, "--to", "pytorch", "--out", Path("none.py")});
  EXPECT_EQ(missing.status.code, 1);
  EXPECT_EQ(missing.errors, "lathe: there is no programs/" + other + "\n");
  EXPECT_EQ(Contents(Path("none.py")), "");
  const Finished name = Run({"export", "lionn", "--to", "pytorch"});
  EXPECT_EQ(name.status.code, 2);
  EXPECT_THAT(name.errors, AllOf(HasSubstr("is no name"), HasSubstr("a known one")));
  service_.programs["programs/" + kHash].set_text("lathe 2\n");
  const Finished newer = Run({"export", kHash, "--to", "pytorch"});
  EXPECT_EQ(newer.status.code, 1);
  EXPECT_THAT(newer.errors, Not(HasSubstr("class")));
}

TEST_F(ExportTest, WhatTheServerCallsAProgramDoesNotBecomeSource) {
  service_.reports[kJob].mutable_found()->set_hash("x;}\n#abort");
  service_.programs["programs/" + kHash].set_name("programs/" + std::string(33, 'b'));
  Serve();
  for (const char* format : {"pytorch", "cpp", "text"}) {
    const Finished job = Run({"export", kJob, "--to", format});
    EXPECT_EQ(job.status.code, 1);
    EXPECT_EQ(job.output, "");
    EXPECT_THAT(job.errors, HasSubstr("not programs/ and 32 hexadecimal digits"));
    EXPECT_EQ(Run({"export", kHash, "--to", format}).status.code, 1);
  }
}

}  // namespace
}  // namespace lathe
