"""The catalogue: one record per activation function, each written down once.

A scalar function is one SymPy expression. Its LaTeX, its derivative, its JavaScript,
its 50-digit reference and its property sheet all come from that expression, so that
a formula on the page, a curve in the browser and a number from torch cannot
disagree.

Chapter: 02 (what an activation function is), 03 to 08 (the families).
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import mpmath
import numpy as np
import sympy
from torch import Tensor, nn

from . import activations, formulas
from .formulas import NamedConstant, NormalCDF, Sigmoid, Softplus, x

__all__ = [
    "Activation",
    "CATALOGUE",
    "FAMILIES",
    "Param",
    "UnknownActivationError",
    "family",
    "get",
]

FAMILIES = ("classic", "rectified", "smooth", "gated", "trainable", "output")


class UnknownActivationError(KeyError):
    """No function of that name; the message says which names come close."""

    def __str__(self) -> str:
        # KeyError would print the message as a quoted string.
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class Param:
    """A parameter of a function: its default and the range of its slider.

    ``trainable`` says whether the module of this row learns it; ``step`` is the
    slider's step.
    """

    default: float
    low: float
    high: float
    trainable: bool = False
    step: float = 0.01


@dataclass(frozen=True, eq=False)
class Activation:
    """One row of the catalogue.

    Attributes
    ----------
    key, name, aliases : how `get` finds it and how a page prints it.
    family : one of `FAMILIES`; chapters 3 to 8, one each.
    expr : the function as a SymPy expression in ``x``; None for ``kind="vector"``.
    params : each other letter of ``expr`` with its default and slider range.
    module : builds the ``nn.Module``, with the parameters as keywords.
    torch : the name of torch's own class, or None.
    source : the key of its first source in the bibliography, or None.
    chapter : the chapter that explains it.
    kind : "scalar" (element by element) or "vector".
    reference : for vector functions, the function on a float64 array (last axis).
    vector_latex : for vector functions, the formula as LaTeX.
    """

    key: str
    name: str
    family: str
    expr: sympy.Expr | None
    module: Callable[..., nn.Module]
    chapter: int
    params: Mapping[str, Param] = field(default_factory=dict)
    torch: str | None = None
    source: str | None = None
    kind: str = "scalar"
    reference: Callable[[np.ndarray], np.ndarray] | None = None
    aliases: tuple[str, ...] = ()
    vector_latex: str = ""

    @cached_property
    def derivative(self) -> sympy.Expr:
        """The derivative, by SymPy; at a kink, the branch that torch takes."""
        return formulas.derivative(self._scalar("derivative"))

    @cached_property
    def latex(self) -> str:
        """The formula as LaTeX, without dollar signs."""
        return self.vector_latex or formulas.latex(self.expr)

    @cached_property
    def derivative_latex(self) -> str:
        """The derivative as LaTeX, without dollar signs."""
        return formulas.latex(self.derivative)

    @cached_property
    def javascript(self) -> str:
        """The function as JavaScript in ``x`` and the parameters' names."""
        return formulas.javascript(self._scalar("JavaScript"))

    @cached_property
    def derivative_javascript(self) -> str:
        """The derivative as JavaScript in ``x`` and the parameters' names."""
        return formulas.javascript(self.derivative)

    def values(self, **params: float) -> dict[str, float]:
        """Return every parameter's value: ``params``, and defaults for the rest.

        Raises `TypeError` for a parameter that the function does not have.
        """
        unknown = sorted(set(params) - set(self.params))
        if unknown:
            known = ", ".join(self.params) or "none"
            raise TypeError(
                f"{self.name} has no parameter {unknown[0]!r}; it has: {known}"
            )
        defaults = {name: param.default for name, param in self.params.items()}
        return defaults | params

    def make(self, **params: float) -> nn.Module:
        """Return a new module; a parameter left out takes its default."""
        return self.module(**self.values(**params))

    def __call__(self, tensor: Tensor) -> Tensor:
        """Apply the function, with default parameters, to a tensor of any shape."""
        module = self.make().to(device=tensor.device, dtype=tensor.dtype)
        return module(tensor)

    def numpy(self, **params: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function on float64 arrays."""
        if self.kind == "vector" and self.reference is not None:
            return functools.partial(self.reference, **self.values(**params))
        return formulas.numpy_function(self.expr, self.values(**params))

    def numpy_derivative(self, **params: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return the derivative on float64 arrays."""
        return formulas.numpy_function(self.derivative, self.values(**params))

    def reference_value(self, x: float, **params: float) -> mpmath.mpf:
        """Return f(x) to 50 digits."""
        expr = self._scalar("reference value")
        return formulas.mpmath_function(expr, self.values(**params))(x)

    def reference_derivative(self, x: float, **params: float) -> mpmath.mpf:
        """Return f′(x) to 50 digits."""
        return formulas.mpmath_function(self.derivative, self.values(**params))(x)

    def _scalar(self, wanted: str) -> sympy.Expr:
        if self.expr is None:
            raise TypeError(
                f"{self.name} maps vectors to vectors: it has no {wanted} in x"
            )
        return self.expr


# --- The rows ------------------------------------------------------------------

CATALOGUE: dict[str, Activation] = {}
_NAMES: dict[str, str] = {}


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _add(row: Activation) -> None:
    assert row.family in FAMILIES, row.family
    CATALOGUE[row.key] = row
    for name in (row.key, row.name, *row.aliases):
        owner = _NAMES.setdefault(_plain(name), row.key)
        assert owner == row.key, f"{name} names both {owner} and {row.key}"


def _cases(*cases: tuple) -> sympy.Piecewise:
    return sympy.Piecewise(*cases)


_alpha, _beta, _theta, _a = sympy.symbols("alpha beta theta a", real=True)
_lower, _upper = sympy.symbols("lower upper", real=True)
_half = sympy.Rational(1, 2)

_add(
    Activation(
        key="step",
        name="Step",
        family="classic",
        expr=_cases((1, x >= _theta), (0, True)),
        params={"theta": Param(0.0, -3.0, 3.0)},
        module=activations.Step,
        torch="torch.heaviside",
        source="mcculloch1943logical",
        chapter=3,
        aliases=("heaviside", "threshold unit"),
    )
)
_add(
    Activation(
        key="identity",
        name="Identity",
        family="classic",
        expr=x,
        module=nn.Identity,
        torch="torch.nn.Identity",
        chapter=3,
        aliases=("linear", "none"),
    )
)
_add(
    Activation(
        key="square",
        name="x²",
        family="classic",
        expr=x**2,
        module=activations.Square,
        torch="torch.square",
        source="leshno1993multilayer",
        chapter=1,
        aliases=("quadratic",),
    )
)
_add(
    Activation(
        key="sigmoid",
        name="Sigmoid",
        family="classic",
        expr=Sigmoid(x),
        module=nn.Sigmoid,
        torch="torch.nn.Sigmoid",
        source="verhulst1845recherches",
        chapter=3,
        aliases=("logistic",),
    )
)
_add(
    Activation(
        key="newfun",
        name="newfun",
        family="classic",
        expr=2 * Sigmoid(x) - 1,
        module=activations.NewFun,
        chapter=3,
    )
)
_add(
    Activation(
        key="tanh",
        name="Tanh",
        family="classic",
        expr=sympy.tanh(x),
        module=nn.Tanh,
        torch="torch.nn.Tanh",
        source="lecun1998efficient",
        chapter=3,
    )
)
_add(
    Activation(
        key="lecun_tanh",
        name="LeCun's tanh",
        family="classic",
        expr=sympy.Rational(17159, 10000) * sympy.tanh(2 * x / 3),
        module=activations.LeCunTanh,
        source="lecun1998efficient",
        chapter=3,
        aliases=("scaled tanh",),
    )
)
_add(
    Activation(
        key="hardtanh",
        name="Hardtanh",
        family="classic",
        expr=_cases((-1, x <= -1), (1, x >= 1), (x, True)),
        module=nn.Hardtanh,
        torch="torch.nn.Hardtanh",
        source="collobert2004large",
        chapter=3,
    )
)
_add(
    Activation(
        key="hardsigmoid",
        name="Hardsigmoid",
        family="classic",
        expr=_cases((0, x <= -3), (1, x >= 3), (x / 6 + _half, True)),
        module=nn.Hardsigmoid,
        torch="torch.nn.Hardsigmoid",
        source="howard2019searching",
        chapter=3,
    )
)
_add(
    Activation(
        key="softsign",
        name="Softsign",
        family="classic",
        expr=_cases((x / (1 + x), x > 0), (x / (1 - x), True)),
        module=nn.Softsign,
        torch="torch.nn.Softsign",
        source="glorot2010understanding",
        chapter=3,
    )
)
_add(
    Activation(
        key="arctan",
        name="Arctan",
        family="classic",
        expr=sympy.atan(x),
        module=activations.Arctan,
        torch="torch.atan",
        chapter=3,
        aliases=("atan",),
    )
)
_add(
    Activation(
        key="isru",
        name="ISRU",
        family="classic",
        expr=x / sympy.sqrt(1 + x**2),
        module=activations.ISRU,
        source="carlile2017improving",
        chapter=3,
        aliases=("inverse square root unit",),
    )
)
_add(
    Activation(
        key="dyt",
        name="DyT",
        family="classic",
        expr=sympy.tanh(_alpha * x),
        params={"alpha": Param(0.5, 0.0, 3.0, trainable=True)},
        module=activations.DyT,
        source="zhu2025transformers",
        chapter=3,
        aliases=("dynamic tanh",),
    )
)
_add(
    Activation(
        key="relu",
        name="ReLU",
        family="rectified",
        expr=_cases((x, x > 0), (0, True)),
        module=nn.ReLU,
        torch="torch.nn.ReLU",
        source="nair2010rectified",
        chapter=4,
    )
)
_add(
    Activation(
        key="leaky_relu",
        name="Leaky ReLU",
        family="rectified",
        expr=_cases((x, x > 0), (_alpha * x, True)),
        params={"alpha": Param(0.01, -0.5, 1.0)},
        module=lambda alpha=0.01: nn.LeakyReLU(alpha),
        torch="torch.nn.LeakyReLU",
        source="maas2013rectifier",
        chapter=4,
        aliases=("lrelu",),
    )
)
_add(
    Activation(
        key="elu",
        name="ELU",
        family="rectified",
        expr=_cases((x, x > 0), (_alpha * (sympy.exp(x) - 1), True)),
        params={"alpha": Param(1.0, 0.0, 3.0)},
        module=lambda alpha=1.0: nn.ELU(alpha),
        torch="torch.nn.ELU",
        source="clevert2016fast",
        chapter=4,
    )
)
_selu_alpha = NamedConstant(r"\alpha", "1.6732632423543772848170429916717")
_selu_lambda = NamedConstant(r"\lambda", "1.0507009873554804934193349852946")
_add(
    Activation(
        key="selu",
        name="SELU",
        family="rectified",
        expr=_cases(
            (_selu_lambda * x, x > 0),
            (_selu_lambda * _selu_alpha * (sympy.exp(x) - 1), True),
        ),
        module=nn.SELU,
        torch="torch.nn.SELU",
        source="klambauer2017self",
        chapter=4,
    )
)
_add(
    Activation(
        key="softplus",
        name="Softplus",
        family="rectified",
        expr=Softplus(_beta * x) / _beta,
        params={"beta": Param(1.0, 0.1, 10.0)},
        module=lambda beta=1.0: nn.Softplus(beta),
        torch="torch.nn.Softplus",
        source="dugas2001incorporating",
        chapter=4,
    )
)
_add(
    Activation(
        key="rrelu",
        name="RReLU",
        family="rectified",
        expr=_cases((x, x > 0), ((_lower + _upper) / 2 * x, True)),
        params={
            "lower": Param(0.125, 0.0, 1.0),
            "upper": Param(1 / 3, 0.0, 1.0),
        },
        # In evaluation, where it is a function; in training the slopes are drawn.
        module=lambda lower=0.125, upper=1 / 3: nn.RReLU(lower, upper).eval(),
        torch="torch.nn.RReLU",
        source="xu2015empirical",
        chapter=4,
        aliases=("randomized leaky relu",),
    )
)
_add(
    Activation(
        key="celu",
        name="CELU",
        family="rectified",
        expr=_cases((x, x > 0), (_alpha * (sympy.exp(x / _alpha) - 1), True)),
        params={"alpha": Param(1.0, 0.1, 3.0)},
        module=lambda alpha=1.0: nn.CELU(alpha),
        torch="torch.nn.CELU",
        source="barron2017continuously",
        chapter=4,
    )
)
_add(
    Activation(
        key="relu6",
        name="ReLU6",
        family="rectified",
        expr=_cases((0, x <= 0), (6, x >= 6), (x, True)),
        module=nn.ReLU6,
        torch="torch.nn.ReLU6",
        source="krizhevsky2010convolutional",
        chapter=4,
    )
)
_add(
    Activation(
        key="abs",
        name="Absolute value",
        family="rectified",
        expr=sympy.Abs(x),
        module=activations.Absolute,
        torch="torch.abs",
        source="jarrett2009best",
        chapter=4,
        aliases=("absolute",),
    )
)
_add(
    Activation(
        key="relu2",
        name="Squared ReLU",
        family="rectified",
        expr=_cases((x**2, x > 0), (0, True)),
        module=activations.SquaredReLU,
        source="so2021primer",
        chapter=4,
        aliases=("relu squared", "ReLU²"),
    )
)
_add(
    Activation(
        key="nipuna",
        name="NIPUNA",
        family="rectified",
        expr=_cases((x, x > 0), (x * Sigmoid(_beta * x), True)),
        params={"beta": Param(1.0, 0.0, 10.0)},
        module=activations.NIPUNA,
        source="madhu2023nipuna",
        chapter=4,
    )
)
_alpha_p, _alpha_n = sympy.symbols("alpha_p alpha_n", real=True)
_add(
    Activation(
        key="xielu",
        name="xIELU",
        family="rectified",
        expr=_cases(
            (_alpha_p * x**2 + x / 2, x > 0),
            (_alpha_n * (sympy.exp(x) - 1 - x) + x / 2, True),
        ),
        params={
            "alpha_p": Param(0.8, 0.1, 3.0, trainable=True),
            "alpha_n": Param(0.8, 0.51, 3.0, trainable=True),
        },
        module=activations.XIELU,
        source="huang2024deriving",
        chapter=4,
    )
)


def _crelu(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return np.concatenate([np.maximum(values, 0), np.maximum(-values, 0)], axis=-1)


_add(
    Activation(
        key="crelu",
        name="CReLU",
        family="rectified",
        expr=None,
        module=activations.CReLU,
        source="shang2016understanding",
        chapter=4,
        kind="vector",
        reference=_crelu,
        vector_latex=r"(\max(0, x),\, \max(0, -x))",
    )
)
_add(
    Activation(
        key="gelu",
        name="GELU",
        family="smooth",
        expr=x * NormalCDF(x),
        module=nn.GELU,
        torch="torch.nn.GELU",
        source="hendrycks2016gaussian",
        chapter=5,
    )
)
_root = NamedConstant(
    r"\sqrt{2/\pi}", "0.79788456080286535587989211986876373695171726232987"
)
_cubic = sympy.Rational("0.044715")
_add(
    Activation(
        key="gelu_tanh",
        name="GELU (tanh form)",
        family="smooth",
        expr=_half * x * (1 + sympy.tanh(_root * (x + _cubic * x**3))),
        module=lambda: nn.GELU(approximate="tanh"),
        torch="torch.nn.GELU",
        source="hendrycks2016gaussian",
        chapter=5,
        aliases=("gelu_new", "gelu_pytorch_tanh"),
    )
)
_add(
    Activation(
        key="quick_gelu",
        name="QuickGELU",
        family="smooth",
        expr=x * Sigmoid(sympy.Rational("1.702") * x),
        module=activations.QuickGELU,
        source="hendrycks2016gaussian",
        chapter=5,
        aliases=("GELU (sigmoid form)", "gelu_sigmoid"),
    )
)
_add(
    Activation(
        key="swish",
        name="Swish",
        family="smooth",
        expr=x * Sigmoid(_beta * x),
        params={"beta": Param(1.0, 0.0, 10.0)},
        module=activations.Swish,
        torch="torch.nn.SiLU",
        source="ramachandran2017searching",
        chapter=5,
        aliases=("silu", "swish-1"),
    )
)
_add(
    Activation(
        key="hardswish",
        name="Hardswish",
        family="smooth",
        expr=_cases((0, x <= -3), (x, x >= 3), (x * (x + 3) / 6, True)),
        module=nn.Hardswish,
        torch="torch.nn.Hardswish",
        source="howard2019searching",
        chapter=5,
    )
)
_add(
    Activation(
        key="mish",
        name="Mish",
        family="smooth",
        expr=x * sympy.tanh(Softplus(x)),
        module=nn.Mish,
        torch="torch.nn.Mish",
        source="misra2020mish",
        chapter=5,
    )
)
_add(
    Activation(
        key="telu",
        name="TeLU",
        family="smooth",
        expr=x * sympy.tanh(sympy.exp(x)),
        module=activations.TeLU,
        source="fernandez2024telu",
        chapter=5,
    )
)


def _glu(values: np.ndarray) -> np.ndarray:
    halves = np.split(np.asarray(values, dtype=np.float64), 2, axis=-1)
    return halves[0] * formulas.numpy_function(Sigmoid(x))(halves[1])


def _softmax(values: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64) / temperature
    weights = np.exp(values - values.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _log_softmax(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    shifted = values - values.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _softmin(values: np.ndarray) -> np.ndarray:
    return _softmax(-np.asarray(values, dtype=np.float64))


def _entmax(values: np.ndarray, alpha: float = 1.5) -> np.ndarray:
    """α-entmax from its definition, the threshold by halving an interval."""
    if alpha == 1:
        return _softmax(values)
    values = np.asarray(values, dtype=np.float64)
    height = (alpha - 1) * (values - values.max(axis=-1, keepdims=True))
    low, high = np.full_like(height[..., :1], -1.0), np.zeros_like(height[..., :1])
    for _ in range(100):
        middle = (low + high) / 2
        weights = np.maximum(height - middle, 0) ** (1 / (alpha - 1))
        enough = weights.sum(axis=-1, keepdims=True) > 1
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.maximum(height - low, 0) ** (1 / (alpha - 1))


def _sparsemax(values: np.ndarray) -> np.ndarray:
    return _entmax(values, 2.0)


_add(
    Activation(
        key="glu",
        name="GLU",
        family="gated",
        expr=None,
        module=nn.GLU,
        torch="torch.nn.GLU",
        source="dauphin2017language",
        chapter=7,
        kind="vector",
        reference=_glu,
        vector_latex=r"a \odot \sigma(c), \quad (a, c) = \text{the halves of } x",
    )
)
_add(
    Activation(
        key="prelu",
        name="PReLU",
        family="trainable",
        expr=_cases((x, x > 0), (_a * x, True)),
        params={"a": Param(0.25, -0.5, 2.5, trainable=True)},
        module=lambda a=0.25: nn.PReLU(init=a),
        torch="torch.nn.PReLU",
        source="he2015delving",
        chapter=8,
    )
)
_add(
    Activation(
        key="softmax",
        name="Softmax",
        family="output",
        expr=None,
        params={"temperature": Param(1.0, 0.1, 10.0)},
        module=activations.TemperatureSoftmax,
        torch="torch.nn.Softmax",
        source="bridle1990probabilistic",
        chapter=6,
        kind="vector",
        reference=_softmax,
        vector_latex=r"\frac{e^{x_i/T}}{\sum_j e^{x_j/T}}",
    )
)
_add(
    Activation(
        key="log_softmax",
        name="LogSoftmax",
        family="output",
        expr=None,
        module=lambda: nn.LogSoftmax(dim=-1),
        torch="torch.nn.LogSoftmax",
        chapter=6,
        kind="vector",
        reference=_log_softmax,
        vector_latex=r"x_i - \ln \sum_j e^{x_j}",
    )
)
_add(
    Activation(
        key="softmin",
        name="Softmin",
        family="output",
        expr=None,
        module=lambda: nn.Softmin(dim=-1),
        torch="torch.nn.Softmin",
        chapter=6,
        kind="vector",
        reference=_softmin,
        vector_latex=r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}",
    )
)
_add(
    Activation(
        key="sparsemax",
        name="Sparsemax",
        family="output",
        expr=None,
        module=activations.Sparsemax,
        source="martins2016softmax",
        chapter=6,
        kind="vector",
        reference=_sparsemax,
        vector_latex=r"\max(x_i - \tau, 0), \quad \tau \text{ so that the sum is } 1",
    )
)
_add(
    Activation(
        key="entmax",
        name="Entmax",
        family="output",
        expr=None,
        params={"alpha": Param(1.5, 1.0, 2.0)},
        module=activations.Entmax,
        source="peters2019sparse",
        chapter=6,
        kind="vector",
        reference=_entmax,
        aliases=("entmax15", "alpha-entmax"),
        vector_latex=r"\max((\alpha - 1)\,x_i - \tau, 0)^{1/(\alpha - 1)}, "
        r"\quad \tau \text{ so that the sum is } 1",
    )
)


def _close_names(name: str) -> list[str]:
    """Return the known names nearly as close to ``name`` as the closest is."""

    def ratio(known: str) -> float:
        return difflib.SequenceMatcher(None, name[:80], known).ratio()

    close = sorted(_NAMES, key=ratio, reverse=True)[:3]
    return [known for known in close if ratio(known) > max(0.6, ratio(close[0]) - 0.1)]


def get(key: str) -> Activation:
    """Return the function called ``key``, ignoring case, hyphens and underscores.

    Raises `UnknownActivationError` (a `KeyError`) that names the closest keys.
    """
    found = _NAMES.get(_plain(key)) if isinstance(key, str) else None
    if found is not None:
        return CATALOGUE[found]
    if not isinstance(key, str):
        raise UnknownActivationError(
            f"an activation's name is a string such as 'relu', not {key!r}"
        )
    close = _close_names(_plain(key))
    keys = list(dict.fromkeys(_NAMES[name] for name in close))
    if keys:
        hint = f"did you mean {' or '.join(repr(name) for name in keys)}?"
    else:
        hint = f"known: {', '.join(CATALOGUE)}"
    shown = key if len(key) <= 40 else key[:37] + "..."
    raise UnknownActivationError(f"unknown activation {shown!r}; {hint}")


def family(name: str) -> list[Activation]:
    """Return the rows of one of `FAMILIES`, in the catalogue's order.

    Raises `UnknownActivationError` for any other name.
    """
    if name not in FAMILIES:
        raise UnknownActivationError(
            f"unknown family {name!r}; there are {', '.join(FAMILIES)}"
        )
    return [row for row in CATALOGUE.values() if row.family == name]
