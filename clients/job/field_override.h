// Overrides of single fields, as given on a command line: "FIELD=VALUE".
//
//   budget.candidates=300               a field of a field
//   study.baselines[0].base_lr=[1, 2]   an element of a list; the value is YAML
//   strategy.ops.add=0.5                an entry of a map
#ifndef LATHE_CLIENTS_JOB_FIELD_OVERRIDE_H_
#define LATHE_CLIENTS_JOB_FIELD_OVERRIDE_H_

#include <google/protobuf/message.h>

#include <string>

#include "clients/job/message_mapping.h"

namespace lathe {

// Replaces the field in `message` by the value. Messages on the way that are absent are created; an
// index one past the end of a list appends. Mistakes are added to `log` under "--set OVERRIDE".
void ApplyOverride(const std::string& text, google::protobuf::Message* message, MappingLog* log);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_FIELD_OVERRIDE_H_
