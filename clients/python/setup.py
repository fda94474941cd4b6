"""Builds the package. What other parts of Lathe know is not repeated here but generated: the op
table of dsl/ops.def, gRPC stubs of proto/, the known programs of dsl/programs.

A source distribution carries these files in `sources/`, so that it builds away from the tree, which
LATHE_TREE in the environment names for a copy of this folder.
"""

import os
import pathlib
import shutil
import sys

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).parent.resolve()
sys.path.insert(0, str(HERE / "build_support"))

import op_module  # noqa: E402
import stubs  # noqa: E402

CARRIED = HERE / "sources"
TREE = CARRIED if CARRIED.is_dir() else pathlib.Path(os.environ.get("LATHE_TREE", HERE / "../.."))
OPS, PROGRAMS, PROTO = TREE / "dsl" / "ops.def", TREE / "dsl" / "programs", TREE / "proto"


class BuildPackage(build_py):
    """The package's own files, then those that are generated."""

    def run(self):
        super().run()
        package = pathlib.Path(self.build_lib) / "lathe"
        rows = op_module.parse_rows(OPS.read_text("utf-8"))
        (package / "_table.py").write_text(op_module.table_text(rows), "utf-8")
        (package / "_ops.py").write_text(op_module.calls_text(rows), "utf-8")
        (package / "_cpp.py").write_text(op_module.kernels_text(rows), "utf-8")
        programs = package / "programs"
        programs.mkdir(exist_ok=True)
        for path in sorted(PROGRAMS.glob("*.lathe")):
            shutil.copyfile(path, programs / path.name)
        stubs.generate(PROTO, HERE / "proto", package.parent)

    def get_outputs(self, include_bytecode=True):
        generated = pathlib.Path(self.build_lib) / "lathe"
        return sorted({*super().get_outputs(include_bytecode),
                       *(str(path) for path in generated.rglob("*") if path.is_file())})


class SourceDistribution(sdist):
    """With what the package is generated from."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        carried = pathlib.Path(base_dir) / "sources"
        shutil.copytree(PROGRAMS, carried / "dsl" / "programs", dirs_exist_ok=True)
        shutil.copyfile(OPS, carried / "dsl" / "ops.def")
        # In the tree it is a link to a file that is not below this folder.
        (pathlib.Path(base_dir) / "LICENSE").unlink()
        shutil.copyfile(HERE / "LICENSE", pathlib.Path(base_dir) / "LICENSE")
        shutil.copytree(PROTO / "lathe", carried / "proto" / "lathe", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildPackage, "sdist": SourceDistribution},
      install_requires=stubs.runtime_requirements(PROTO, HERE / "proto"))
