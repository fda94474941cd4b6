// The rules of the canonical form, one by one. canonicalize_property_test.cc has what holds for
// all programs, canonical_corpus_test.cc what must never change.
#include "dsl/canonicalize.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

Program Parsed(const std::string& body) {
  std::string text = "lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[] t[]\n" + body;
  absl::StatusOr<Program> program = ParseOrStatus(text, "p");
  EXPECT_TRUE(program.ok()) << program.status() << "\n" << text;
  return program.ok() ? *program : *KnownProgram("sgd");
}

std::string Canonical(const std::string& body) {
  CanonicalForm form = MakeCanonical(Parsed(body));
  EXPECT_TRUE(Verify(form.program).ok()) << body;
  EXPECT_EQ(form.text, Print(form.program));
  EXPECT_EQ(form.hash, HashBytes(form.text));
  return form.text;
}

// How many instructions and states are left.
std::pair<size_t, size_t> Size(const std::string& body) {
  Program program = Canonicalize(Parsed(body));
  return {program.instructions.size(), program.states.size()};
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Left becomes right, and right is as small as it looks.
void ExpectBecomes(const Pairs& pairs) {
  for (const auto& [from, to] : pairs) {
    EXPECT_EQ(Canonical(from), Canonical(to)) << from << "and\n" << to;
    Program small = Parsed(to);
    EXPECT_EQ(Size(to), std::pair(small.instructions.size(), small.states.size())) << to;
  }
}

void ExpectStays(const std::vector<std::string>& bodies) {
  for (const std::string& body : bodies) {
    Program raw = Parsed(body);
    Program canonical = Canonicalize(raw);
    EXPECT_EQ(canonical.instructions.size(), raw.instructions.size()) << body;
    for (size_t i = 0; i < canonical.instructions.size() && i < raw.instructions.size(); ++i) {
      EXPECT_EQ(canonical.instructions[i].op, raw.instructions[i].op) << body;
    }
  }
}

TEST(Canonicalize, DeadCodeGoes) {
  ExpectBecomes({{"a = exp(w)\nb = add(a, g)\nupdate = mul(g, lr)\n", "update = mul(g, lr)\n"},
                 {"hyper  h = 3\nupdate = mul(g, lr)\n", "update = mul(g, lr)\n"},
                 {"a = exp(w)\nupdate = 0.5\n", "update = 0.5\n"}});
}

TEST(Canonicalize, StatesThatReachNoOutputGo) {
  ExpectBecomes({
      {"state  m[P,R,C] = 0\nnext m = lerp(g, m, 0.9)\nupdate = mul(g, lr)\n",
       "update = mul(g, lr)\n"},
      {"state  m[P,R,C] = 0\nstate  v[P,R,C] = 0\nnext m = v\nnext v = exp(m)\nupdate = g\n",
       "update = g\n"},
  });
  // v is read by no output, but by m, which is.
  std::string kept =
      "state  m[P,R,C] = 0\nstate  v[P,R,C] = 0\nnext m = v\nnext v = exp(m)\nupdate = m\n";
  EXPECT_EQ(Size(kept), std::pair(size_t{1}, size_t{2}));
}

TEST(Canonicalize, EqualStatesAreOne) {
  const std::string one = "state  a[P,R,C] = 0\nnext a = add(a, g)\nupdate = exp(a)\n";
  const std::string two = "state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\n";
  ExpectBecomes({
      // The same next value, also with its operands the other way around.
      {two + "next a = add(a, g)\nnext b = add(g, b)\nc = max(a, b)\nupdate = exp(c)\n", one},
      // Each moves on by the other.
      {two + "next a = add(b, g)\nnext b = add(a, g)\nc = max(a, b)\nupdate = exp(c)\n", one},
      {two + "next a = add(b, g)\nnext b = add(a, g)\nupdate = exp(b)\n", one},
      // A circle of three.
      {two + "state  c[P,R,C] = 0\nnext a = add(b, g)\nnext b = add(c, g)\nnext c = add(a, g)\n" +
           "update = exp(b)\n",
       one},
      {"state  a[P,R,C] = w\nstate  b[P,R,C] = w\nnext a = b\nnext b = a\nupdate = max(a, b)\n",
       "state  a[P,R,C] = w\nnext a = a\nupdate = a\n"},
  });
}

TEST(Canonicalize, StatesThatDifferStay) {
  const std::vector<std::string> bodies = {
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = 1\nnext a = g\nnext b = g\n",
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = w\nnext a = g\nnext b = g\n",
      "state  a[P,R,C] = 0\nstate  b[P,R] = 0\nnext a = lr\nnext b = lr\n",
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nnext a = g\nnext b = w\n",
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nnext a = 1\nnext b = 2\n",
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nnext a = lerp(a, g, 1)\nnext b = lerp(g, b, 1)\n",
  };
  for (const std::string& body : bodies) {
    EXPECT_EQ(Size(body + "update = sub(a, b)\n").second, 2u) << body;
  }
  // a and b differ only by the starts of what they will become two steps later.
  EXPECT_EQ(Size("state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nstate  c[P,R,C] = 0\n"
                 "state  d[P,R,C] = 0\nstate  e[P,R,C] = 1\nstate  f[P,R,C] = 2\n"
                 "next a = c\nnext b = d\nnext c = e\nnext d = f\nnext e = e\nnext f = f\n"
                 "update = sub(a, b)\n")
                .second,
            6u);
  // Of three that move alike two start alike.
  EXPECT_EQ(Size("state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nstate  c[P,R,C] = 1\n"
                 "next a = g\nnext b = g\nnext c = g\nv = mul(a, b)\nupdate = sub(v, c)\n")
                .second,
            2u);
}

TEST(Canonicalize, CommonSubexpressionsAreOne) {
  ExpectBecomes({
      {"a = exp(g)\nb = exp(g)\nupdate = div(a, b)\n", "a = exp(g)\nupdate = div(a, a)\n"},
      {"a = mul(g, w)\nb = mul(w, g)\nupdate = sub(a, b)\n", "a = mul(g, w)\nupdate = sub(a, a)\n"},
      {"a = mean(g over R,C)\nb = mean(g over C,R)\nupdate = div(a, b)\n",
       "a = mean(g over R,C)\nupdate = div(a, a)\n"},
  });
  ExpectStays({"a = mean(g over R)\nb = mean(g over C)\nupdate = div(a, b)\n",
               "a = sub(g, w)\nb = sub(w, g)\nupdate = div(a, b)\n"});
}

TEST(Canonicalize, ExactlyRoundedOpsAreFolded) {
  ExpectBecomes({
      {"a = add(1, 2)\nb = mul(a, 2)\nupdate = mul(g, b)\n", "update = mul(g, 6)\n"},
      {"a = sub(1, 3)\nupdate = mul(g, a)\n", "update = mul(g, -2)\n"},
      {"a = div(1, 3)\nupdate = mul(g, a)\n", "update = mul(g, 0.3333333333333333)\n"},
      {"a = sqrt(2)\nupdate = mul(g, a)\n", "update = mul(g, 1.4142135623730951)\n"},
      {"a = add(0.1, 0.2)\nupdate = a\n", "update = 0.30000000000000004\n"},
      {"a = max(1, 3)\nb = min(a, 2)\nc = neg(b)\nd = abs(c)\ne = square(d)\nupdate = e\n",
       "update = 4\n"},
      {"a = clip(5, -3)\nb = sign(-7)\nc = mul(a, b)\nd = sqrt_abs(-4)\ne = div_eps(c, d)\n"
       "update = e\n",
       "update = -1.4999999925\n"},
  });
}

TEST(Canonicalize, WhatIsNotAConstantOfTheLanguageIsNotFolded) {
  ExpectStays({"update = div(1, 0)\n", "update = div(0, 0)\n", "update = neg(0)\n",
               "update = mul(0, -2)\n", "update = sqrt(-2)\n", "update = square(1e200)\n"});
}

TEST(Canonicalize, OtherOpsAndHypersAreNotFolded) {
  ExpectStays({"update = exp(0)\n", "update = log(1)\n", "update = log_abs(1)\n",
               "update = tanh(0)\n", "update = pow(2, 2)\n", "update = lerp(1, 2, 0.5)\n",
               "update = norm(2)\n", "hyper  h = 1\nupdate = mul(g, h)\n",
               "hyper  h = 2\nupdate = add(h, 3)\n", "hyper  h = 0\nupdate = sub(g, h)\n"});
}

TEST(Canonicalize, IdentitiesOfSumsAndDifferences) {
  ExpectBecomes({{"update = sub(g, 0)\n", "update = g\n"},
                 {"n = neg(w)\nupdate = add(g, n)\n", "update = sub(g, w)\n"},
                 {"n = neg(g)\nupdate = add(n, w)\n", "update = sub(w, g)\n"},
                 {"n = neg(w)\nupdate = sub(g, n)\n", "update = add(g, w)\n"},
                 {"update = add(g, g)\n", "update = mul(g, 2)\n"}});
  ExpectStays({"update = add(g, 0)\n", "update = sub(g, g)\n", "update = sub(0, g)\n",
               "n = neg(g)\nupdate = sub(n, w)\n", "d = sub(g, w)\nupdate = neg(d)\n"});
}

TEST(Canonicalize, IdentitiesOfProductsAndQuotients) {
  ExpectBecomes({{"update = mul(g, 1)\n", "update = g\n"},
                 {"update = mul(1, g)\n", "update = g\n"},
                 {"update = mul(g, -1)\n", "update = neg(g)\n"},
                 {"update = mul(-1, g)\n", "update = neg(g)\n"},
                 {"update = div(g, 1)\n", "update = g\n"},
                 {"update = div(g, -1)\n", "update = neg(g)\n"},
                 {"update = mul(g, g)\n", "update = square(g)\n"},
                 {"a = neg(g)\nb = neg(w)\nupdate = mul(a, b)\n", "update = mul(g, w)\n"},
                 {"a = neg(g)\nb = neg(w)\nupdate = div(a, b)\n", "update = div(g, w)\n"}});
  ExpectStays({"update = mul(g, 0)\n", "update = div(0, g)\n", "update = div(g, g)\n",
               "update = div(1, g)\n", "update = div_eps(g, 1)\n", "update = pow(g, 1)\n",
               "a = neg(g)\nupdate = mul(a, w)\n", "a = neg(g)\nupdate = div(a, w)\n"});
}

TEST(Canonicalize, IdentitiesOfSignsAndBounds) {
  ExpectBecomes({{"a = neg(g)\nupdate = neg(a)\n", "update = g\n"},
                 {"a = sign(g)\nupdate = sign(a)\n", "update = sign(g)\n"},
                 {"a = square(g)\nupdate = abs(a)\n", "update = square(g)\n"},
                 {"a = exp(g)\nupdate = abs(a)\n", "update = exp(g)\n"},
                 {"a = neg(g)\nupdate = abs(a)\n", "update = abs(g)\n"},
                 {"a = abs(g)\nupdate = abs(a)\n", "update = abs(g)\n"},
                 {"a = neg(g)\nupdate = square(a)\n", "update = square(g)\n"},
                 {"a = abs(g)\nupdate = square(a)\n", "update = square(g)\n"},
                 {"a = neg(g)\nupdate = sqrt_abs(a)\n", "update = sqrt_abs(g)\n"},
                 {"a = neg(g)\nb = abs(a)\nupdate = log_abs(b)\n", "update = log_abs(g)\n"},
                 {"update = max(g, g)\n", "update = g\n"},
                 {"update = min(g, g)\n", "update = g\n"},
                 {"a = neg(w)\nupdate = clip(g, a)\n", "update = clip(g, w)\n"},
                 {"a = abs(w)\nupdate = clip(g, a)\n", "update = clip(g, w)\n"}});
  ExpectStays({"a = neg(g)\nupdate = sign(a)\n", "a = sign(g)\nupdate = abs(a)\n",
               "a = sqrt(g)\nupdate = abs(a)\n", "a = neg(g)\nupdate = exp(a)\n",
               "a = abs(g)\nupdate = sqrt(a)\n", "update = clip(g, g)\n", "update = max(g, 0)\n"});
}

TEST(Canonicalize, ReductionsOverAbsentAxes) {
  ExpectBecomes({{"update = sum(lr over R,C)\n", "update = lr\n"},
                 {"update = mean(2 over P)\n", "update = 2\n"},
                 {"n = norm(g)\nupdate = mean(n over R,C)\n", "update = norm(g)\n"},
                 {"a = sum(g over R)\nupdate = sum(a over R,C)\n",
                  "a = sum(g over R)\nupdate = sum(a over C)\n"},
                 {"update = sum(g over P)\n", "update = sum(g over P,R,C)\n"},
                 {"update = mean(g over P,C)\n", "update = mean(g over P,R,C)\n"}});
  ExpectStays({"n = norm(g)\nupdate = sum(n over P)\n", "update = norm(lr)\n",
               "update = global_norm(lr)\n", "a = mean(g over R)\nupdate = mean(a over C)\n"});
}

TEST(Canonicalize, IdentitiesOfMatricesAndChoices) {
  const std::string gram = "s = einsum(g[R,C], w[R',C] -> [R,R'])\n";
  const std::string used = "v = sum(q over R')\nupdate = mul(v, g)\n";
  ExpectBecomes({
      {"update = transpose(g)\n", "update = g\n"},
      {"update = transpose(lr)\n", "update = lr\n"},
      {gram + "r = transpose(s)\nq = transpose(r)\n" + used,
       "q = einsum(g[R,C], w[R',C] -> [R,R'])\n" + used},
      {"update = where(g, w, w)\n", "update = w\n"},
      {"update = where(lr, g, g)\n", "update = g\n"},
      {"a = where(0, 2, 3)\nupdate = mul(g, a)\n", "update = mul(g, 3)\n"},
      {"a = fma(0.1, 10, -1)\nupdate = mul(g, a)\n", "update = mul(g, 5.551115123125783e-17)\n"},
      {"update = reduce_max(lr over R)\n", "update = lr\n"},
      {"n = norm(g)\nupdate = reduce_min(n over R,C)\n", "update = norm(g)\n"},
      {"a = mean(g over R)\nb = softmax(a over R,C)\nupdate = mul(b, g)\n",
       "a = mean(g over R)\nb = softmax(a over C)\nupdate = mul(b, g)\n"},
      {"a = dot(w, g)\nb = dot(g, w)\nc = sub(a, b)\nupdate = mul(g, c)\n",
       "a = dot(g, w)\nc = sub(a, a)\nupdate = mul(g, c)\n"},
  });
  ExpectStays({
      gram + "q = transpose(s)\n" + used,
      // The choice has axes that what is chosen lacks, and a sum over them counts its elements.
      "a = where(g, lr, lr)\nupdate = sum(a over R,C)\n",
      // Of one number these are not that number: NaN for an infinite one, 0 for -0.
      "update = softmax(lr over R)\n",
      "update = logsumexp(lr over R)\n",
      "update = rms(lr over R)\n",
      "update = clip_by_global_norm(g, 1)\n",
      "update = pow(10, 2)\n",
      "update = exp2(3)\n",
  });
  // The labels of an einsum are part of it.
  EXPECT_NE(Canonical("s = einsum(g[R,C], w[R',C] -> [R])\nupdate = mul(s, g)\n"),
            Canonical("s = einsum(g[R,C], w[R,C] -> [R])\nupdate = mul(s, g)\n"));
  EXPECT_NE(Canonical("s = einsum(g[R,C], w[R,C'] -> [R])\nupdate = mul(s, g)\n"),
            Canonical("s = einsum(g[R,C'], w[R,C] -> [C])\nupdate = mul(s, g)\n"));
}

TEST(Canonicalize, OrderOfOperandsFollowsFromWhatTheyCompute) {
  ExpectBecomes({
      {"a = exp(g)\nb = tanh(w)\nupdate = add(a, b)\n",
       "x = tanh(w)\ny = exp(g)\nupdate = add(x, y)\n"},
      {"a = exp(g)\nb = exp(w)\nc = mul(a, b)\nd = mul(a, lr)\nupdate = max(c, d)\n",
       "b = exp(w)\na = exp(g)\nd = mul(lr, a)\nc = mul(b, a)\nupdate = max(d, c)\n"},
      {"state  m[P,R,C] = 0\nstate  v[P,R,C] = 0\nnext m = g\nnext v = w\nupdate = add(m, v)\n",
       "state  v[P,R,C] = 0\nstate  m[P,R,C] = 0\nnext m = g\nnext v = w\nupdate = add(v, m)\n"},
  });
  EXPECT_NE(Canonical("update = sub(g, w)\n"), Canonical("update = sub(w, g)\n"));
}

// a and b are told apart only by what they become two steps later.
TEST(Canonicalize, OrderOfOperandsLooksAsFarAheadAsStatesReach) {
  const std::string declared =
      "state  a[P,R,C] = 0\nstate  b[P,R,C] = 0\nstate  c[P,R,C] = 0\nstate  d[P,R,C] = 0\n"
      "next a = c\nnext b = d\nnext c = g\nnext d = w\n";
  EXPECT_EQ(Canonical(declared + "update = add(a, b)\n"),
            Canonical(declared + "update = add(b, a)\n"));
}

TEST(Canonicalize, HypersKeepNamesValuesAndOrder) {
  Program canonical = Canonicalize(
      Parsed("hyper  beta = 0.5 in [0, 1)\nhyper  unused = 3\nhyper  alpha = 0.5 in (0, 9]\n"
             "a = mul(g, alpha)\nupdate = mul(a, beta)\n"));
  ASSERT_EQ(canonical.hypers.size(), 2u);
  EXPECT_EQ(canonical.hypers[0].name, "beta");
  EXPECT_EQ(canonical.hypers[0].range.Text(), "[0, 1)");
  EXPECT_EQ(canonical.hypers[1].name, "alpha");
  EXPECT_EQ(canonical.hypers[1].range.Text(), "(0, 9]");
  EXPECT_NE(Canonical("hyper  a = 1\nupdate = mul(g, a)\n"),
            Canonical("hyper  a = 2\nupdate = mul(g, a)\n"));
}

TEST(Canonicalize, NamesAndRangesLeaveTheTextAlone) {
  EXPECT_EQ(Canonical("hyper  a = 1 in [0, 2]\nstate  m[] = 0\nnext m = 1\nx = mul(g, a)\n"
                      "update = mul(x, m)\n"),
            Canonical("hyper  b = 1\nstate  n[] = 0\nnext n = 1\ny = mul(g, b)\n"
                      "update = mul(y, n)\n"));
}

}  // namespace
}  // namespace lathe
