"""gRPC stubs for Python: by protoc and its plugin where the system has them, else by grpcio-tools."""

import pathlib
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


def generate(service: pathlib.Path, own: pathlib.Path, output: pathlib.Path):
    """Stubs of lathe/v1 under `service` and of lathe/wire under `own`, as packages in `output`."""
    ours = [path for root in (service, own) for path in sorted((root / "lathe").rglob("*.proto"))]
    if len({path.parent for path in ours}) != 2:
        raise StubError(f"no .proto files under {service} or {own}")
    includes = [f"-I{service}", f"-I{own}"]
    if not list(service.glob("google/protobuf")) and pathlib.Path("/usr/include/google").is_dir():
        includes.append("-I/usr/include")
    made = subprocess.run([*_compiler(output), *includes, *map(str, ours)], capture_output=True,
                          text=True, check=False)
    if made.returncode != 0:
        raise StubError(f"protoc: {made.stderr.strip()}")
    for name in ("v1", "wire"):
        (output / "lathe" / name / "__init__.py").write_text("")
