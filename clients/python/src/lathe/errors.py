"""What this package raises beside ValueError and TypeError for wrong arguments."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple


class LatheError(Exception):
    """Base of the errors that belong to Lathe."""


class ProgramError(LatheError, ValueError):
    """The text of a program is wrong.

    `line` and `column` count from 1, columns in bytes of UTF-8; `problem` says what is wrong there
    and what is allowed; `source` is the file, or "program".
    """

    def __init__(self, problem: str, line: int, column: int, source: str = "program") -> None:
        super().__init__(f"{source}:{line}:{column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column
        self.source = source


class JobError(LatheError, ValueError):
    """A job is wrong before any server has seen it. `field` is the path of the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


class ModelError(LatheError, ValueError):
    """A module that cannot be a task's model, or an example that it cannot be given."""


class ServerError(LatheError):
    """The server has refused a call.

    `code` is gRPC's ("NOT_FOUND"), `reason` the stable one of google.rpc.ErrorInfo
    ("JOB_NOT_FOUND"), `metadata` what comes with it, `fields` pairs of a field of the request and
    what is wrong with it.
    """

    def __init__(self, code: str, message: str, reason: str = "",
                 metadata: Optional[Dict[str, str]] = None,
                 fields: Optional[List[Tuple[str, str]]] = None) -> None:
        super().__init__(f"{message} ({reason or code})")
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.fields = fields or []


class ServerUnavailable(ServerError):
    """No server answers, or the one that did has gone."""


class CompileError(LatheError):
    """A program cannot be compiled: there is no C++ compiler, it fails, or the directory where
    libraries are kept is not this user's alone."""
