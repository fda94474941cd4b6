"""What every line of program text is read with: its tokens, and where a mistake is told."""

from __future__ import annotations

from typing import Dict, List, NoReturn, Optional, Tuple

from lathe._lexer import Token
from lathe.errors import ProgramError
from lathe.program import Operand, Program


def _bytes_of(text: str, source: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        before = text[:error.start].split("\n")
        column = len(before[-1].encode("utf-8", "surrogateescape")) + 1
        problem = f"U+{ord(text[error.start]):04X} is half of a character; texts are UTF-8"
        raise ProgramError(problem, len(before), column, source) from error


class LineReader:
    def __init__(self, text: str, source: str) -> None:
        # Columns count bytes, so a character is a byte from here on.
        self.text = _bytes_of(text, source).decode("latin-1")
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
