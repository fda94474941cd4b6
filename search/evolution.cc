#include "search/evolution.h"

#include <bit>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "search/streams.h"

namespace lathe {
namespace {

constexpr char kSavedVersion[] = "1";

}  // namespace

Evolution::Evolution(EvolutionOptions options) : options_(std::move(options)) {
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  std::vector<std::shared_ptr<const Program>> warm;
  for (const Program& program : options_.warm_start) {
    warm.push_back(std::make_shared<const Program>(program));
  }
  Island island;
  for (int i = 0; i < options_.population; ++i) {
    uint64_t index = i % warm.size();
    island.push_back({index, kUnknown, warm[index]});
  }
  islands_.assign(static_cast<size_t>(options_.islands), island);
}

const Evolution::Island& Evolution::ParentsOf(uint64_t index) const {
  const uint64_t count = islands_.size(), own = index % count, child = index / count;
  const auto interval = static_cast<uint64_t>(options_.migration_interval);
  const bool migrates = interval > 0 && child % interval == 0;
  return islands_[migrates ? (own + count - 1) % count : own];
}

std::variant<Proposal, Wait, Done> Evolution::Next(uint64_t index) {
  if (index < options_.warm_start.size()) {
    return Proposal{options_.warm_start[index], {}, "warm_start"};
  }
  RandomStream random(options_.seed, {streams::kProposal, index});
  const Member& parent = Tournament(ParentsOf(index), random);
  Mutation mutation = Mutate(*parent.program, options_.mutation, random);
  return Proposal{std::move(mutation.program), {parent.index}, mutation.operation};
}

void Evolution::Tell(uint64_t index, const Program& program, const Outcome& outcome) {
  double objective = outcome.kind == Outcome::Kind::kOk ? outcome.objective
                                                        : std::numeric_limits<double>::infinity();
  if (index < options_.warm_start.size()) {
    // Its copies are members already.
    for (Island& island : islands_) {
      for (Member& member : island) {
        if (member.index == index) member.objective = objective;
      }
    }
    return;
  }
  Island& island = islands_[index % islands_.size()];
  island.push_back({index, objective, std::make_shared<const Program>(program)});
  island.pop_front();
}

std::string Evolution::Save() const {
  std::string saved = kSavedVersion;
  for (const Island& island : islands_) {
    for (const Member& member : island) {
      absl::StrAppend(&saved, "\n", member.index, " ", std::bit_cast<uint64_t>(member.objective));
    }
  }
  return saved;
}

absl::Status Evolution::Load(std::string_view saved, const RawProgram& raw) {
  const std::vector<std::string> lines = absl::StrSplit(std::string(saved), '\n');
  const auto population = static_cast<size_t>(options_.population);
  const size_t members = islands_.size() * population;
  if (lines[0] != kSavedVersion || lines.size() != members + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("no population of ", members, " members in version ", kSavedVersion));
  }
  std::map<uint64_t, std::shared_ptr<const Program>> programs;  // copies share theirs
  for (size_t i = 0; i < members; ++i) {
    const std::vector<std::string> numbers = absl::StrSplit(lines[i + 1], ' ');
    uint64_t index = 0, bits = 0;
    if (numbers.size() != 2 || !absl::SimpleAtoi(numbers[0], &index) ||
        !absl::SimpleAtoi(numbers[1], &bits)) {
      return absl::InvalidArgumentError(absl::StrCat("no member of a population: ", lines[i + 1]));
    }
    std::shared_ptr<const Program>& program = programs[index];
    if (program == nullptr) {
      absl::StatusOr<Program> found = raw(index);
      if (!found.ok()) return found.status();
      program = std::make_shared<const Program>(*std::move(found));
    }
    islands_[i / population][i % population] = {index, std::bit_cast<double>(bits), program};
  }
  return absl::OkStatus();
}

const Evolution::Member& Evolution::Tournament(const Island& island, RandomStream& random) const {
  const Member* best = nullptr;
  for (int i = 0; i < options_.tournament; ++i) {
    const Member& drawn = island[random.Below(island.size())];
    bool better = best == nullptr || drawn.objective < best->objective ||
                  (drawn.objective == best->objective && drawn.index < best->index);
    if (better) best = &drawn;
  }
  return *best;
}

}  // namespace lathe
