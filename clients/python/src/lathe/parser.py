"""Reads the text of programs, canonical or as an author wrote it. Strict: what the language does not
allow is a ProgramError with its place, the first one there is."""

from __future__ import annotations

import math
import re
from typing import Dict, List, NoReturn, Optional, Set, Tuple

from lathe._einsum import kept_problem, primed
from lathe._lexer import KEYWORDS, Token, is_identifier, tokenize
from lathe._table import TABLE
from lathe.axes import NONE, ORDER, PARAMETER, Axes, in_order, type_text
from lathe.errors import ProgramError
from lathe.program import (LANGUAGE_VERSION, SIGNATURES, Hyper, Instruction, Operand, Program,
                           Range, State, result_type)

_MAX_BYTES = 1 << 20
_MAX_INSTRUCTIONS, _MAX_STATES, _MAX_HYPERS = 4096, 64, 64
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")


def parse(text: str, source: str = "program") -> Program:
    """The program that `text` says. ProgramError with line and column if it is none.

    `source` is what messages name, best the path of the file.
    """
    return _Parser(text, source).run()


class _Parser:
    def __init__(self, text: str, source: str) -> None:
        # Columns count bytes, so a character is a byte from here on.
        self.text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        self.source = source
        self.line = 0
        self.tokens: List[Token] = []
        self.at = 0
        self.program: Optional[Program] = None
        self.names: Dict[str, Operand] = {}
        self.state_places: List[Tuple[int, Token]] = []
        self.nexts: Dict[int, Operand] = {}
        self.has_output = False

    # Tokens of the current line.

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.peek()
        if token.kind != "end":
            self.at += 1
        return token

    def fail(self, place: Token, problem: str) -> NoReturn:
        raise ProgramError(problem, max(self.line, 1), place.column, self.source)

    def expect(self, mark: str, after: str) -> None:
        token = self.take()
        if token.kind != "mark" or token.text != mark:
            self.fail(token, f'expected "{mark}" after {after}, found {token}')

    def expect_end(self) -> None:
        token = self.peek()
        if token.kind != "end":
            sign = token.text[0] in "+-"
            self.fail(token, f"expected the end of the line, found {token}" + (
                "; arithmetic is written as calls, as in add(a, b)" if sign else ""))

    def is_mark(self, mark: str) -> bool:
        return self.peek().kind == "mark" and self.peek().text == mark

    def is_name(self, name: str) -> bool:
        return self.peek().kind == "name" and self.peek().text == name

    @property
    def made(self) -> Program:
        assert self.program is not None  # the header comes first
        return self.program

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

    def new_name(self) -> Token:
        name = self.take()
        if name.kind != "name" or not is_identifier(name.text):
            self.fail(name, f"expected a name, found {name}" + (
                ", which is a keyword" if name.text in KEYWORDS else
                "; a name is 1 to 64 of a-z, 0-9 and _ and starts with a letter"))
        return name

    def define(self, name: Token, operand: Operand) -> None:
        if name.text in self.made.signature.inputs and operand.kind != "input":
            self.fail(name, f"{name} is an input of the signature {self.made.signature.name}; take "
                            "another name")
        if name.text in self.names:
            moves = self.names[name.text].kind == "state"
            self.fail(name, f"{name} is defined already; every name is defined once" + (
                ', and a state moves on with a "next" line' if moves else ""))
        self.names[name.text] = operand

    # Declarations.

    def parse_inputs(self) -> None:
        self.take()
        inputs = self.made.signature.inputs
        while True:
            name = self.take()
            if name.text not in inputs:
                listed = " ".join(key + type_text(axes) for key, axes in inputs.items())
                self.fail(name, f"expected an input of the signature {self.made.signature.name}, "
                                f"found {name}; it has: {listed}")
            axes = self.parse_type()
            if axes != inputs[name.text]:
                self.fail(name, f"the type of {name.text} is {type_text(inputs[name.text])}, not "
                                f"{type_text(axes)}")
            self.define(name, Operand("input", list(inputs).index(name.text)))
            self.made.inputs.append(name.text)
            if self.peek().kind == "end":
                return

    def parse_type(self) -> Axes:
        place = self.peek()
        self.expect("[", "the name")
        if self.is_mark("]"):
            self.take()
            return NONE
        axes = self.parse_axes("]")
        if axes & PARAMETER and "P" not in axes:
            self.fail(place, f"a value cannot have the type {type_text(axes)}: its axes need P, "
                             "since they differ from parameter to parameter")
        return axes

    def parse_axes(self, end: str) -> Axes:
        axes: Set[str] = set()
        allowed = self.made.signature.axes
        while True:
            name = self.take()
            if name.kind != "name" or name.text not in allowed:
                self.fail(name, f"expected an axis, one of {', '.join(in_order(allowed))}; found "
                                f"{name}")
            if name.text in axes:
                self.fail(name, f"the axis {name.text} is named twice; every axis is named at most "
                                "once")
            axes.add(name.text)
            comma = self.take()
            if comma.kind == "mark" and comma.text == end:
                return frozenset(axes)
            if comma.kind != "mark" or comma.text != ",":
                self.fail(comma, f'expected "," or "{end}" after an axis, found {comma}')

    def parse_number(self) -> float:
        token = self.take()
        value = float(token.text) if _NUMBER.match(token.text) else math.nan
        negative_zero = value == 0 and token.text.startswith("-")
        # A text that is not zero and reads as zero is too small for a double.
        vanishes = value == 0 and re.search("[1-9]", re.split("[eE]", token.text)[0]) is not None
        if token.kind != "number" or not math.isfinite(value) or negative_zero or vanishes:
            self.fail(token, "expected a finite decimal number like 0.9 or 1e-08, not -0; found "
                             f"{token}")
        return value

    def parse_hyper(self) -> None:
        self.take()
        name = self.new_name()
        self.expect("=", "the name")
        place = self.peek()
        value = self.parse_number()
        allowed = Range()
        if self.is_name("in"):
            self.take()
            allowed = self.parse_range()
        if not allowed.has(value):
            self.fail(place, f"the value {value:g} of the hyper {name} is not in its range {allowed}")
        self.expect_end()
        if len(self.made.hypers) == _MAX_HYPERS:
            self.fail(name, f"a program has at most {_MAX_HYPERS} hypers")
        self.define(name, Operand("hyper", len(self.made.hypers)))
        self.made.hypers.append(Hyper(name.text, value, allowed))

    def parse_bound(self) -> float:
        if self.peek().text in ("inf", "-inf"):
            return float(self.take().text)
        return self.parse_number()

    def parse_range(self) -> Range:
        opening = self.take()
        if opening.text not in ("[", "("):
            self.fail(opening, 'expected a range like [0, 1) or (0, inf) after "in", found '
                               f"{opening}")
        low = self.parse_bound()
        self.expect(",", "the lower bound")
        high = self.parse_bound()
        closing = self.take()
        if closing.text not in ("]", ")"):
            self.fail(closing, f'expected "]" or ")" after the upper bound, found {closing}')
        made = Range(low, high, opening.text == "[", closing.text == "]")
        if (made.low_included and math.isinf(low)) or (made.high_included and math.isinf(high)):
            self.fail(opening, f"the range {made} includes an infinite bound; use ( or ) there")
        if not low < high:
            self.fail(opening, f"the range {made} needs a lower bound below its upper bound")
        return made

    def parse_state(self) -> None:
        keyword = self.take()
        signature = self.made.signature
        if not signature.start_input:
            self.fail(keyword, f"a {signature.name} has no states")
        name = self.new_name()
        axes = self.parse_type()
        self.expect("=", "the type")
        may_copy = axes == signature.inputs[signature.start_input]
        starts_at_input, start = False, 0.0
        if self.peek().kind == "name":
            place = self.take()
            if place.text != signature.start_input or not may_copy:
                also = f" or, with the type of {signature.start_input}, at it"
                self.fail(place, f"the state {name.text}{type_text(axes)} may start at a number"
                                 f"{also}, not at {place}")
            starts_at_input = True
        else:
            start = self.parse_number()
        self.expect_end()
        if len(self.made.states) == _MAX_STATES:
            self.fail(name, f"a program has at most {_MAX_STATES} states")
        self.define(name, Operand("state", len(self.made.states)))
        # The real `next` is known at the end of the text.
        self.made.states.append(State(name.text, axes, start, starts_at_input, Operand("constant")))
        self.state_places.append((self.line, name))

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


