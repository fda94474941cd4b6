// Where a program comes from and how it did, as lines for the head of an exported file.
#ifndef LATHE_CLIENTS_CLI_PROGRAM_PROVENANCE_H_
#define LATHE_CLIENTS_CLI_PROGRAM_PROVENANCE_H_

#include <string>
#include <utility>
#include <vector>

#include "lathe/v1/report.pb.h"
#include "lathe/v1/resources.pb.h"

namespace lathe {

// "task", "digits, 100 steps of 64, seed 1".
using ProvenanceFacts = std::vector<std::pair<std::string, std::string>>;

// Of a program by its 32 digits.
ProvenanceFacts FactsOfHash(const std::string& hash);
// Of what a job has found, with its comparison on the job's own task.
ProvenanceFacts FactsOfReport(const v1::Job& job, const v1::JobReport& report);
ProvenanceFacts FactsOfCandidate(const v1::Job& job, const v1::Candidate& candidate);
// One line for each task.
ProvenanceFacts FactsOfEvaluations(const std::vector<v1::Evaluation>& evaluations);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROGRAM_PROVENANCE_H_
