"""Count the activations that transformers' configurations have by default."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from transformers.models.auto.configuration_auto import CONFIG_MAPPING

__all__ = ["count"]

NAMES = (
    "hidden_act", "hidden_activation", "activation_function", "act_fn", "activation",
    "ffn_act_fn", "feed_forward_act", "mlp_hidden_act", "speech_encoder_hidden_act",
    "encoder_activation_function", "ffn_activation", "hidden_activation_function",
)  # fmt: skip
GATE = re.compile(r"gate_proj|gate_up_proj|\bwi_0\b|\bw12\b|\bfc11\b|\.w1\(.*\.w3")
YEAR = re.compile(r"[Cc]opyright (?:\(c\) )?(20\d\d)")


def count() -> dict[str, Any]:
    """Return a row for each configuration that names an activation.

    The year is that of the copyright line of the configuration's file; ``gated`` says
    whether the model's file has a projection named as a gate.
    """
    rows, silent, failed = [], [], []
    for kind in sorted(CONFIG_MAPPING):
        try:
            config = CONFIG_MAPPING[kind]()
        except Exception:  # some configurations need other packages or arguments
            failed.append(kind)
            continue
        name = _activation(config)
        if name is None:
            silent.append(kind)
            continue
        folder = Path(inspect.getfile(type(config))).parent
        rows.append(
            {
                "model": kind,
                "year": _year(folder),
                "activation": name,
                "gated": _gated(folder),
            }
        )
    return {"rows": rows, "without an activation": silent, "not built": failed}


def _activation(config: Any) -> str | None:
    """Return the first activation that the configuration, or a part of it, names."""
    for part in (config, *_parts(config)):
        for name in NAMES:
            value = getattr(part, name, None)
            if isinstance(value, str):
                return value
            if isinstance(value, dict) and isinstance(value.get("name"), str):
                return value["name"]
    return None


def _parts(config: Any) -> list[Any]:
    names = ("text_config", "decoder", "encoder", "vision_config", "audio_config")
    parts = (getattr(config, name, None) for name in names)
    return [part for part in parts if part is not None and not isinstance(part, str)]


def _text(folder: Path, pattern: str) -> str:
    return "\n".join(p.read_text("utf-8") for p in sorted(folder.glob(pattern)))


def _year(folder: Path) -> int | None:
    found = YEAR.search(_text(folder, "configuration_*.py"))
    return int(found[1]) if found else None


def _gated(folder: Path) -> bool:
    return bool(GATE.search(_text(folder, "modeling_*.py")))
