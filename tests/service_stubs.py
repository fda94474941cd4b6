"""Python stubs of gRPC's own services and of ours, and patience, for programs that test a service."""

import pathlib
import subprocess
import sys
import time

GRPC_PROTO = pathlib.Path("/usr/share/grpc-proto")
PATIENCE = 60  # seconds, far more than anything here takes


def wait_until(what, condition, patience=PATIENCE):
    """The first truthy value of `condition`, which is asked again and again: of what is seen from
    outside, by a connection or in a file, nobody gives notice."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing came of waiting until {what}")


def generate_stubs(proto, folder):
    """Makes the stubs of all files under `proto` in `folder`, from where they can be imported."""
    outside = ["grpc/health/v1/health.proto", "grpc/reflection/v1alpha/reflection.proto"]
    ours = [str(path.relative_to(proto)) for path in sorted(proto.rglob("*.proto"))]
    plugin = subprocess.run(["which", "grpc_python_plugin"], check=True, capture_output=True,
                            text=True).stdout.strip()
    subprocess.run(["protoc", f"-I{GRPC_PROTO}", f"-I{proto}", f"--python_out={folder}",
                    f"--grpc_out={folder}", f"--plugin=protoc-gen-grpc={plugin}", *outside, *ours],
                   check=True)
    # grpc is a package of its own: our stubs of grpc/... must not hide it.
    import grpc
    import google
    grpc.__path__.append(str(folder / "grpc"))
    google.__path__.append(str(folder / "google"))
    sys.path.insert(0, str(folder))
