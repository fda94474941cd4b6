// Once an execution has run, a step takes no memory: a training loop calls it millions of times.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/random_program.h"
#include "dsl/testing/random_case.h"
#include "dsl/vm/executor.h"
#include "dsl/vm/testing/float_run.h"

namespace {

std::atomic<uint64_t> allocations = 0;

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  // A multiple of the alignment, as aligned_alloc wants it.
  void* memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// All other forms of new and delete call these.
void* operator new(size_t size) {
  return Allocate(size, alignof(std::max_align_t));
}
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}

namespace lathe {
namespace {

constexpr uint64_t kSeed = 20250203;
constexpr uint64_t kCases = 100;

// How often memory was taken by the last of three equal steps.
uint64_t AllocationsOfAStep(const Program& program, std::span<const Shape> shapes,
                            testing::FloatStep step) {
  const auto run = VmExecutor().Prepare(program, shapes);
  EXPECT_TRUE(run.ok()) << run.status();
  const StepBindings bindings = testing::BindingsOf(step);
  uint64_t before = 0;
  for (int i = 0; i < 3; ++i) {
    before = allocations;
    EXPECT_TRUE((*run)->Step(bindings).ok());
  }
  return allocations - before;
}

std::vector<Shape> ShapesFor(const Signature& signature) {
  if (!signature.axes.Has(Axis::kP)) return {LayerShape(2, 6, 2, 3, 3)};
  return {{3, 5}, {4, 1}, {7, 300}};
}

TEST(VmAllocation, IsCounted) {
  const uint64_t before = allocations;
  const std::vector<int> some(10);
  EXPECT_GT(allocations, before) << some.size();
}

TEST(VmAllocation, AStepOfAKnownProgramTakesNone) {
  for (const std::string_view name : KnownProgramNames()) {
    const Program program = Canonicalize(*KnownProgram(name));
    const std::vector<Shape> shapes = ShapesFor(*program.signature);
    RandomStream random(kSeed, {0});
    for (const testing::FloatStep& step :
         testing::RandomSteps(program, shapes, /*wild=*/false, random)) {
      EXPECT_EQ(AllocationsOfAStep(program, shapes, step), 0u) << name;
    }
  }
}

TEST(VmAllocation, AStepOfARandomProgramTakesNone) {
  for (uint64_t i = 0; i < kCases; ++i) {
    RandomStream random(kSeed, {1, i});
    const Signature& signature = i % 4 == 3 ? LayerSignature() : OptimizerSignature();
    const Program program = Canonicalize(RandomProgram(
        signature, SearchSpace::Everything(signature), RandomProgramSize::Large(), random));
    const std::vector<Shape> shapes = ShapesFor(signature);
    const auto steps = testing::RandomSteps(program, shapes, /*wild=*/true, random);
    ASSERT_EQ(AllocationsOfAStep(program, shapes, steps.back()), 0u)
        << testing::CaseText(i, program);
  }
}

}  // namespace
}  // namespace lathe
