"""Jobs as a user writes them, a YAML file or a dict, onto the messages of lathe.v1."""

from __future__ import annotations

import math
import numbers
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from lathe._job_yaml import join, load_yaml
from lathe.errors import JobError
from lathe.v1 import job_spec_pb2

# A dict, the text of a YAML file, or the path of one.
JobSource = Union[Mapping[str, Any], str, "os.PathLike[str]"]

_MOST_PROGRAM_BYTES = 16 << 20
_MOST_SHOWN = 80  # characters of a value in a message
_LARGEST_FLOAT = (2 - 2 ** -23) * 2.0 ** 127
_SURROGATE = re.compile("[\ud800-\udfff]")

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-2 ** 31, 2 ** 31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-2 ** 63, 2 ** 63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2 ** 32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2 ** 64 - 1),
}


def job_spec(source: JobSource) -> Any:
    """The JobSpec that `source` says, with program files replaced by their text. Paths of programs
    start at the folder of the YAML file, else at the current one. JobError names the field that is
    wrong and says what is allowed. In a dict, None stands for a field that is left out."""
    folder, tree = Path(), source
    if not isinstance(source, Mapping):
        text, folder = _yaml_text(source)
        tree = load_yaml(text)
    if not isinstance(tree, Mapping):
        raise JobError("", "a job is a mapping of fields, like name: mine")
    spec = job_spec_pb2.JobSpec()
    _fill(spec, tree, "")
    _inline_programs(spec, folder)
    return spec


def _yaml_text(source: Union[str, "os.PathLike[str]"]) -> "tuple[str, Path]":
    if isinstance(source, str) and ("\n" in source or ":" in source and not _is_there(source)):
        return source, Path()
    path = Path(source)
    return _file_text(path, ""), path.parent


def _is_there(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # too long for a path, or not one for other reasons
        return False


def _file_text(path: Path, field: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:  # the latter if it is not UTF-8, or no path
        why = getattr(error, "strerror", None) or error
        raise JobError(field, f"cannot read {_shown(str(path))}: {why}") from error


def _fill(message: Message, tree: Mapping[str, Any], path: str) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    for name, value in tree.items():
        field = descriptor.fields_by_name.get(name) if isinstance(name, str) else None
        if field is None:
            raise JobError(join(path, str(name)), "there is no such field; there are: " +
                           ", ".join(descriptor.fields_by_name))
        if value is not None:
            _check_alternatives(message, field, join(path, name))
            _fill_field(message, field, value, join(path, name))


def _check_alternatives(message: Message, field: FieldDescriptor, path: str) -> None:
    set_before = field.containing_oneof and message.WhichOneof(field.containing_oneof.name)
    if set_before:
        raise JobError(path, f"excludes {set_before}, which is given too")


def _fill_field(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    entry: Optional[Descriptor] = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        _fill_map(getattr(message, field.name), entry, value, path)
    elif _is_repeated(field):
        _fill_list(getattr(message, field.name), field, value, path)
    elif entry is not None:
        _expect(isinstance(value, Mapping), path, "a mapping of fields", value)
        child = getattr(message, field.name)
        child.SetInParent()
        _fill(child, value, path)
    else:
        setattr(message, field.name, _scalar(field, value, path))


def _is_repeated(field: FieldDescriptor) -> bool:
    """In newer versions of protobuf a field has no label any more, in older ones nothing else."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def _fill_map(container: Any, entry: Descriptor, value: Any, path: str) -> None:
    _expect(isinstance(value, Mapping), path, "a mapping", value)
    for key, item in value.items():
        place = f"{path}[{key!r}]"
        container[_scalar(entry.fields_by_name["key"], key, place)] = _scalar(
            entry.fields_by_name["value"], item, place)


def _fill_list(container: Any, field: FieldDescriptor, value: Any, path: str) -> None:
    _expect(isinstance(value, (list, tuple)), path, "a list", value)
    for place, item in enumerate(value):
        at = f"{path}[{place}]"
        if field.message_type is not None:
            _expect(isinstance(item, Mapping), at, "a mapping of fields", item)
            _fill(container.add(), item, at)
        else:
            container.append(_scalar(field, item, at))


def _expect(good: bool, path: str, wanted: str, value: Any) -> None:
    if not good:
        raise JobError(path, f"expected {wanted}, found {_shown(value)}")


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # of a whole number with thousands of digits
        shown = "one of thousands of digits"
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, value, path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        _expect(isinstance(value, bool), path, "true or false", value)
        return value
    if kind == FieldDescriptor.CPPTYPE_STRING:
        _expect(isinstance(value, str), path, "a text", value)
        _expect(not _SURROGATE.search(value), path, "a text without lone surrogates", value)
        return value
    if kind in _INTEGERS:
        return _whole(value, *_INTEGERS[kind], path)
    return _number(value, kind == FieldDescriptor.CPPTYPE_FLOAT, path)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)  # NumPy's too


def _whole(value: Any, low: int, high: int, path: str) -> int:
    known = isinstance(value, numbers.Integral) or (
        _is_number(value) and math.isfinite(value) and value == math.floor(value))
    _expect(_is_number(value) and known, path, "a whole number", value)
    _expect(low <= int(value) <= high, path, f"a whole number from {low} to {high}", value)
    return int(value)


def _number(value: Any, single: bool, path: str) -> float:
    _expect(_is_number(value), path, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    most = _LARGEST_FLOAT if single else sys.float_info.max
    _expect(abs(number) <= most, path, f"a number of size up to {most:g}", value)
    return number


def _enum(field: FieldDescriptor, value: Any, path: str) -> int:
    names: List[str] = [name.lower() for name in field.enum_type.values_by_name
                        if not name.endswith("_UNSPECIFIED")]
    _expect(isinstance(value, str) and value.lower() in names, path, "one of " + ", ".join(names),
            value)
    return int(field.enum_type.values_by_name[value.upper()].number)


def _inline_programs(spec: Any, folder: Path) -> None:
    total = 0

    def text_of(entry: str, path: str) -> str:
        nonlocal total
        if not entry.endswith(".lathe") or "\n" in entry or "\0" in entry:
            return entry
        text = _file_text(folder / entry, path)
        total += len(text.encode())
        if total > _MOST_PROGRAM_BYTES:
            raise JobError(path, "the program files of this job are larger than 16 MiB together")
        return text

    for place, entry in enumerate(spec.warm_start):
        spec.warm_start[place] = text_of(entry, f"warm_start[{place}]")
    for place, baseline in enumerate(spec.study.baselines if spec.HasField("study") else []):
        baseline.program = text_of(baseline.program, f"study.baselines[{place}].program")


def as_dict(message: Message) -> Dict[str, Any]:
    """A message as plain values, with the names of the .proto files."""
    from google.protobuf import json_format
    values: Dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return values
