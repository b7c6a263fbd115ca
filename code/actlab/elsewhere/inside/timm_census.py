"""Count the activations of timm's models, built without numbers in them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import timm
import torch
from torch import nn

__all__ = ["count"]

OTHERS = ("GELUTanh", "QuickGELU", "Swish", "HardMish", "SquaredReLU")


def count() -> dict[str, Any]:
    """Return a row for each model: the activation that most of its modules are.

    Models are built on the device "meta", where a tensor has a shape and no numbers.
    Left out are activations that a model calls as functions and sigmoids, which in
    these models mostly scale channels.
    """
    rows, failed = [], []
    for name in timm.list_models():
        try:
            with torch.device("meta"):
                model = timm.create_model(name, pretrained=False)
        except Exception:  # some need numbers while they are built
            failed.append(name)
            continue
        found = Counter(filter(None, map(_name, model.modules())))
        kind, modules = found.most_common(1)[0] if found else ("none", 0)
        rows.append(
            {
                "model": name,
                "architecture": type(model).__module__.rpartition(".")[2],
                "activation": kind,
                "modules": modules,
                "gated": "GluMlp" in _kinds(model) or "SwiGLU" in _kinds(model),
            }
        )
    return {"rows": rows, "not built": failed}


def _kinds(model: nn.Module) -> set[str]:
    return {type(module).__name__ for module in model.modules()}


def _name(module: nn.Module) -> str | None:
    """Return the name of a module that is an activation, GELU's form with it."""
    kind, home = type(module).__name__, type(module).__module__
    if isinstance(module, (nn.Sigmoid, nn.Softmax, nn.Identity, nn.Tanh)):
        return None
    if isinstance(module, nn.GELU):
        return "GELU (tanh)" if module.approximate == "tanh" else "GELU"
    if home == "torch.nn.modules.activation" and "Attention" not in kind:
        return kind
    if home.startswith("timm.layers.activations"):
        return {"GELUTanh": "GELU (tanh)", "Swish": "SiLU"}.get(kind, kind)
    return None
