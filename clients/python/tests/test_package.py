"""What the package is made of."""

import pathlib
import subprocess
import sys
from importlib import metadata

import pytest

import lathe

SUPPORT = pathlib.Path(__file__).parents[1] / "build_support"
ROW = ('LATHE_ELEMENTWISE(add, 2, none, 1.0, 1, 1, a + b, {torch}, "a + b")\n'
       'LATHE_OP(sum, 1, reduce_over, none, 1, 1, 1, "sum({{a}}, {{axes}})", '
       '"{{a}}.sum({{axes}}, keepdim=True)", "the sum, of a")\n')


@pytest.fixture
def op_module(monkeypatch):
    monkeypatch.syspath_prepend(str(SUPPORT))
    import op_module
    return op_module


def test_rows_become_functions(op_module):
    rows = op_module.parse_rows(ROW.format(torch='"{a} + {b}"'))
    assert [(row.name, row.arity, row.rule) for row in rows] == [
        ("add", 2, "elementwise"), ("sum", 1, "reduce_over")]
    assert "return a + b\n" in op_module.calls_text(rows)
    assert "return a.sum(axes, keepdim=True)\n" in op_module.calls_text(rows)


@pytest.mark.parametrize("torch, told", [
    ('""', "dsl/ops.def:1: add has no text in PyTorch"),
    ("none", "dsl/ops.def:1: add has no text in PyTorch"),
    ('"{a} + {c}"', "add: '{a} . {c}' is no text in PyTorch"),
    ('"{a} +"', "add: '{a} .' is no text in PyTorch"),
])
def test_a_row_without_a_text_fails_the_build(op_module, torch, told):
    with pytest.raises(op_module.OpTableError, match=told):
        op_module.calls_text(op_module.parse_rows(ROW.format(torch=torch)))


@pytest.mark.parametrize("kernel, told", [
    ("a + c", r"dsl/ops.def:1: add has no kernel in C\+\+: it reads c"),
    ("system(a)", "it reads system"),
    ("", "'' is no expression"),
    ("a; b", "'a; b' is no expression"),
])
def test_a_row_without_a_kernel_fails_the_build(op_module, kernel, told):
    text = ROW.format(torch='"{a} + {b}"')
    assert '{\n    "add": "a + b",\n}' in op_module.kernels_text(op_module.parse_rows(text))
    with pytest.raises(op_module.OpTableError, match=told):
        op_module.parse_rows(text.replace("1, 1, a + b", f"1, 1, {kernel}"))


@pytest.fixture
def stubs(monkeypatch):
    monkeypatch.syspath_prepend(str(SUPPORT))
    import stubs
    return stubs


@pytest.mark.parametrize("there, wanted", [
    (["protoc", "grpc_python_plugin"], []),
    (["protoc"], ["grpcio-tools"]),
    (["grpc_python_plugin"], ["grpcio-tools"]),
    ([], ["grpcio-tools"]),
])
def test_a_build_asks_for_what_makes_the_stubs(stubs, monkeypatch, there, wanted):
    monkeypatch.setattr(stubs.shutil, "which", lambda name: name if name in there else None)
    assert stubs.build_requirements() == wanted


@pytest.mark.parametrize("made, wanted", [
    ("import grpc\n", ["grpcio>=1.30", "protobuf>=3.20"]),
    ("# Protobuf Python Version: 6.31.1\nimport x\nGRPC_GENERATED_VERSION = '1.76.0'\n",
     ["grpcio>=1.76.0", "protobuf>=6.31.1"]),
])
def test_the_package_asks_for_what_its_stubs_run_with(stubs, made, wanted):
    assert stubs.floors(made) == wanted


def test_the_licence_is_installed_with_it():
    files = [path for path in metadata.files("lathe") if path.name == "LICENSE"]
    assert len(files) == 1 and "Apache License" in files[0].read_text()


@pytest.mark.parametrize("use, absent", [
    ("lathe.Client", ["torch", "yaml"]),
    ("lathe.parse", ["torch", "grpc"]),
    ("lathe.known_programs()", ["torch", "grpc"]),
    ("lathe.load_optimizer", ["grpc"]),
])
def test_only_what_is_used_is_imported(use, absent):
    script = f"import sys, lathe; {use}; sys.exit(str([m for m in {absent} if m in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) in ((0, ""), (1, "")), done.stderr


def test_it_is_typed_and_has_what_it_says():
    assert (pathlib.Path(lathe.__file__).parent / "py.typed").exists()
    for name in lathe.__all__:
        assert getattr(lathe, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'load_optimiser'"):
        lathe.load_optimiser
