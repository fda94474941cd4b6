// What a YAML scalar is by itself, after the core schema of YAML 1.2 with decimal numbers only:
// `no` and `0x10` are text.
#ifndef LATHE_CLIENTS_JOB_PLAIN_SCALAR_H_
#define LATHE_CLIENTS_JOB_PLAIN_SCALAR_H_

#include <cstdint>

#include "clients/job/yaml_document.h"

namespace lathe {

enum class PlainType : uint8_t {
  kNone,       // not a scalar
  kText,       // in quotes, or nothing of the below
  kBool,       // true, false
  kInteger,    // -3
  kNumber,     // 0.5, 1e3
  kNonFinite,  // .inf, .nan
};

PlainType PlainTypeOf(const YamlNode& node);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_PLAIN_SCALAR_H_
