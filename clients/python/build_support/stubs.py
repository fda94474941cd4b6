"""gRPC stubs for Python: by protoc and its plugin where the system has them, else by grpcio-tools."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


class StubError(Exception):
    """The stubs cannot be made."""


def _plugin():
    """Of the system's protoc, if it has both."""
    return shutil.which("grpc_python_plugin") if shutil.which("protoc") else None


def build_requirements():
    """What has to be installed before the stubs can be made."""
    return [] if _plugin() else ["grpcio-tools"]


def _compiler(output):
    if _plugin():
        return ["protoc", f"--python_out={output}", f"--pyi_out={output}",
                f"--plugin=protoc-gen-grpc={_plugin()}", f"--grpc_out={output}"]
    try:
        import grpc_tools  # noqa: F401
    except ImportError:
        raise StubError("stubs need protoc and grpc_python_plugin (Debian: protobuf-compiler and "
                        "protobuf-compiler-grpc), or the package grpcio-tools") from None
    return [sys.executable, "-m", "grpc_tools.protoc", f"--python_out={output}",
            f"--pyi_out={output}", f"--grpc_python_out={output}"]


def _with_imports(root: pathlib.Path, name: str):
    """The file `name` under `root` and all of ours that it imports."""
    found, wanted = [], [name]
    while wanted:
        path = root / wanted.pop()
        if path not in found:
            found.append(path)
            wanted += re.findall(r'^import "(lathe/[^"]+)";', path.read_text("utf-8"), re.MULTILINE)
    return sorted(found)


def generate(service: pathlib.Path, own: pathlib.Path, output: pathlib.Path):
    """Stubs of the service that clients see, lathe/v1 under `service`, and of lathe/wire under
    `own`, as packages in `output`."""
    ours = [*_with_imports(service, "lathe/v1/search_service.proto"),
            *_with_imports(own, "lathe/wire/errors.proto")]
    includes = [f"-I{service}", f"-I{own}"]
    if not list(service.glob("google/protobuf")) and pathlib.Path("/usr/include/google").is_dir():
        includes.append("-I/usr/include")
    made = subprocess.run([*_compiler(output), *includes, *map(str, ours)], capture_output=True,
                          text=True, check=False)
    if made.returncode != 0:
        raise StubError(f"protoc: {made.stderr.strip()}")
    for name in ("v1", "wire"):
        (output / "lathe" / name / "__init__.py").write_text("")


# The oldest that the stubs of any compiler run with, and where those of newer ones say more.
_OLDEST = {"grpcio": "1.30", "protobuf": "3.20"}
_WRITTEN = {"grpcio": r"^GRPC_GENERATED_VERSION = '([0-9.]+)'",
            "protobuf": r"^# Protobuf Python Version: ([0-9.]+)"}


def runtime_requirements(service: pathlib.Path, own: pathlib.Path):
    """What stubs made here run with: they refuse packages that are older than their compiler."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("v1", "wire"):
            (pathlib.Path(folder) / "lathe" / name).mkdir(parents=True)
        try:
            generate(service, own, pathlib.Path(folder))
        except StubError:
            made = ""  # nor can a wheel be made here
        else:
            made = "\n".join(path.read_text("utf-8")
                             for path in sorted(pathlib.Path(folder).rglob("*.py")))
    return floors(made)


def floors(made: str):
    """The requirements of stubs with this text."""
    found = {name: re.search(written, made, re.MULTILINE) for name, written in _WRITTEN.items()}
    return [f"{name}>={found[name].group(1) if found[name] else oldest}"
            for name, oldest in _OLDEST.items()]
