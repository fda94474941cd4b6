"""Lines that declare: input, hyper, state; and the types, numbers and ranges in them."""

from __future__ import annotations

import math
import re
from typing import Set

from lathe._lexer import KEYWORDS, Token, is_identifier
from lathe._parser_tokens import LineReader
from lathe.axes import NONE, PARAMETER, Axes, in_order, type_text
from lathe.program import Hyper, Operand, Range, State

_MAX_STATES, _MAX_HYPERS = 64, 64
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")


class DeclarationReader(LineReader):
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
