// Commands about what the service keeps, and what all commands share, through the program itself.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmath>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "clients/cli/testing/lathe_test.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kJob = "jobs/0000000000000001";
const std::string kHash(32, 'b');
constexpr const char* kText = "lathe 1 optimizer p0\ninput  g[P,R,C]\nupdate = neg(g)\n";

class ShowTest : public LatheTest {
 protected:
  ShowTest() {
    v1::Job job;
    job.set_name(kJob);
    job.set_display_name("digits");
    job.set_state(v1::Job::SUCCEEDED);
    job.mutable_spec()->mutable_budget()->set_evaluations(300);
    v1::Job running = job;
    running.set_name("jobs/0000000000000002");
    running.set_state(v1::Job::RUNNING);
    service_.jobs = {running, job};
    v1::JobReport& report = service_.reports[kJob];
    report.set_display_name("digits");
    report.mutable_found()->set_hash(kHash);
    report.mutable_found()->set_text(kText);
    report.mutable_study()->add_searches()->add_winners()->mutable_fresh()->set_mean(NAN);
    const std::string candidate = std::string(kJob) + "/candidates/7";
    service_.candidates[candidate].set_name(candidate);
    service_.candidates[candidate].set_program("programs/" + kHash);
    v1::Program& program = service_.programs["programs/" + kHash];
    program.set_name("programs/" + kHash);
    program.set_text(kText);
    for (int seed = 0; seed < 5; ++seed) {
      service_.evaluations.emplace_back().set_seed_index(seed);
    }
    service_.most_per_page = 2;
  }
};

TEST_F(ShowTest, OfAJobHasItsReport) {
  Serve();
  const Finished run = Run({"show", "1"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("jobs/0000000000000001  digits\n"));
  EXPECT_THAT(run.output, HasSubstr("300 evaluations"));
  EXPECT_THAT(run.output, HasSubstr("The found program:"));
  const nlohmann::json shown = RunJson({"show", kJob});
  EXPECT_EQ(shown["job"]["state"], "SUCCEEDED");
  EXPECT_EQ(shown["report"]["found"]["hash"], kHash);
  EXPECT_EQ(shown["report"]["study"]["searches"][0]["winners"][0]["fresh"]["mean"], "NaN");
}

TEST_F(ShowTest, OfARunningJobHasNoReport) {
  Serve();
  EXPECT_THAT(Run({"show", "jobs/0000000000000002"}).output, Not(HasSubstr("found program")));
  EXPECT_TRUE(RunJson({"show", "2"})["report"].is_null());
}

TEST_F(ShowTest, OfACandidateIsFoundThroughItsJob) {
  Serve();
  const nlohmann::json shown = RunJson({"show", "jobs/1/candidates/7"});
  EXPECT_EQ(shown["name"], "jobs/0000000000000001/candidates/7");
  EXPECT_THAT(Run({"show", "1/candidates/7"}).output, HasSubstr("programs/" + kHash));
  const Finished missing = Run({"show", "1/candidates/8"});
  EXPECT_EQ(missing.status.code, 1);
  EXPECT_EQ(missing.errors, "lathe: there is no jobs/0000000000000001/candidates/8\n");
}

TEST_F(ShowTest, OfAProgramHasEveryEvaluation) {
  Serve();
  const nlohmann::json shown = RunJson({"show", kHash});
  EXPECT_EQ(shown["program"]["text"], kText);
  ASSERT_EQ(shown["evaluations"].size(), 5u);
  EXPECT_EQ(shown["evaluations"][4]["seed_index"], 4);
  EXPECT_EQ(service_.Calls("ListEvaluations"), 3);
  EXPECT_THAT(Run({"show", "programs/" + kHash}).output, HasSubstr(kText));
}

TEST_F(ShowTest, SaysWhatANameLooksLike) {
  Serve();
  for (const char* name : {"", "nothing", "jobs/", "jobs/xyz", "jobs/1/candidates/", "programs/12",
                           "jobs/00000000000000001", "jobs/1/candidates/-1", "workers/1"}) {
    const Finished run = Run({"show", name});
    EXPECT_EQ(run.status.code, 2) << name;
    EXPECT_THAT(run.errors, HasSubstr("is no name; one is jobs/")) << name;
  }
}

TEST_F(ShowTest, ExportPrintsTheTextAsItIs) {
  Serve();
  EXPECT_EQ(Run({"export", kHash, "--to", "text"}).output, kText);
  EXPECT_EQ(Run({"export", kJob}).output, kText);
  EXPECT_EQ(Run({"export", "1/candidates/7"}).output, kText);
  const nlohmann::json program = RunJson({"export", kJob});
  EXPECT_EQ(program["name"], "programs/" + kHash);
  EXPECT_EQ(program["text"], kText);
  const Finished written = Run({"export", kHash, "--out", Path("found.lathe")});
  EXPECT_EQ(written.status.code, 0) << written.errors;
  EXPECT_EQ(written.output, "");
  EXPECT_EQ(Contents(Path("found.lathe")), kText);
}

// A candidate of job 2, at its index.
v1::Candidate& AddCandidate(FakeSearchService& service, int index) {
  const std::string name = absl::StrCat("jobs/0000000000000002/candidates/", index);
  v1::Candidate& candidate = service.candidates[name];
  candidate.set_name(name);
  candidate.set_index(index);
  candidate.set_raw_text("lathe 1 optimizer p0\nupdate = neg(g)\n");
  return candidate;
}

TEST_F(ShowTest, ExportWritesEveryCandidateOfAJob) {
  v1::Candidate& scored = AddCandidate(service_, 0);
  scored.set_slot(0);
  scored.set_program("programs/" + kHash);
  scored.set_operation("say \"insert\"");
  scored.set_outcome(v1::Candidate::OK);
  scored.set_objective(0.1);
  v1::Candidate& rejected = AddCandidate(service_, 1);
  rejected.add_parents(0);
  rejected.add_parents(12345678901234567890u);
  rejected.set_outcome(v1::Candidate::REJECTED);
  rejected.set_filter("no_effect");
  v1::Candidate& stopped = AddCandidate(service_, 2);
  stopped.set_outcome(v1::Candidate::STOPPED);
  stopped.add_hurdle_scores(0.5);
  stopped.add_hurdle_scores(1);
  Serve();
  const std::string text = "\"lathe 1 optimizer p0\nupdate = neg(g)\n\"\n";
  const std::string csv =
      "index,slot,program,parents,operation,outcome,filter,objective,hurdle_scores,raw_text\n"
      "0,0,\"programs/" +
      kHash + "\",,\"say \"\"insert\"\"\",OK,\"\",0.1,," + text +
      "1,,\"\",0 12345678901234567890,\"\",REJECTED,\"no_effect\",,," + text +
      "2,,\"\",,\"\",STOPPED,\"\",,0.5 1," + text;
  EXPECT_EQ(Run({"export", "2", "--to", "csv"}).output, csv);
  EXPECT_EQ(service_.Calls("ListCandidates"), 2) << "two on a page";
  const Finished written = Run({"export", "2", "--to", "csv", "--out", Path("all.csv")});
  EXPECT_EQ(written.status.code, 0) << written.errors;
  EXPECT_EQ(written.output, "");
  EXPECT_EQ(Contents(Path("all.csv")), csv);

  std::istringstream lines(Run({"export", "2", "--to", "jsonl"}).output);
  std::vector<nlohmann::json> candidates;
  for (std::string line; std::getline(lines, line);) {
    candidates.push_back(nlohmann::json::parse(line));
  }
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_EQ(candidates[0]["objective"], 0.1);
  EXPECT_EQ(candidates[1]["parents"][1], "12345678901234567890");
  EXPECT_EQ(candidates[2]["outcome"], "STOPPED");
}

TEST_F(ShowTest, ExportOfCandidatesTakesAJob) {
  Serve();
  const Finished run = Run({"export", kHash, "--to", "jsonl", "--out", Path("all.jsonl")});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.errors, HasSubstr("--to jsonl takes a job"));
  EXPECT_EQ(Contents(Path("all.jsonl")), "");
}

TEST_F(ShowTest, ExportSaysWhatItCannot) {
  Serve();
  const Finished folder = Run({"export", kHash, "--out", Path("no/where.lathe")});
  EXPECT_EQ(folder.status.code, 1);
  EXPECT_THAT(folder.errors, HasSubstr("no/where.lathe: cannot be written"));
  EXPECT_EQ(Run({"export", kHash, "--to", "magic"}).status.code, 2);
  EXPECT_EQ(Run({"export", "jobs/0000000000000002"}).status.code, 1) << "no report yet";
}

class NoServerTest : public LatheTest {
 protected:
  void ExpectNone(const std::string& reason, const std::vector<std::string>& arguments = {"jobs"}) {
    const Finished run = Run(arguments);
    EXPECT_EQ(run.status.code, 1);
    EXPECT_EQ(run.output, "");
    EXPECT_EQ(run.errors, "lathe: no server at " + Socket() + " (" + reason +
                              "); start one with lathe-server, or use lathe run\n");
  }

  // The descriptor of a socket where a server's would be.
  int Bind() {
    const int bound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    Path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(bound, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return bound;
  }
};

TEST_F(NoServerTest, IsSaidByEveryCommand) {
  Write("job.yaml", "name: tiny\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"submit", Path("job.yaml")},
        {"jobs"},
        {"jobs", "--json"},
        {"watch", kJob},
        {"top", "--json"},
        {"show", kHash},
        {"export", kJob},
        {"cancel", "12"},
        {"logs", kJob, "--follow"}}) {
    ExpectNone("No such file or directory", arguments);
  }
}

TEST_F(NoServerTest, ASocketThatIsLeftOverIsNone) {
  close(Bind());
  ExpectNone("Connection refused");
}

TEST_F(NoServerTest, OneThatDoesNotAnswerIsNone) {
  const int silent = Bind();
  ASSERT_EQ(listen(silent, 8), 0);
  ExpectNone("no answer within 2 s");
  close(silent);
}

TEST_F(NoServerTest, AnAddressThatIsNoneIsWrongUsage) {
  Finished run = RunAlone({"jobs", "--server", "unix:/" + std::string(120, 'x')});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.errors, HasSubstr("at most 107 bytes"));
  run = RunAlone({"--server", "example.com:80", "jobs"});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.errors, HasSubstr("lathe: address 'example.com:80'"));
}

TEST_F(NoServerTest, TheEnvironmentNamesOne) {
  setenv("LATHE_SERVER", Socket().c_str(), 1);
  EXPECT_THAT(RunAlone({"jobs"}).errors, HasSubstr("no server at " + Socket()));
  unsetenv("LATHE_SERVER");
}

TEST_F(NoServerTest, WrongUsageIsTold) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"frobnicate"},
                                                    {"jobs", "--frobnicate"},
                                                    {"jobs", "--limit", "0"},
                                                    {"watch"},
                                                    {"show"},
                                                    {"submit"},
                                                    {"export"},
                                                    {"cancel"},
                                                    {"logs"}}) {
    const Finished run = RunAlone(arguments);
    EXPECT_EQ(run.status.code, 2) << run.errors;
    EXPECT_EQ(run.errors.rfind("lathe: ", 0), 0u) << run.errors;
    EXPECT_EQ(run.output, "");
  }
  const Finished help = RunAlone({"--help"});
  EXPECT_EQ(help.status.code, 0);
  EXPECT_THAT(help.output, HasSubstr("submit"));
}

}  // namespace
}  // namespace lathe
