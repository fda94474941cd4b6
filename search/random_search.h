// Independent random programs: the control that every figure of a search is compared with.
#ifndef LATHE_SEARCH_RANDOM_SEARCH_H_
#define LATHE_SEARCH_RANDOM_SEARCH_H_

#include "dsl/random_program.h"
#include "search/strategy.h"

namespace lathe {

class RandomSearch : public Strategy {
 public:
  RandomSearch(uint64_t seed, const Signature& signature, SearchSpace space, RandomProgramSize size)
      : seed_(seed), signature_(signature), space_(std::move(space)), size_(size) {}

  std::variant<Proposal, Wait, Done> Next(uint64_t index) override;
  void Tell(uint64_t, const Program&, const Outcome&) override {}
  std::string Save() const override { return ""; }
  absl::Status Load(std::string_view saved, const RawProgram&) override {
    return saved.empty() ? absl::OkStatus()
                         : absl::InvalidArgumentError("a random search has no state");
  }

 private:
  uint64_t seed_;
  const Signature& signature_;
  SearchSpace space_;
  RandomProgramSize size_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_RANDOM_SEARCH_H_
