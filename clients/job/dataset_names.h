// Which datasets and registered models a job names.
#ifndef LATHE_CLIENTS_JOB_DATASET_NAMES_H_
#define LATHE_CLIENTS_JOB_DATASET_NAMES_H_

#include <functional>
#include <string>
#include <vector>

#include "lathe/v1/job_spec.pb.h"

namespace lathe {

// Calls `visit` with every task of the job that names one.
void ForEachNamedDataset(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit);

// Calls `visit` with every task of the job that names a registered model.
void ForEachNamedModel(v1::JobSpec& job, const std::function<void(v1::Task&)>& visit);

// Of datasets and models; some may come twice.
std::vector<std::string> DatasetNames(const v1::JobSpec& job);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_DATASET_NAMES_H_
