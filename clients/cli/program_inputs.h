// What a program is run on: shapes and values as a command line gives them, and random values.
#ifndef LATHE_CLIENTS_CLI_PROGRAM_INPUTS_H_
#define LATHE_CLIENTS_CLI_PROGRAM_INPUTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/executor.h"

namespace lathe {

// The most elements that all shapes of one run may have together.
inline constexpr int64_t kMaxRunElements = int64_t{1} << 24;

// Of an optimizer one per parameter, "5x7"; of a layer one, "2x6x4x4", with its groups. Invalid
// argument, with what is allowed.
absl::StatusOr<std::vector<Shape>> ParseShapes(const Signature& signature,
                                               const std::vector<std::string>& texts,
                                               std::optional<int64_t> groups);

// Row-major values: one list, or one per parameter for types with P.
using Arrays = std::vector<std::vector<double>>;

class ProgramInputs {
 public:
  // `given` as "NAME=NUMBER" or "NAME=FILE.json". Invalid argument if one is not an input of the
  // program's signature, cannot be read, or has other than as many values as the shapes.
  static absl::StatusOr<ProgramInputs> Make(const Program& program, std::span<const Shape> shapes,
                                            const std::vector<std::string>& given, uint64_t seed,
                                            int steps);

  // Makes the values for the `step`-th step, from 1 on, after those for the ones before.
  void Draw(int step);
  // Moves the parameters of an optimizer, w, by what it has put out.
  void Move(const std::vector<Arrays>& outputs);

  const std::vector<Arrays>& Values() const { return values_; }  // by input of the signature

 private:
  ProgramInputs(const Program& program, std::span<const Shape> shapes, uint64_t seed, int steps);
  absl::Status Give(const std::string& assignment);
  void Fill(int input, int step);

  const Signature* signature_;
  std::vector<Shape> shapes_;
  uint64_t seed_;
  int steps_;
  std::vector<Arrays> values_;
  std::vector<bool> given_;
};

// One array of zeros per parameter, or one.
Arrays ZeroArrays(AxisSet type, std::span<const Shape> shapes);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROGRAM_INPUTS_H_
