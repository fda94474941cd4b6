"""Reads the text of programs, canonical or as an author wrote it. Strict: what the language does not
allow is a ProgramError with its place, the first one there is."""

from __future__ import annotations

from typing import List, Tuple

from lathe._einsum import kept_problem, primed
from lathe._lexer import Token, tokenize
from lathe._parser_declarations import DeclarationReader
from lathe._table import TABLE
from lathe.axes import NONE, ORDER, PARAMETER, Axes, in_order, type_text
from lathe.program import (LANGUAGE_VERSION, SIGNATURES, Instruction, Operand, Program, State,
                           result_type)

_MAX_BYTES = 1 << 20
_MAX_INSTRUCTIONS = 4096


def parse(text: str, source: str = "program") -> Program:
    """The program that `text` says. ProgramError with line and column if it is none.

    `source` is what messages name, best the path of the file.
    """
    return _Parser(text, source).run()


class _Parser(DeclarationReader):
    # Lines.

    def run(self) -> Program:
        start = Token("end", "", 1)
        if len(self.text) > _MAX_BYTES:
            self.fail(start, f"the text has {len(self.text)} bytes, at most {_MAX_BYTES} are "
                             "allowed")
        for line in self.text.split("\n"):
            self.tokens, self.at = tokenize(line), 0
            self.line += 1
            if self.peek().kind != "end":
                self.parse_line()
        if self.text.endswith("\n"):
            self.line -= 1
        if self.program is None:
            self.line = 1
            self.fail(start, "the text is empty; it starts with: lathe 1 SIGNATURE NAME")
        self.complete(start)
        return self.program

    def complete(self, start: Token) -> None:
        if not self.has_output:
            self.fail(start, f'the program ends without "{self.made.signature.output} = ..."')
        for index, state in enumerate(self.made.states):
            if index not in self.nexts:
                self.line, place = self.state_places[index]
                self.fail(place, f'the state has no "next {state.name} = ..."')
            self.made.states[index] = State(state.name, state.axes, state.start,
                                            state.starts_at_input, self.nexts[index])

    def parse_line(self) -> None:
        for token in self.tokens:
            if token.kind == "unexpected":
                shown = str(token) if " " < token.text < "\x7f" else f"byte {ord(token.text)}"
                self.fail(token, f"{shown} cannot stand here; allowed are names, numbers and "
                                 "= ( ) [ ] , -> #; arithmetic is written as calls, as in mul(a, b)")
        if self.program is None:
            self.parse_header()
            return
        lines = {"input": self.parse_inputs, "hyper": self.parse_hyper, "state": self.parse_state,
                 "next": self.parse_next}
        first = self.peek()
        lines.get(first.text if first.kind == "name" else "", self.parse_statement)()

    def parse_header(self) -> None:
        first = self.take()
        if first.text != "lathe":
            self.fail(first, f'expected the header "lathe 1 SIGNATURE NAME", found {first}')
        version = self.take()
        if version.text != str(LANGUAGE_VERSION):
            self.fail(version, f"expected the version of the language, {LANGUAGE_VERSION}, found "
                               f"{version}")
        signature = self.take()
        if signature.text not in SIGNATURES:
            self.fail(signature, f"expected a signature, one of: {', '.join(SIGNATURES)}; found "
                                 f"{signature}")
        name = self.new_name()
        self.expect_end()
        self.program = Program(name.text, SIGNATURES[signature.text])

    # Lines that compute.

    def parse_next(self) -> None:
        self.take()
        name = self.take()
        state = self.names.get(name.text)
        if state is None or state.kind != "state":
            self.fail(name, 'expected the name of a state that a "state" line above declares, found '
                            f"{name}")
        if state.index in self.nexts:
            self.fail(name, f'the state {name} has its next value already; every state has one '
                            '"next" line')
        self.expect("=", "the name")
        value = self.parse_expression("")
        self.expect_end()
        self.check_fit(value, self.made.states[state.index].axes, name)
        self.nexts[state.index] = value

    def parse_statement(self) -> None:
        name = self.new_name()
        is_output = name.text == self.made.signature.output
        self.expect("=", "the name")
        is_call = self.at + 1 < len(self.tokens) and self.tokens[self.at + 1].text == "("
        value = self.parse_expression("" if is_output else name.text)
        self.expect_end()
        if not is_output and not is_call:
            self.fail(name, f"{name} would only be another name for the value; apply an op, as in "
                            "add(a, b), or use the value itself")
        if is_output:
            self.has_output = True
            self.check_fit(value, self.made.signature.output_axes, name)
            self.made.output = value
        self.define(name, value)

    def check_fit(self, value: Operand, axes: Axes, place: Token) -> None:
        axes_of_value = self.made.type_of(value)
        if not axes_of_value <= axes:
            self.fail(place, f"{place} has the type {type_text(axes)}, the value has the type "
                             f"{type_text(axes_of_value)}; reduce the value over the axes that "
                             f"{place} lacks")

    def parse_expression(self, name: str) -> Operand:
        if self.peek().kind == "name" and self.tokens[self.at + 1].text == "(":
            return self.parse_call(self.take(), name)
        return self.parse_atom()

    def parse_atom(self) -> Operand:
        token = self.peek()
        if token.kind == "name" and self.tokens[self.at + 1].text == "(":
            self.fail(token, f"an operand is a name or a number; give {token.text}(...) a line and "
                             "a name of its own")
        if token.kind == "name" and token.text != "over":
            return self.look_up(self.take())
        if token.kind == "number":
            return Operand("constant", 0, self.parse_number())
        self.fail(token, f"expected a name or a number, found {token}")

    def look_up(self, name: Token) -> Operand:
        if name.text in self.names:
            return self.names[name.text]
        if name.text in ("inf", "nan"):
            self.fail(name, f"a constant is a finite number, not {name}")
        if name.text in self.made.signature.inputs:
            self.fail(name, f'the input {name} is used without an "input" line')
        self.fail(name, f"unknown name {name}; a name is defined before it is used")

    def parse_call(self, called: Token, name: str) -> Operand:
        op = TABLE.get(called.text)
        if op is None:
            self.fail(called, f"unknown op {called}; there are: {', '.join(TABLE)}")
        self.take()  # the parenthesis that made this a call
        labelled = op.rule == "contract"
        operands, labels = self.parse_operands(called, op.arity, labelled)
        types = [self.made.type_of(operand) for operand in operands]
        over = self.parse_kept() if labelled else self.parse_over(called, op.rule)
        if labelled:
            problem = kept_problem(over, labels, self.made.signature.axes)
            if problem:
                self.fail(called, problem)
        axes = result_type(op.name, over, types)
        self.check_batch(called, op.rule, types, axes, over)
        if len(self.made.instructions) == _MAX_INSTRUCTIONS:
            self.fail(called, f"a program has at most {_MAX_INSTRUCTIONS} instructions")
        self.made.instructions.append(Instruction(op.name, tuple(operands), axes, over,
                                                  tuple(labels), name))
        return Operand("result", len(self.made.instructions) - 1)

    def parse_operands(self, called: Token, arity: int,
                       labelled: bool) -> Tuple[List[Operand], List[Tuple[str, ...]]]:
        operands: List[Operand] = []
        labels: List[Tuple[str, ...]] = []
        more = not self.is_mark(")")
        while more:
            operands.append(self.parse_atom())
            if labelled:
                labels.append(self.parse_labels(self.made.type_of(operands[-1])))
            more = self.is_mark(",")
            if more:
                self.take()
        if not (self.is_mark(")") or self.is_name("over") or self.is_mark("->")):
            end = "->" if labelled else ")"
            self.fail(self.peek(), f'expected "," or "{end}" after an operand, found {self.peek()}')
        if len(operands) != arity:
            self.fail(called, f"{called.text} takes {arity} operand{'s' * (arity != 1)}, not "
                              f"{len(operands)}")
        return operands, labels

    def parse_labels(self, axes: Axes) -> Tuple[str, ...]:
        """[R,C'] after an operand of an einsum: a label for each of its axes but P, in order."""
        wanted = in_order(axes - {"P"})

        def take_if(good: bool) -> str:
            if not good:
                primes = " with up to two primes each, all different" * bool(axes & PARAMETER)
                self.fail(self.peek(), "an operand of an einsum is followed by labels for its axes, "
                                       f"here {type_text(axes - {'P'})}{primes}; found "
                                       f"{self.peek()}")
            return self.take().text

        take_if(self.is_mark("["))
        labels: List[str] = []
        for place, axis in enumerate(wanted):
            if place:
                take_if(self.is_mark(","))
            label = self.peek().text
            fits = label in ORDER and label not in labels and (
                primed(label, axis) if axis in PARAMETER else label == axis)
            labels.append(take_if(fits))
        take_if(self.is_mark("]"))
        return tuple(labels)

    def parse_kept(self) -> Axes:
        """-> [R,R'] after the operands of an einsum."""
        if not self.is_mark("->"):
            self.fail(self.peek(), 'expected "->" and the axes that the result keeps after the '
                                   "operands, as in einsum(a[R,C], b[R',C] -> [R,R']); found "
                                   f"{self.peek()}")
        self.take()
        self.expect("[", '"->"')
        kept = NONE
        if self.is_mark("]"):
            self.take()
        else:
            kept = self.parse_axes("]")
        self.expect(")", "the axes of the result")
        return kept

    def parse_over(self, called: Token, rule: str) -> Axes:
        wanted = rule in ("reduce_over", "normalize_over")
        if not self.is_name("over"):
            if not wanted:
                self.expect(")", "the operands")
                return NONE
            axes = in_order(self.made.signature.axes)
            example = "R,C" if "R" in axes else "H,W"
            self.fail(self.peek(), f"{called.text} says over which of the axes {', '.join(axes)} it "
                                   f"goes, as in {called.text}(x over {example})")
        if not wanted:
            self.fail(self.peek(), f'{called.text} takes no "over"')
        self.take()
        return self.parse_axes(")")

    def check_batch(self, called: Token, rule: str, types: List[Axes], axes: Axes,
                    over: Axes) -> None:
        """Only reductions may look across B, since only they have buffers for evaluation."""
        if "B" not in NONE.union(*types):
            return
        if rule.startswith("reduce"):
            if "B" in axes or not axes & {"H", "W"}:
                return
            self.fail(called, f"{called.text} that removes B keeps {type_text(axes)}; it has to "
                              "remove H and W too, which evaluation may change")
        across = {"normalize_over": "B" in over, "normalize_model": "B" in types[0],
                  "contract": "B" not in axes}
        if across.get(rule, False):
            self.fail(called, f"{called.text} looks across B, which only reductions may: they read "
                              "a buffer in evaluation")


