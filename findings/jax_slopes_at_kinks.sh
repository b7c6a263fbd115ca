#!/usr/bin/env bash
# Six functions of JAX with a kink at 0 or 1, and three conventions for the slope there.
#
# Valid input: the float32 numbers 0 and 1. Seen with jax 0.10.2: relu and relu6 have the
# slope 0 at 0, leaky_relu and abs have 1, and clip has 1/2 at its bound where hard_tanh,
# the same function, has 1.
#
# Fails if any of them has changed.
source "$(dirname "$0")/environment.sh"
packages jax==0.10.2 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp

cases = [
    ("jax.nn.relu at 0", jax.nn.relu, 0.0, 0.0),
    ("jax.nn.relu6 at 0", jax.nn.relu6, 0.0, 0.0),
    ("jax.nn.leaky_relu at 0", jax.nn.leaky_relu, 0.0, 1.0),
    ("jnp.abs at 0", jnp.abs, 0.0, 1.0),
    ("jnp.clip(x, -1, 1) at 1", lambda x: jnp.clip(x, -1, 1), 1.0, 0.5),
    ("jax.nn.hard_tanh at 1", jax.nn.hard_tanh, 1.0, 1.0),
]
print(f"jax {jax.__version__}")
for name, function, x, expected in cases:
    slope = float(jax.grad(function)(x))
    print(f"{name:25} {slope}")
    assert slope == expected, f"{name} has changed"
PYTHON
echo "As described."
