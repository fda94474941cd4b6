"""Tokens of one line of program text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List

KEYWORDS = {"lathe", "input", "hyper", "state", "next", "in", "over"}
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_TOKEN = re.compile(r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*'*)
                      | (?P<arrow>->)
                      | (?P<number>[0-9.+-](?:[eE][+-]|[0-9A-Za-z_.])*)
                      | (?P<mark>[=()\[\],])
                      | (?P<unexpected>.)""", re.VERBOSE | re.DOTALL)
_SPACE = " \t\r"
_MOST_SHOWN = 80  # bytes of a token in a message


@dataclass(frozen=True)
class Token:
    """`kind` is name, number, mark, unexpected or end; columns count from 1."""

    kind: str
    text: str
    column: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end of the line"
        dots = "..." if len(self.text) > _MOST_SHOWN else ""
        return f'"{self.text[:_MOST_SHOWN]}{dots}"'


def is_identifier(word: str) -> bool:
    return bool(_IDENTIFIER.match(word)) and word not in KEYWORDS


def tokenize(line: str) -> List[Token]:
    """The tokens of a line, whose characters are bytes, with the end as the last one."""
    tokens: List[Token] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if at == len(line) or line[at] == "#":
            return [*tokens, Token("end", "", at + 1)]
        found = _TOKEN.match(line, at)
        assert found is not None and found.lastgroup is not None  # the last branch takes anything
        kind = "mark" if found.lastgroup == "arrow" else found.lastgroup
        tokens.append(Token(kind, found.group(), at + 1))
        at = found.end()
