"""Every module against its 50-digit reference, value and gradient, in four dtypes."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rows_to_try import CASES, OURS, VECTORS, settings
from torch.overrides import TorchFunctionMode

from actlab import activations, catalogue
from actlab.activations import (
    ISRU,
    STAF,
    XIELU,
    Arctan,
    BSpline,
    CReLU,
    DyT,
    KANEdge,
    LeCunTanh,
    NewFun,
    Rational,
    Step,
    SwiGLU,
    Swish,
)
from actlab.formulas import parse
from actlab.formulas.tensors import tensor_function
from actlab.properties.functions import function_of

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
# Where torch's own kernels are less exact than a few roundings:
# nn.Softplus returns x above its threshold, βx = 20, and so drops ln(1 + e^−20).
SLACK = {("softplus", dtype): 2.1e-9 for dtype in DTYPES}
# The slope of TeLU has x e^x (1 − tanh²): the difference loses digits that 30 enlarges.
SLACK |= {("telu", dtype): 32 * torch.finfo(dtype).eps for dtype in DTYPES[:2]}
# The slope of nn.Hardsigmoid is the float32 next to 1/6, in float64 too.
SLACK["hardsigmoid", torch.float64] = 5.1e-9
# nn.GELU sets subnormal bfloat16 numbers to 0.
for key in ("gelu", "swigelu"):
    SLACK[key, torch.bfloat16] = torch.finfo(torch.bfloat16).smallest_normal
# An angle of 30 · 60 is rounded, and the slope is 30 times as steep as the sine.
# Where modules cut their input, so that nothing overflows on the way.
CUTS = [4.0, 7.0, 20.0, 25.0, 30.0, 45.0, 50.0, 750.0]
PERIODIC = {"sine": 3e4, "staf": 200, "fourier": 200, "snake": 200, "gcu": 200}
SLACK |= {
    (key, dtype): factor * torch.finfo(dtype).eps
    for key, factor in PERIODIC.items()
    for dtype in DTYPES[:2]
}
# Coefficients of a spline that cancel leave the rounding of one of them.
SLACK |= {("kan", dtype): 4 * torch.finfo(dtype).eps for dtype in DTYPES[:2]}
SLACK["kan", torch.bfloat16] = SLACK["kan", torch.float16] = SLACK["kan", torch.float32]
# Half precision is computed in float32, and its angle rounded there.
SLACK["sine", torch.float16] = SLACK["sine", torch.bfloat16] = SLACK[
    "sine", torch.float32
]
# Phish takes |x| times the error of GELU, which is |x| times one rounding.
SLACK["phish", torch.float32] = 8 * torch.finfo(torch.float32).eps


def reach(key: str, dtype: torch.dtype) -> float:
    """Return the largest |x| up to which torch's kernel does not overflow inside.

    Beyond it, nn.Hardswish (6x) is inf, and the gradient of tanh-GELU (x³) is nan.
    float16 is safe: torch computes it in float32. Beyond 60 the angle of a sine has
    lost the digits that matter.
    """
    if key in PERIODIC:
        return 60.0
    largest = torch.finfo(dtype).max
    if dtype == torch.float16:
        return largest
    return {"hardswish": largest / 7, "gelu_tanh": largest ** (1 / 3)}.get(key, largest)


def points(row: catalogue.Activation, params: dict, dtype: torch.dtype) -> torch.Tensor:
    """A grid and all places where something may go wrong, exact in ``dtype``."""
    limits = torch.finfo(dtype)
    function = function_of(row, params)
    kinks = torch.tensor([*function.breaks.places, 0.0, 1.0, -1.0]).to(dtype)
    infinity = torch.full_like(kinks, math.inf)
    beside = [torch.nextafter(kinks, infinity), torch.nextafter(kinks, -infinity)]
    tiny = [limits.smallest_normal * part for part in (0.25, 1.0, 4.0)]
    huge = [limits.max, limits.max / 2, limits.max / 8, math.sqrt(limits.max)]
    # Where exp, sigmoid and tanh saturate, overflow and underflow in each dtype.
    edges = [4.5, 8.3, 9.0, 11.1, 16.6, 17.3, 19.1, 36.7, 88.7, 104.0, 709.8, 745.2]
    loose = [0.0, *tiny, *huge, *edges, *CUTS, *np.geomspace(1e-4, 60, 40)]
    both = torch.tensor([*loose, *(-number for number in loose)], dtype=torch.float64)
    grid = torch.linspace(-8, 8, 65, dtype=torch.float64)
    found = torch.cat([grid.to(dtype), both.to(dtype), kinks, *beside])
    return found[found.abs() <= reach(row.key, dtype)]


def made(row: catalogue.Activation, params: dict, dtype: torch.dtype):
    """The row's module in ``dtype``, its parameters drawn up in it where it is wide.

    A parameter made in float32 and widened would miss its value by 1e-8.
    """
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype if dtype == torch.float64 else usual)
    try:
        return row.make(**params).to(dtype)
    finally:
        torch.set_default_dtype(usual)


@cache
def reference(key: str, params: tuple, place: float, which: str) -> float:
    row = catalogue.get(key)
    exact = row.reference_value if which == "value" else row.reference_derivative
    return float(exact(place, **dict(params)))


def tolerance(
    row: catalogue.Activation, places: np.ndarray, exact: np.ndarray, dtype, which: str
) -> np.ndarray:
    """A few roundings of the result, and of 1, on the way, times |x|.

    The second part is what 1 + erf in the tail of GELU, or 1 − σ in a slope such as
    σ + x σ(1 − σ), leave of small numbers: torch's GELU(−8) is right to 1e-7 in
    float32, which is millions of its last digits. Near 0, |x| makes it strict again.
    """
    limits = torch.finfo(dtype)
    size = np.minimum(np.abs(places), 32)
    size = size if which == "value" else np.maximum(size, 1.0)
    with np.errstate(over="ignore"):
        roundings = 4 * limits.eps * (np.abs(exact) + size)
    smallest = 4 * limits.smallest_normal * limits.eps
    return roundings + smallest + SLACK.get((row.key, dtype), 0.0)


@pytest.mark.parametrize("row, params", CASES)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype)[6:])
@pytest.mark.parametrize("which", ["value", "derivative"])
def test_a_module_agrees_with_its_reference(row, params, dtype, which) -> None:
    places = points(row, params, dtype).requires_grad_()
    result = made(row, params, dtype)(places)
    if which == "derivative" and result.requires_grad:
        (result,) = torch.autograd.grad(result.sum(), places)
    elif which == "derivative":
        result = torch.zeros_like(places)
    assert result.dtype == dtype
    found = result.detach().double().numpy()
    at = places.detach().double().numpy()
    fixed = tuple(params.items())
    exact = np.array([reference(row.key, fixed, float(x), which) for x in at])
    allowed = tolerance(row, at, exact, dtype, which)
    fits = np.abs(exact) < torch.finfo(dtype).max * (1 - torch.finfo(dtype).eps)
    with np.errstate(invalid="ignore"):
        wrong = fits & ~(np.abs(found - exact) <= allowed)
    assert not wrong.any(), f"{row.key}: module and expr differ in the {which}: " + (
        "; ".join(
            f"at x = {float(x)!r} {float(y)!r}, should be {float(z)!r}"
            for x, y, z in list(zip(at[wrong], found[wrong], exact[wrong]))[:5]
        )
    )


# Ways to make a module that no row uses.
SPECIAL = [
    Swish(0.0),
    Swish(1.0, trainable=True),
    STAF(generator=torch.Generator().manual_seed(0)),
    Rational([0.0, 1.0, 0.5], [0.5, 0.25, -0.5]),
    BSpline(4, 1, -1.0, 3.0, "identity"),
    KANEdge(start=[0.5, -0.5, 0.25] * 3),
]
MODULES = [
    *(pytest.param(row.make(**given), id=id) for (row, given), _, id in OURS),
    *(pytest.param(module, id=str(module)) for module in SPECIAL),
]


BOUNDED = [
    getattr(home, name)
    for home in (torch, torch.Tensor)
    for name in (
        *("clamp", "clip", "clamp_min", "clamp_max"),
        *("fmax", "fmin", "maximum", "minimum"),
    )
    if hasattr(home, name)
]


class SlopeAtABound(TorchFunctionMode):
    """Clamp and its kin get a slope of 0, or of 1, where a number lies on its bound.

    Which it is differs between releases of PyTorch, and between these functions.
    """

    def __init__(self, slope: int) -> None:
        super().__init__()
        self.slope = slope

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function not in BOUNDED:
            return result
        x, *bounds = *args, *kwargs.values()
        given = [bound for bound in bounds if bound is not None]
        tied = sum((x == bound for bound in given), torch.zeros_like(x, dtype=bool))
        return torch.where(tied > 0, x if self.slope else x.detach(), result)


def slope_at_bounds(function, x: torch.Tensor, slope: int) -> torch.Tensor:
    """Return the gradient of the sum, for either slope of clamp at its bounds."""
    x = x.clone().requires_grad_()
    with SlopeAtABound(slope):
        result = function(x).sum()
    if not result.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(result, x)[0]


def assert_no_slope_leans_on_a_bound(function, x: torch.Tensor) -> None:
    torch.testing.assert_close(
        slope_at_bounds(function, x, 0), slope_at_bounds(function, x, 1), equal_nan=True
    )


@pytest.mark.parametrize("row, params", CASES)
def test_no_slope_leans_on_what_clamp_does_at_its_bounds(row, params) -> None:
    x = points(row, params, torch.float64)
    assert_no_slope_leans_on_a_bound(made(row, params, torch.float64), x)


@pytest.mark.parametrize("module", SPECIAL, ids=str)
def test_no_slope_of_another_start_leans_on_it_either(module) -> None:
    x = torch.tensor([*CUTS, 0.0, 1.0, 3.0]).double()
    assert_no_slope_leans_on_a_bound(module.double(), torch.cat([x, -x]))


@pytest.mark.parametrize(
    "module",
    [
        *(row.make(**given) for row in VECTORS for given in settings(row)),
        SwiGLU(beta=2.0),
    ],
    ids=str,
)
def test_no_slope_along_an_axis_leans_on_it_either(module) -> None:
    x = torch.tensor([*CUTS, 0.0, 1.0, 3.0, -1.0]).double()
    x = torch.cat([x, -x])
    for first, second in ((x, torch.ones_like(x)), (torch.ones_like(x), x), (x, x)):
        both = torch.cat([first, second])
        assert_no_slope_leans_on_a_bound(module.double(), both)


@pytest.mark.parametrize(
    ("text", "at", "slope"),
    [
        ("max(x, 0)", 0.0, 0.0),
        ("min(x, 0)", 0.0, 0.0),
        ("relu(x)", 0.0, 0.0),
        ("clip(x, -1, 1)", 1.0, 0.0),
        ("max(x, tanh(x))", 0.0, 1.0),
    ],
)
def test_a_formula_gives_its_own_slope_at_a_tie(text, at, slope) -> None:
    function = tensor_function(parse(text))
    x = torch.tensor([at], dtype=torch.float64)
    assert slope_at_bounds(function, x, 0).item() == slope
    assert slope_at_bounds(function, x, 1).item() == slope


def every_number(dtype: torch.dtype) -> torch.Tensor:
    """All finite numbers of a format of 16 bits."""
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    places = bits.view(dtype)
    return places[places.isfinite()].clone().requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("row, params", OURS)
def test_our_rows_are_finite_in_half_precision_where_they_should_be(
    row, params, dtype
) -> None:
    places = every_number(dtype)
    result = row.make(**params).to(dtype)(places)
    gradient = torch.zeros_like(places)
    if result.requires_grad:
        (gradient,) = torch.autograd.grad(result.sum(), places)
    at = places.detach().double().numpy()
    largest = torch.finfo(dtype).max * (1 - torch.finfo(dtype).eps)
    for found, exact in (
        (result, row.numpy(**params)(at)),
        (gradient, row.numpy_derivative(**params)(at)),
    ):
        assert not np.isnan(exact).any()
        lost = ~found.detach().isfinite().numpy() & (np.abs(exact) < largest)
        assert not lost.any(), f"not finite at {at[lost][:5]}, should be {exact[lost]}"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("module", SPECIAL, ids=str)
def test_special_modules_are_finite_at_every_half_precision_number(
    module, dtype
) -> None:
    places = every_number(dtype)
    result = module.to(dtype)(places)
    assert result.isfinite().all()
    (gradient,) = torch.autograd.grad(result.sum(), places)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("module", MODULES)
def test_our_modules_keep_shape_dtype_and_input(module) -> None:
    for shape in ((), (0,), (3,), (2, 0, 4), (2, 3, 4, 5)):
        batch = torch.randn(shape)
        before = batch.clone()
        result = module.to(torch.float32)(batch)
        assert result.shape == batch.shape and result.dtype == batch.dtype
        assert torch.equal(batch, before)


@pytest.mark.parametrize("module", MODULES)
def test_our_modules_survive_saving_and_scripts_of_torch(module, tmp_path) -> None:
    batch = torch.linspace(-3, 3, 31)
    module = module.to(torch.float32)
    torch.save(module.state_dict(), tmp_path / "state.pt")
    module.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    torch.testing.assert_close(torch.func.vmap(module)(batch), module(batch))


@pytest.mark.parametrize("row, params", OURS)
def test_gradients_by_finite_differences(row, params) -> None:
    batch = torch.linspace(-4, 4, 33, dtype=torch.float64)
    for place in function_of(row, params).breaks.places:
        batch = batch[(batch - place).abs() > 1e-3]  # a difference across it is none
    module = made(row, params, torch.float64)
    assert torch.autograd.gradcheck(module, batch.requires_grad_())


def test_gradients_of_a_doubled_axis_by_finite_differences() -> None:
    batch = torch.linspace(-4, 4, 32, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(CReLU(), batch)


def test_swish_learns_its_beta_only_when_asked() -> None:
    assert list(Swish(2.0).parameters()) == []
    module = Swish(2.0, trainable=True).double()
    batch = torch.linspace(-3, 3, 13, dtype=torch.float64)
    module(batch).sum().backward()
    gate = torch.sigmoid(2 * batch)
    torch.testing.assert_close(module.beta.grad, (batch**2 * gate * (1 - gate)).sum())


def test_swish_at_1_is_silu_and_at_0_half_the_input() -> None:
    batch = torch.linspace(-30, 30, 101)
    torch.testing.assert_close(Swish()(batch), torch.nn.functional.silu(batch))
    assert torch.equal(Swish(0.0)(batch), batch / 2)


def test_newfun_keeps_its_digits_near_zero() -> None:
    tiny = torch.tensor([1e-6, 1e-20, 1e-38])
    torch.testing.assert_close(NewFun()(tiny), tiny / 2, rtol=1e-6, atol=0)


def test_crelu_keeps_the_norm_and_doubles_one_axis() -> None:
    batch = torch.randn(2, 6, 4, 5)
    for dim, shape in ((-1, (2, 6, 4, 10)), (1, (2, 12, 4, 5))):
        result = CReLU(dim)(batch)
        assert result.shape == shape
        torch.testing.assert_close(result.norm(), batch.norm())
    first, second = CReLU()(batch).chunk(2, -1)
    assert torch.equal(first - second, batch)
    with pytest.raises(ValueError, match=r"axis 1, and a tensor of shape \(3,\)"):
        CReLU(1)(torch.zeros(3))


def test_xielu_learns_two_numbers_within_their_bounds() -> None:
    module = XIELU(alpha_p=0.3, alpha_n=0.9).double()
    batch = torch.linspace(-3, 3, 13, dtype=torch.float64)
    module(batch).sum().backward()
    right, left = batch.clamp(min=0), batch.clamp(max=0)
    # By the chain rule through the softplus, whose slope is 1 − e^−α.
    slope_p, slope_n = (1 - math.exp(-0.3)), (1 - math.exp(-0.4))
    torch.testing.assert_close(module.raw_p.grad, slope_p * (right**2).sum())
    expected = slope_n * (torch.expm1(left) - left).sum()
    torch.testing.assert_close(module.raw_n.grad, expected)
    assert str(module) == "XIELU(alpha_p=0.3, alpha_n=0.9, beta=0.5)"
    for wrong in ({"alpha_p": 0.0}, {"alpha_n": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            XIELU(**wrong)


def test_a_state_of_xielu_can_be_loaded_into_another() -> None:
    first, second = XIELU(0.2, 1.7), XIELU()
    second.load_state_dict(first.state_dict())
    batch = torch.linspace(-3, 3, 13)
    assert torch.equal(first(batch), second(batch))


def test_step_includes_its_threshold_and_passes_no_gradient() -> None:
    batch = torch.tensor([-1.0, -0.0, 0.0, 1.0], requires_grad=True)
    result = Step()(batch)
    assert result.tolist() == [0.0, 1.0, 1.0, 1.0]
    result.sum().backward()
    assert batch.grad.tolist() == [0.0] * 4


def test_our_modules_print_their_parameters() -> None:
    assert str(Swish(2.5)) == "Swish(beta=2.5)"
    assert str(Step(1.0)) == "Step(theta=1.0)"


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_what_never_decreases_never_decreases(first: float, second: float) -> None:
    low, high = torch.tensor(sorted([first, second]), dtype=torch.float64)
    for module in (NewFun(), Step(), Step(2.0)):
        assert module(low) <= module(high)


FAMILIES = [getattr(activations, name) for name in catalogue.FAMILIES]


def test_everything_public_is_an_exported_module() -> None:
    assert sorted(set(activations.__all__)) == activations.__all__
    for name in activations.__all__:
        assert issubclass(getattr(activations, name), torch.nn.Module)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_family_names_all_its_modules(family) -> None:
    for name, value in vars(family).items():
        ours = isinstance(value, type) and value.__module__ == family.__name__
        if ours and issubclass(value, torch.nn.Module) and not name.startswith("_"):
            assert name in family.__all__, f"add {name!r} to __all__ of {family}"


def test_dyt_learns_its_scale_and_a_shift_per_channel() -> None:
    module = DyT(0.5, features=4).double()
    batch = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(module(batch), torch.tanh(batch / 2))
    module(batch).sum().backward()
    torch.testing.assert_close(module.gamma.grad, torch.tanh(batch / 2).sum((0, 1)))
    torch.testing.assert_close(module.beta.grad, torch.full((4,), 6.0).double())
    slope = (batch * (1 - torch.tanh(batch / 2) ** 2)).sum()
    torch.testing.assert_close(module.alpha.grad, slope)
    assert torch.autograd.gradcheck(module, batch.requires_grad_())
    with pytest.raises(ValueError, match=r"must have size 4.*\(2, 3\)"):
        module(torch.zeros(2, 3, dtype=torch.float64))


def test_scaled_and_algebraic_cousins_of_tanh() -> None:
    one = torch.tensor([1.0, -1.0])
    torch.testing.assert_close(LeCunTanh()(one), one, atol=1e-4, rtol=0)
    huge = torch.tensor([3e38, -3e38], requires_grad=True)
    for module, top in ((ISRU(), 1.0), (Arctan(), math.pi / 2)):
        result = module(huge)
        torch.testing.assert_close(result, torch.tensor([top, -top]))
        (slope,) = torch.autograd.grad(result.sum(), huge)
        assert torch.equal(slope, torch.zeros(2))


def test_poly_norm_does_not_depend_on_size_nor_overflow():
    module = activations.PolyNorm(eps=0.0)
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    expected = module(x)
    for factor in (1e-3, 1e3, 1e12):
        # Odd powers keep their sign, and no power is inf or 0 in between.
        torch.testing.assert_close(module(factor * x), expected)
    half = module((1e3 * x).half())
    assert half.dtype == torch.float16 and half.isfinite().all()


def test_poly_norm_learns_four_numbers_along_an_axis():
    module = activations.PolyNorm(dim=1).double()
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,))
    assert [p.numel() for p in module.parameters()] == [3, 1]
    moved = activations.PolyNorm().double()(x.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(module(x), moved)
    with pytest.raises(ValueError, match="has no such axis"):
        module(torch.zeros(3))
    with pytest.raises(ValueError, match="eps must be at least 0"):
        activations.PolyNorm(eps=-1.0)
