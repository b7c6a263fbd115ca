#!/usr/bin/env bash
# jax.nn.squareplus is 0 at -10,000 and infinite at 1e20.
#
# Valid input: finite float32 numbers. Seen with jax 0.10.2 on the CPU: squareplus,
# (x + sqrt(x^2 + 4))/2, is 1e-4 at -10,000 and x far right. Computed as it is written,
# the left end is a difference of two equal numbers, 0, and the square on the right is
# infinite. softplus, the function it stands in for, is exact at both ends.
#
# Fails if either end is right.
source "$(dirname "$0")/environment.sh"
packages jax==0.10.2 numpy==2.4.6

"$python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np

x = np.array([-1e4, 1e20], dtype=np.float32)
found = np.asarray(jax.nn.squareplus(x))
wide = x.astype(np.float64)
left = 2 / (np.hypot(wide[0], 2) - wide[0])
print(f"jax {jax.__version__}")
print(f"squareplus(-1e4) = {found[0]}, by the formula {left:.6g}")
print(f"squareplus(1e20) = {found[1]}, softplus(1e20) = {jax.nn.softplus(x)[1]:.3g}")
assert found[0] == 0, "the left end is not lost any more"
assert np.isinf(found[1]), "the right end is finite now"
assert jnp.isclose(jax.nn.softplus(x)[1], 1e20)
PYTHON
echo "As described."
