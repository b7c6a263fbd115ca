#!/usr/bin/env bash
# jax.nn.sigmoid and silu refuse an integer array; gelu, softplus and mish take it.
#
# Valid input: an int32 array. Seen with jax 0.10.2: sigmoid and silu raise TypeError,
# "logistic does not accept dtype int32"; softplus, log_sigmoid, gelu, mish and
# hard_sigmoid return float32, the first two functions of the same exponential.
#
# Fails if sigmoid takes the array.
source "$(dirname "$0")/environment.sh"
packages jax==0.10.2 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp

x = jnp.array([-1, 0, 2])
print(f"jax {jax.__version__}, {x.dtype}")
for name in ("softplus", "log_sigmoid", "gelu", "mish", "hard_sigmoid"):
    y = getattr(jax.nn, name)(x)
    print(f"{name}: {y.dtype}")
    assert y.dtype == jnp.float32
for name in ("sigmoid", "silu"):
    try:
        getattr(jax.nn, name)(x)
    except TypeError as error:
        print(f"{name}: {str(error)[:60]} ...")
        assert "int32" in str(error)
    else:
        raise SystemExit(f"{name} takes it now")
PYTHON
echo "As described."
