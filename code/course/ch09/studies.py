"""The study of chapter 09: what makes thirty layers learn."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from actlab import datasets
from actlab.deep import DeepMLP, start_as_tanh_, train
from actlab.studies import ClassifierRun, Condition, Setting, Study
from actlab.studies.runners import on_cpu, register

__all__ = ["CURES", "STUDIES", "DeepRun", "patient"]


# What is done to the patient, by the name of the variant.
CURES: dict[str, dict[str, Any]] = {
    "": {},
    "clip": {"clip": 1.0},
    "layer_norm": {"norm": "layer"},
    "batch_norm": {"norm": "batch"},
    "residual": {"branch": 1.0},
    "residual_clip": {"branch": 1.0, "clip": 1.0},
    "scaled_residual": {"branch": "depth"},
    "residual_layer_norm": {"branch": 1.0, "norm": "layer"},
    "as_tanh": {},
    "times_10": {},
    "no_epsilon": {},
    "mean_out": {},
}


@dataclass(frozen=True)
class DeepRun(Condition):
    """Thirty layers of 64 units on the digits; ``variant`` names the cure."""

    epochs: int = 20
    variant: str = ""
    sizes: tuple[int, ...] = (64, *[64] * 30, 10)
    batch_size: int = 128


def patient(setting: Setting) -> DeepMLP:
    """Build the network of one run of the study ``cures``, untrained."""
    condition = setting.condition
    assert isinstance(condition, DeepRun)
    options = {k: v for k, v in CURES[condition.variant].items() if k != "clip"}
    network = DeepMLP(
        condition.sizes,
        condition.activation,
        condition.init,
        seed=setting.seed,
        **options,
    )
    if condition.variant in ("as_tanh", "mean_out"):
        start_as_tanh_(network)
    if condition.variant == "mean_out":
        _take_mean_out_(network)
    factor = {"exploding": 2, "times_10": 10}
    _enlarge_(network, factor.get(condition.regime, 1))
    _enlarge_(network, factor.get(condition.variant, 1))
    return network


class _LessHalf(nn.Module):
    """σ(x) − ½."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return σ − ½ of each element of ``x``, in its shape and dtype."""
        return torch.sigmoid(x) - 0.5


@torch.no_grad()
def _take_mean_out_(network: DeepMLP) -> None:
    """Put σ − ½ in place of σ, and biases of zero for those that took the ½ away."""
    for linear in network.linears:
        assert isinstance(linear, nn.Linear)
        nn.init.zeros_(linear.bias)
    network.activations = nn.ModuleList(_LessHalf() for _ in network.activations)


@torch.no_grad()
def _enlarge_(network: DeepMLP, factor: float) -> None:
    """Multiply the weights of all hidden layers, in place."""
    for linear in network.linears[:-1]:
        assert isinstance(linear, nn.Linear)
        linear.weight.mul_(factor)


def _run(setting: Setting) -> tuple[dict[str, list[Any]], float]:
    """Do one run of the study ``cures``: its history and its seconds."""
    condition = setting.condition
    assert isinstance(condition, DeepRun)
    started = time.perf_counter()
    network, data, epsilon = patient(setting), datasets.digits(), 1e-8
    if condition.variant == "no_epsilon":  # squares of 1e-25 need float64
        network, epsilon = network.double(), 1e-30
        data = replace(data, x_train=data.x_train.double(), x_test=data.x_test.double())
    history = train(
        network,
        data,
        lr=condition.lr,
        epochs=condition.epochs,
        clip=CURES[condition.variant].get("clip"),
        optimiser=condition.optimiser,
        epsilon=epsilon,
        batch_size=condition.batch_size,
        seed=setting.seed,
    )
    return history, time.perf_counter() - started


register(DeepRun, on_cpu(_run))

# A run that breaks down is a result.
_RATES = (0.01, 0.03, 0.1, 0.3)
_LOWER = (0.001, 0.003)


def _cures() -> tuple[DeepRun, ...]:
    def cells(
        regime: str,
        activation: str,
        init: str,
        variants: Iterable[str],
        rates: Iterable[float] = _RATES,
        optimiser: str = "sgd",
    ) -> list[DeepRun]:
        return [
            DeepRun(
                regime, activation, lr, optimiser=optimiser, init=init,
                variant=variant,
            )
            for variant in variants
            for lr in rates
        ]  # fmt: skip

    bridged = ("scaled_residual", "residual_layer_norm")
    normed = ("layer_norm", "batch_norm")
    residual = ("residual", "residual_clip")
    starts = (
        ("sigmoid", "default", ""),
        ("sigmoid", "xavier_4", ""),
        ("sigmoid", "xavier", "as_tanh"),
        ("tanh", "xavier", ""),
        ("sigmoid", "default", "residual_layer_norm"),
    )
    steps = (("sgd", _RATES), ("adam", (0.0003, 0.001, 0.003)))
    return (
        *cells(
            "vanishing", "relu", "default", ("", "clip", *normed, *residual, *bridged)
        ),
        *cells("vanishing", "relu", "he", ("",)),
        # Where the best step lay at an end of the four, further ones.
        *cells("vanishing", "relu", "default", ("layer_norm", "residual"), _LOWER),
        *cells("vanishing", "relu", "he", ("",), _LOWER),
        *cells(
            "vanishing", "relu", "default", ("residual_clip", "scaled_residual"), (1.0,)
        ),
        *cells("sigmoid", "sigmoid", "xavier", ("as_tanh",), (0.0001,), "adam"),
        *cells("sigmoid", "tanh", "xavier", ("",), (0.0001,), "adam"),
        *cells("exploding", "relu", "he", ("", "clip", *normed, *bridged)),
        *(
            cell
            for optimiser, rates in steps
            for activation, init, variant in starts
            for cell in cells("sigmoid", activation, init, (variant,), rates, optimiser)
        ),
    )


CURES_STUDY = Study(
    name="cures",
    question="What makes thirty layers learn, and what does each cure change?",
    home=__package__,
    seeds=3,
    further=("variant",),
    conditions=_cures(),
)

_ADAM = (0.0003, 0.001, 0.003)


def _adam() -> tuple[DeepRun, ...]:
    """The vanishing patient under Adam, and He's start under SGD for longer."""
    cells = [
        DeepRun("vanishing", "relu", lr, optimiser="adam", variant=variant)
        for variant in ("", "layer_norm", "residual_layer_norm")
        for lr in _ADAM
    ]
    he = [DeepRun("vanishing", "relu", lr, optimiser="adam", init="he") for lr in _ADAM]
    longer = [
        DeepRun("longer", "relu", lr, init="he", epochs=60) for lr in (0.003, 0.01)
    ]
    return (*cells, *he, *longer)


CURES_ADAM = Study(
    name="cures-adam",
    question="Was it the start, or plain SGD, that kept thirty layers from learning?",
    home=__package__,
    seeds=3,
    further=("variant",),
    conditions=_adam(),
)


def _starts() -> tuple[ClassifierRun, ...]:
    """Thirty plain layers: sigmoid from every usual start, leaks that keep apart."""

    def cell(regime: str, activation: str, lr: float, **more: Any) -> ClassifierRun:
        return ClassifierRun(
            regime, activation, lr, epochs=20, data="digits",
            sizes=(64, *[64] * 30, 10), **more,
        )  # fmt: skip

    steps = (("sgd", (0.01, 0.1)), ("adam", _ADAM))
    return (
        *(
            cell("sigmoid", "sigmoid", lr, init=init, optimiser=optimiser)
            for init in ("xavier", "he", "matched", "orthogonal")
            for optimiser, rates in steps
            for lr in rates
        ),
        *(
            cell(
                f"leak {slope:g}", "leaky_relu", lr, init="matched",
                parameters=(("alpha", slope),),
            )
            for slope in (0.0, 0.5, 0.8)
            for lr in (0.003, 0.01, 0.03)
        ),
    )  # fmt: skip


THIRTY_STARTS = Study(
    name="thirty-starts",
    question="Thirty plain layers: does any usual start let sigmoid learn, and does "
    "ReLU learn where inputs stay apart?",
    home=__package__,
    seeds=3,
    conditions=_starts(),
)

THIRTY_CONTROLS = Study(
    name="thirty-controls",
    question="Thirty layers: does sigmoid learn at the gain that keeps the error "
    "signal, is it Adam's epsilon that stops PyTorch's start, and does the mean or the "
    "size of the weights hold back the sigmoids that start as tanh?",
    home=__package__,
    seeds=3,
    further=("variant",),
    conditions=(
        *(
            DeepRun(
                regime, "sigmoid", lr, optimiser=optimiser, init="xavier",
                variant="times_10", epochs=epochs,
            )
            for regime, epochs, optimiser, rates in (
                ("sigmoid", 20, "sgd", _RATES),
                ("sigmoid", 20, "adam", _ADAM),
                ("longer", 100, "adam", _ADAM[:2]),
            )
            for lr in rates
        ),
        *(
            DeepRun(regime, activation, lr, optimiser="adam", variant="no_epsilon")
            for regime, activation in (("vanishing", "relu"), ("sigmoid", "sigmoid"))
            for lr in _ADAM
        ),
        *(
            DeepRun(
                "sigmoid", "sigmoid", lr, optimiser=optimiser, init="xavier",
                variant="mean_out",
            )
            for optimiser, rates in (
                ("sgd", (*_RATES, 1.0)),
                ("adam", (0.0001, *_ADAM)),
            )
            for lr in rates
        ),
    ),
)  # fmt: skip

STUDIES = (CURES_STUDY, CURES_ADAM, THIRTY_STARTS, THIRTY_CONTROLS)
