"""YAML of job files as the other clients read it: the core schema of YAML 1.2 with decimal numbers
only, so that `no` and `0x10` are text, and nothing that stands for something else unseen."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List

from lathe.errors import JobError

_MOST_BYTES = 1 << 20
_MOST_DEPTH = 64
_MOST_ALIASED = 1 << 18  # what aliases may add, in nodes and characters
_MOST_DIGITS = 400  # a number of more is none that a double can hold

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_NON_FINITE = re.compile(r"(?:\.nan|\.NaN|\.NAN|[-+]?(?:\.inf|\.Inf|\.INF))\Z")


class _Nothing:
    """A value that is left out: unlike None in a dict, a mistake."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def load_yaml(text: str) -> Any:
    """The mappings, lists and values of one document; NOTHING where a value is left out. JobError
    names the place of what is no YAML, or is not allowed."""
    try:
        import yaml
    except ImportError:
        raise JobError("", "a job in YAML needs PyYAML (pip install PyYAML); a dict does "
                           "not") from None
    if len(text) > _MOST_BYTES:
        raise JobError("", "the YAML of a job is larger than 1 MiB")
    try:
        _check_events(yaml.parse(text, yaml.SafeLoader))
        root = yaml.compose(text, yaml.SafeLoader)
        return NOTHING if root is None else _Reader(len(text) + _MOST_ALIASED).value(root, "", 0)
    except yaml.YAMLError as error:
        raise JobError("", f"no YAML: {error}") from error


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _check_events(events: Iterator[Any]) -> None:
    """Of what nodes no longer tell, and of nesting before anything recurs into it."""
    depth = 0
    for event in events:
        kind = type(event).__name__
        if getattr(event, "tag", None) not in (None, "!"):
            raise JobError("", f"{_place(event.start_mark)}: tags are not allowed: the field "
                               "decides the type")
        depth += kind in ("SequenceStartEvent", "MappingStartEvent")
        depth -= kind in ("SequenceEndEvent", "MappingEndEvent")
        if depth > _MOST_DEPTH:
            raise _too_deep(event)


def _too_deep(place: Any) -> JobError:
    return JobError("", f"{_place(place.start_mark)}: nested too deeply: more than {_MOST_DEPTH} "
                        "levels")


class _Reader:
    """Values of nodes. `room` is what they may amount to with aliases written out."""

    def __init__(self, room: int) -> None:
        self._room = room

    def value(self, node: Any, path: str, depth: int) -> Any:
        self._room -= 1 + (len(node.value) if node.id == "scalar" else 0)
        if self._room < 0:
            raise JobError("", f"{_place(node.start_mark)}: aliases stand for too much text")
        if node.id == "scalar":
            return _scalar(node)
        if depth == _MOST_DEPTH:
            raise _too_deep(node)
        if node.id == "sequence":
            return [self.value(item, f"{path}[{place}]", depth + 1)
                    for place, item in enumerate(node.value)]
        return self._mapping(node.value, path, depth)

    def _mapping(self, pairs: List[Any], path: str, depth: int) -> Dict[Any, Any]:
        read: Dict[Any, Any] = {}
        lines: Dict[Any, int] = {}
        for key_node, node in pairs:
            if key_node.id != "scalar":
                raise JobError(path, f"{_place(key_node.start_mark)}: expected the name of a field")
            key = self.value(key_node, path, depth)
            at = join(path, str(key))
            if key in read:
                raise JobError(at, f"given twice; first on line {lines[key]}")
            lines[key] = key_node.start_mark.line + 1
            read[key] = self.value(node, at, depth + 1)
        return read


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style is not None:  # in quotes, or a block
        return text
    if _NULL.match(text):
        return NOTHING
    if _BOOL.match(text):
        return text.lower() == "true"
    if _INTEGER.match(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    if _NUMBER.match(text):
        return float(text)
    return float(text.replace(".", "", 1)) if _NON_FINITE.match(text) else text
