"""The programs that the package carries, and where a program comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Union

from lathe.errors import ProgramError
from lathe.parser import parse
from lathe.program import Program

_FOLDER = Path(__file__).parent / "programs"

# Text, a path, the name of a known program, or one that has been parsed.
ProgramSource = Union[str, "os.PathLike[str]", Program]


def known_programs() -> List[str]:
    """The names of the programs that come with the language, optimizers and layers."""
    return sorted(path.stem for path in _FOLDER.glob("*.lathe"))


def known_text(name: str) -> str:
    """The text of a known program, comments and all. ValueError if there is none of that name."""
    if name not in known_programs():
        raise ValueError(f"no known program {name!r}; there are: {', '.join(known_programs())}")
    return (_FOLDER / f"{name}.lathe").read_text("utf-8")


def text_of(source: Union[str, "os.PathLike[str]"]) -> str:
    """A text has several lines; a path ends in .lathe; all else is the name of a known program."""
    if isinstance(source, os.PathLike):
        return Path(source).read_text("utf-8", "surrogateescape")
    if "\n" in source or source.lstrip().startswith("lathe "):
        return source
    if source.endswith(".lathe") or os.sep in source:
        return Path(source).read_text("utf-8", "surrogateescape")
    return known_text(source)


def load_program(source: ProgramSource, signature: str = "") -> Program:
    """Reads and checks a program. ProgramError if its text is wrong, or if it has another signature
    than the one that is asked for."""
    if isinstance(source, Program):
        program = source
    else:
        named = os.fspath(source)
        shown = named if "\n" not in named else "program"
        program = parse(text_of(source), shown)
    if signature and program.signature.name != signature:
        raise ProgramError(f"{program.name} has the signature {program.signature.name}, expected "
                           f"{signature}", 1, 1)
    return program
