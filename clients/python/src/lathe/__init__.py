"""What Lathe finds, in a user's own training: programs as optimizers and layers of PyTorch; a user's
own model in Lathe's search; and a client of the service.

    optimizer = lathe.load_optimizer("lion", model.parameters(), lr=1e-4)
    norm = lathe.load_layer("evonorm_s0", channels=64)
    job = lathe.Client("127.0.0.1:7433").submit("job.yaml")
    lathe.export_model(model, example, "model.pt")

torch is imported where an optimizer or a layer is made or a model exported, gRPC where a client is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lathe.errors import (CompileError, JobError, LatheError, ModelError, ProgramError, ServerError,
                          ServerUnavailable)

if TYPE_CHECKING:
    from lathe.client import Client as Client
    from lathe.known import known_programs as known_programs
    from lathe.known import load_program as load_program
    from lathe.layer import LoadedLayer as LoadedLayer
    from lathe.layer import load_layer as load_layer
    from lathe.model_export import export_model as export_model
    from lathe.optimizer import LoadedOptimizer as LoadedOptimizer
    from lathe.optimizer import load_optimizer as load_optimizer
    from lathe.parser import parse as parse
    from lathe.program import Program as Program

_HOMES = {
    "Client": "client", "export_model": "model_export", "known_programs": "known",
    "load_program": "known", "LoadedLayer": "layer", "load_layer": "layer",
    "LoadedOptimizer": "optimizer", "load_optimizer": "optimizer", "parse": "parser", "Program": "program",
}

__all__ = ["Client", "CompileError", "JobError", "LatheError", "LoadedLayer", "LoadedOptimizer",
           "ModelError", "Program", "ProgramError", "ServerError", "ServerUnavailable",
           "export_model", "known_programs", "load_layer", "load_optimizer", "load_program", "parse"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lathe' has no attribute {name!r}")
    import importlib
    return getattr(importlib.import_module("lathe." + _HOMES[name]), name)
