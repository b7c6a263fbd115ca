"""The studies of chapter 10: who kills the units, and where does it cost?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from actlab.datasets import Dataset
from actlab.networks import MLP
from actlab.studies import ClassifierRun, Setting, Study
from actlab.studies.runners import (
    fit_classifier,
    hashes_of_classifier,
    load_data,
    prepare_classifier,
    register,
)

from ..steps import STEPS
from .tasks import CHANGING_TASKS

__all__ = ["STUDIES", "UnitCountRun", "UnitCounts"]


@dataclass(frozen=True)
class UnitCountRun(ClassifierRun):
    """A classifier whose dead and flat units are counted after each epoch.

    ``variant`` says which network it is.
    """


class UnitCounts:
    """What study ``dead`` logs: units that are dead or flat, layer by layer.

    Called with a network and an epoch, it returns columns of text with one number per
    hidden layer. Chapter 10.
    """

    FLAT = 0.05  # a slope below this hardly lets a gradient through

    def __init__(self, data: Dataset, epochs: int) -> None:
        self.data, self.epochs = data, epochs
        self.before: list[Tensor] | None = None

    def __call__(self, network: nn.Module, epoch: int) -> dict[str, str]:
        dead, flat, zeros = self._count(network, self.data.x_test)
        before = self.before or dead
        self.before = dead
        row = {
            "dead_test": _line(d.sum() for d in dead),
            "flat_test": _line(f.sum() for f in flat),
            "died_test": _line((d & ~b).sum() for d, b in zip(dead, before)),
            "revived_test": _line((b & ~d).sum() for d, b in zip(dead, before)),
            "zeros_test": _line(zeros),
            "dead_train": "",
        }
        if epoch in (0, self.epochs):  # six times the images: at both ends only
            dead, _, _ = self._count(network, self.data.x_train)
            row["dead_train"] = _line(d.sum() for d in dead)
        return row

    def _count(
        self, network: nn.Module, x: Tensor
    ) -> tuple[list[Tensor], list[Tensor], list[float]]:
        """Return per layer the masks of dead and of flat units, and the zeros' share.

        Dead: the output is exactly 0 for every row of ``x``. Flat: the slope is.
        """
        assert isinstance(network, MLP), "its layers are told apart by their joints"
        hidden = len(network.activations)
        dead = [torch.tensor(True, device=x.device)] * hidden
        flat, zeros = list(dead), [0.0] * hidden
        for part in x.split(1000):
            for layer, joint in enumerate(network.joints(part)):
                output, slope = _value_and_slope(
                    network.activations[layer], joint.pre_activation
                )
                dead[layer] = dead[layer] & (output == 0).all(0)
                flat[layer] = flat[layer] & (slope.abs() < self.FLAT).all(0)
                share = (output == 0).double().mean().item()
                zeros[layer] += share * len(part) / len(x)
        return dead, flat, zeros


def _value_and_slope(f: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    z = z.detach().requires_grad_()
    output = f(z)
    return output.detach(), torch.autograd.grad(output.sum(), z)[0]


def _line(values: Iterable[Tensor | float]) -> str:
    """Spell numbers with blanks between them: whole ones whole, others with four."""
    return " ".join(f"{v:.4f}" if isinstance(v, float) else str(int(v)) for v in values)


def _run(setting: Setting, device: str) -> tuple[dict[str, list[Any]], float]:
    condition = setting.condition
    assert isinstance(condition, UnitCountRun)
    data = load_data(condition.data, condition.scale).to(device)
    return fit_classifier(setting, device, UnitCounts(data, condition.epochs))


register(UnitCountRun, _run, prepare=prepare_classifier, hashes=hashes_of_classifier)

_DEEP = (784, 2048, 1024, 1024, 512, 512, 256, 128, 10)


def _dead() -> tuple[UnitCountRun, ...]:
    def cell(
        regime: str, activation: str, init: str, variant: str = "base", **more: Any
    ) -> UnitCountRun:
        return UnitCountRun(
            regime, activation, init=init, variant=variant, **STEPS[regime], **more
        )

    regimes = ("sgd_small", "sgd_large", "adam")
    return (
        *(cell(r, "relu", init) for init in ("default", "he") for r in regimes),
        *(cell(r, "relu", "default_zero_bias") for r in ("sgd_small", "adam")),
        # The deep network is looked at and not trained.
        *(
            cell("sgd_small", "relu", init, "deep", epochs=0, sizes=_DEEP)
            for init in ("default", "default_gain", "default_zero_bias", "he")
        ),
        cell("sgd_small", "swish", "default"),
        *(
            cell(
                "adam",
                "relu",
                init,
                f"{depth}x{width}",
                epochs=5,
                sizes=(784, *[width] * depth, 10),
            )
            for width in (32, 128)
            for depth in (4, 8, 16)
            for init in ("default", "he")
        ),
    )


DEAD = Study(
    name="dead",
    question="Who kills the units: the depth, the start or the step?",
    home=__package__,
    conditions=_dead(),
    further=(
        "variant",
        "dead_test",
        "flat_test",
        "died_test",
        "revived_test",
        "zeros_test",
        "dead_train",
    ),
)

STUDIES = (DEAD, CHANGING_TASKS)
