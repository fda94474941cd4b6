"""Options of the tests: where the programs are that they are compared with and run against; a server
and a worker."""

import pathlib
import re
import signal
import subprocess

import pytest

_PATIENCE = 60  # seconds, far more than an end takes


def pytest_addoption(parser):
    parser.addoption("--bin", type=pathlib.Path, help="the folder of lathe's programs")
    parser.addoption("--diagnostics", help="the folder of texts that are wrong, and what is said")
    parser.addoption("--jobs", type=pathlib.Path, help="the folder of job files and what they say")
    parser.addoption("--readme", type=pathlib.Path, help="the README whose story is run")
    parser.addoption("--cases", type=int, default=5000, help="random programs to compare")


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(tmp_path_factory):
    """They are kept in a directory of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def bin_folder(request):
    folder = request.config.getoption("--bin")
    if folder is None:
        pytest.skip("needs --bin")
    return folder


class Service:
    """A server on a socket, which can be ended and started again, and a worker."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.address = f"unix:{folder / 'socket'}"
        self.server = self.worker = None

    def start_server(self):
        self.server = subprocess.Popen(
            [str(self.programs / "lathe-server"), "--store", str(self.folder / "store"), "--listen",
             self.address, "--metrics", "127.0.0.1:0"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        assert re.search("listening on", self.server.stdout.readline())

    def start_worker(self, evaluator="lathe-evaluator-synthetic"):
        self.worker = subprocess.Popen(
            [str(self.programs / "lathe-worker"), "--server", self.address, "--batch", "4",
             "--evaluator", str(self.programs / evaluator)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def end(process, how=signal.SIGTERM):
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        process.wait(_PATIENCE)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def service(bin_folder, tmp_path):
    if not (bin_folder / "lathe-evaluator-synthetic").exists():
        pytest.skip("needs lathe-evaluator-synthetic")
    made = Service(bin_folder, tmp_path)
    made.start_server()
    made.start_worker()
    yield made
    made.end(made.worker)
    made.end(made.server)


@pytest.fixture
def without_doubles(monkeypatch):
    """A mode in which the device "meta" is one that has no doubles, as some have none."""
    torch = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode

    from lathe import _chunks, _interpreter, _lowering, _model, layer, optimizer
    known = _model.number_dtype
    for module in (_chunks, _interpreter, _lowering, _model, layer, optimizer):
        monkeypatch.setattr(module, "number_dtype", lambda device: (
            torch.float32 if device.type == "meta" else known(device)), raising=False)

    class WithoutDoubles(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            for value in made if isinstance(made, (list, tuple)) else [made]:
                if isinstance(value, torch.Tensor) and value.device.type == "meta":
                    assert value.dtype != torch.float64, f"{function} makes doubles"
            return made
    return WithoutDoubles()
