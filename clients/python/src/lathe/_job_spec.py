"""Jobs as a user writes them, a YAML file or a dict, onto the messages of lathe.v1."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from lathe.errors import JobError
from lathe.v1 import job_spec_pb2

# A dict, the text of a YAML file, or the path of one.
JobSource = Union[Mapping[str, Any], str, "os.PathLike[str]"]

_MOST_PROGRAM_BYTES = 16 << 20

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-2 ** 31, 2 ** 31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-2 ** 63, 2 ** 63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2 ** 32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2 ** 64 - 1),
}


def job_spec(source: JobSource) -> Any:
    """The JobSpec that `source` says, with program files replaced by their text. Paths of programs
    start at the folder of the YAML file, else at the current one. JobError names the field that is
    wrong and says what is allowed."""
    folder, tree = Path(), source
    if not isinstance(source, Mapping):
        text, folder = _yaml_text(source)
        tree = _load_yaml(text)
    if not isinstance(tree, Mapping):
        raise JobError("", "a job is a mapping of fields, like name: mine")
    spec = job_spec_pb2.JobSpec()
    _fill(spec, tree, "")
    _inline_programs(spec, folder)
    return spec


def _yaml_text(source: Union[str, "os.PathLike[str]"]) -> "tuple[str, Path]":
    if isinstance(source, str) and ("\n" in source or ":" in source and not Path(source).exists()):
        return source, Path()
    path = Path(source)
    return path.read_text("utf-8"), path.parent


def _load_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise JobError("", "a job in YAML needs PyYAML (pip install PyYAML); a dict does not") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise JobError("", f"no YAML: {error}") from error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _fill(message: Message, tree: Mapping[str, Any], path: str) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    for name, value in tree.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            raise JobError(_join(path, str(name)), "there is no such field; there are: " +
                           ", ".join(descriptor.fields_by_name))
        if value is not None:
            _fill_field(message, field, value, _join(path, name))


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
        raise JobError(path, f"expected {wanted}, found {value!r}")


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, value, path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        _expect(isinstance(value, bool), path, "true or false", value)
        return value
    if kind == FieldDescriptor.CPPTYPE_STRING:
        _expect(isinstance(value, str), path, "a text", value)
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        _expect(number and value == value and value in (math.floor(value) if math.isfinite(value)
                                                         else None,), path, "a whole number", value)
        _expect(low <= value <= high, path, f"a whole number from {low} to {high}", value)
        return int(value)
    _expect(number, path, "a number", value)
    return float(value)


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
        try:
            text = (folder / entry).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise JobError(path, f"cannot read {folder / entry}: {error}") from error
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
