"""gRPC stubs for Python: by protoc and its plugin where the system has them, else by grpcio-tools."""

import pathlib
import re
import shutil
import subprocess
import sys


class StubError(Exception):
    """The stubs cannot be made."""


def _compiler(output):
    plugin = shutil.which("grpc_python_plugin")
    if shutil.which("protoc") and plugin:
        return ["protoc", f"--python_out={output}", f"--pyi_out={output}",
                f"--plugin=protoc-gen-grpc={plugin}", f"--grpc_out={output}"]
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
