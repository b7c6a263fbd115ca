#!/usr/bin/env bash
# jax.nn.gelu at 1e20: the value is right, the slope is nan.
#
# Valid input: float32 numbers. Seen with jax 0.10.2 on the CPU: the tanh form, which
# jax.nn.gelu takes by itself, cubes x. At 1e20 the cube is infinite, and so is its slope;
# tanh of it is 1 and the value right, but the chain rule multiplies tanh's slope of 0 by
# the infinite one. At 1e13, where the cube alone is infinite, all is well, and so it is
# at 1e20 with approximate=False.
#
# Fails if the slope at 1e20 is a number.
source "$(dirname "$0")/environment.sh"
packages jax==0.10.2 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp

print(f"jax {jax.__version__}")
for x in (1e13, 1e20):
    exact = jax.grad(lambda v: jax.nn.gelu(v, approximate=False))(x)
    print(f"at {x:.0e}: value {jax.nn.gelu(x):.3e}, slope {jax.grad(jax.nn.gelu)(x)}, "
          f"slope of the exact form {exact}")
    assert jnp.isclose(jax.nn.gelu(x), x) and exact == 1
assert jax.grad(jax.nn.gelu)(1e13) == 1
assert jnp.isnan(jax.grad(jax.nn.gelu)(1e20)), "it is a number now"
PYTHON
echo "As described."
