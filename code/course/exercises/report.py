"""Judging Python answers: a `Report` that runs a reader's function safely.

A reader's function may raise anything, print a lot, change its input, return
nothing, or return a million rows. It gets clones, its output is swallowed, and
whatever happens becomes one sentence. The first failure ends the grading, so a
grader reads like a list of expectations:

    def grade_4_2(answer, variant, report):
        x = report.draw(50, -3, 3)
        report.compare(
            answer,
            lambda x, slope: torch.where(x > 0, x, slope * x),
            [(x, 0.1), (x, 1.5), (x, -0.3)],
            names=("x", "slope"),
        )

The typical wrong answers of the exercise's record run beside the reader's: an answer
that shares the outputs of one of them gets its reply.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import math
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NoReturn

import numpy as np
import torch

from .model import Wrong
from .state import restored

__all__ = [
    "Failed",
    "NotAttempted",
    "Report",
    "answer_from_source",
    "is_stub",
    "items",
    "listed",
    "show",
    "two_numbers",
]

LONGEST = 120  # characters of anything the reader made that go into a reply
LARGEST = 50_000_000  # elements of a returned tensor that are looked at
MOST = 10_000  # items that are taken from a returned iterator
# bound here, so that an answer that assigns to torch.isclose makes nothing right
_isclose, _allclose = torch.isclose, torch.allclose


class Failed(Exception):
    """The answer is wrong; the text is the reply."""


class NotAttempted(Exception):
    """The stub was left as it is."""


class Unready(Exception):
    """The answer cannot be judged as it stands, and is no try; the text says why."""


class _Sink(io.TextIOBase):
    """Takes whatever a reader's function prints, and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def show(value: Any) -> str:
    """A value in a few characters, whatever it is."""
    try:
        return _clip(_show(value))
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        return f"an object of type {type(value).__name__}"


def _show(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        if value.numel() == 1:
            return _show(value.item())
        if value.dim() == 1 and value.numel() <= 8:
            return "[" + ", ".join(_show(v) for v in value.tolist()) + "]"
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.4g}"
    if isinstance(value, (int, np.integer)):
        size: Any = abs(value)  # the two types share no order
        return str(value) if size < 10**12 else f"{float(value):.4g}"
    if isinstance(value, (str, list, tuple, dict, set)):
        return _clip(repr(value)) if len(value) <= 20 else _shape(value)
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    return _shape(value)


def two_numbers(expected: Any, got: Any) -> str:
    """Two numbers that differ, "1, got 2", with so many digits that one sees it."""
    if isinstance(expected, float) and isinstance(got, float):
        for digits in (4, 6, 9, 12, 17):
            texts = f"{expected:.{digits}g}", f"{got:.{digits}g}"
            if texts[0] != texts[1]:
                return f"{texts[0]}, got {texts[1]}"
    return f"{show(expected)}, got {show(got)}"


def _shape(value: Any) -> str:
    name = type(value).__name__
    return (
        f"a {name} of length {len(value)}" if hasattr(value, "__len__") else f"{name}"
    )


def _clip(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _clone(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return type(value)(_clone(item) for item in value)
    if isinstance(value, dict):
        return {key: _clone(item) for key, item in value.items()}
    return value


SPOILT = (
    "One thing beside the task: the function changes what it is given, and whoever "
    "called it finds other numbers there afterwards. Work on a copy."
)


def _changed(before: Any, after: Any) -> bool:
    """Whether a clone is no longer what it was made of: tensors, and lists of them."""
    for kind in (torch.Tensor, (list, tuple), dict):  # no types: a clone may be plainer
        if isinstance(before, kind) and not isinstance(after, kind):
            return True
    if isinstance(before, torch.Tensor):
        same = before.shape == after.shape and before.dtype == after.dtype
        return not (same and bool(((before == after) | (before != before)).all()))
    if isinstance(before, (list, tuple)):
        return len(before) != len(after) or any(map(_changed, before, after))
    if isinstance(before, dict):
        return list(before) != list(after) or _changed(
            [*before.values()], [*after.values()]
        )
    return isinstance(before, (int, float, str)) and before != after


@functools.cache
def answer_from_source(source: str) -> Any:
    """What a piece of code defines last, or the value of its last expression.

    The code sees `torch`, `nn`, `F`, `np` and `math`. For the course's own texts
    (wrong answers and solutions), never for a reader's input.
    """
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "np": np, "math": math}
    names["F"] = torch.nn.functional
    tree = ast.parse(source)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, "<answer>", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<answer>", "eval"), names)
    if isinstance(last, (ast.FunctionDef, ast.ClassDef)):
        return names[last.name]
    if isinstance(last, ast.Assign):
        target = last.targets[-1]
    else:
        assert isinstance(last, (ast.AnnAssign, ast.AugAssign)), "defines nothing last"
        target = last.target
    assert isinstance(target, ast.Name), "the answer has one name"
    return names[target.id]


def is_stub(function: Any) -> bool:
    """Whether a function was left as handed out: `...`, `return ...` or a docstring.

    A `name = ...` that was left shows when the function runs, see `Report.call`.
    """
    if isinstance(function, type):
        own = [m for m in vars(function).values() if hasattr(m, "__code__")]
        return any(is_stub(method) for method in own)
    if isinstance(function, torch.nn.Module):
        function = function.forward
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or code.co_code not in _EMPTY:
        return False
    # a text that is no docstring is what the function returns
    unwritten = (None, ..., getattr(function, "__doc__", None))
    return all(any(c is one for one in unwritten) for c in code.co_consts)


def _bare() -> None: ...


def _documented() -> None:
    """Nothing."""


_EMPTY = {function.__code__.co_code for function in (_bare, _documented)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Swallow output, and put back what a reader's function may have changed."""
    with (
        restored(draws=True),
        contextlib.redirect_stdout(_Sink()),
        contextlib.redirect_stderr(_Sink()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def plain(value: Any) -> Any:
    """A tensor without the methods of its own class, lists of them too; others as is.

    A subclass may answer every comparison with yes; its numbers are judged.
    """
    if isinstance(value, (tuple, list)) and len(value) < LONGEST:
        if not any(isinstance(item, torch.Tensor) for item in value):
            return value
        made = [plain(item) for item in value]
        return made if isinstance(value, list) else tuple(made)
    if not isinstance(value, torch.Tensor) or type(value) in (
        torch.Tensor,
        torch.nn.Parameter,
    ):
        return value
    if type(value).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise Failed(f"a plain tensor is expected, got a {type(value).__name__}.")
    with torch._C.DisableTorchFunctionSubclass():
        return value.as_subclass(torch.Tensor)


def listed(value: Any) -> Any:
    """A generator, map or zip as the list that it stands for, in a dictionary too.

    It runs the reader's code when it is read, so it is read where that is safe.
    """
    if isinstance(value, Iterator):
        return list(islice(value, MOST))
    if type(value) is dict and len(value) < LONGEST:
        return {key: listed(item) for key, item in value.items()}
    return value


def items(value: Any, count: int) -> list[Any] | None:
    """The items of a tuple, list, array or tensor; None if it has not so many."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        whole = value.ndim > 0 and len(value) == count
        return [value[at] for at in range(count)] if whole else None
    if isinstance(value, (tuple, list)) and len(value) == count:
        return list(value)
    return None


class Report:
    """What is known about one answer while it is graded.

    wrong: the exercise's typical wrong answers. cases: how many comparisons have
    agreed so far. Every method either returns or ends the grading with a reply.
    """

    def __init__(
        self,
        exercise: str,
        variant: int | None = None,
        wrong: Sequence[Wrong[str]] = (),
    ) -> None:
        self.exercise = exercise
        self.variant = variant
        self.wrong = wrong
        self.cases = 0
        self.remarks: list[str] = []  # what is worth saying of a right answer
        self._given: list[tuple[tuple, Any]] = []  # arguments and what came of them

    # -- ending ----------------------------------------------------------------

    def fail(self, text: str) -> NoReturn:
        """End the grading: the answer is wrong, and this is why."""
        raise Failed(text)

    def expect(self, condition: Any, text: str) -> None:
        """Fail with `text` unless the condition holds; counts as one case."""
        if not bool(condition):
            self.fail(text)
        self.cases += 1

    def remark(self, text: str) -> None:
        """Add a sentence to the reply, should the answer be right; none twice."""
        if text not in self.remarks:
            self.remarks.append(text)

    # -- typical wrong answers -------------------------------------------------

    @property
    def mistakes(self) -> list[tuple[Callable[..., Any], str]]:
        """The exercise's typical wrong answers as functions, each with its reply."""
        return [(answer_from_source(one.answer), one.reply) for one in self.wrong]

    def mistake(
        self,
        got: Any,
        *arguments: Any,
        by: Callable[[Callable[..., Any]], Any] | None = None,
        of: Callable[..., Any] | None = None,
        more: Iterable[tuple] = (),
        rtol: float = 1e-4,
        atol: float = 1e-4,
        otherwise: str = "",
    ) -> str:
        """The reply of the first typical wrong answer that gives what the reader got.

        got: numbers, of any shape. arguments: what the wrong functions are called
        with. by: (wrong function) -> its numbers, where a plain call is not enough.
        of, more: the reader's function, and further arguments for which it has to give
        what the slip gives; one number may agree by chance.
        rtol, atol: as in `torch.allclose`. otherwise: the reply if none fits.

        A slip that gives something else for earlier arguments was not made.
        """

        def alike(mine: Any, made: Any) -> bool:
            a, b = (torch.as_tensor(v, dtype=torch.float64) for v in (mine, made))
            return a.shape == b.shape and _allclose(a, b, rtol, atol, equal_nan=True)

        def fits(wrong: Callable[..., Any]) -> bool:
            if by:
                return alike(got, by(wrong))
            known = [pair for pair in self._given if len(pair[0]) == len(arguments)]
            known += [(case, of(*_clone(case))) for case in more if of]
            return alike(got, wrong(*_clone(arguments))) and all(
                alike(mine, wrong(*_clone(given))) for given, mine in known
            )

        return _first_reply(self.mistakes, fits) or otherwise

    # -- numbers to test with --------------------------------------------------

    def generator(self, salt: str = "") -> torch.Generator:
        """A random generator that depends on exercise, variant and salt only."""
        name = f"{self.exercise}/{self.variant}/{salt}"
        return torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def draw(
        self,
        *shape: int | float,
        dtype: torch.dtype = torch.float32,
        salt: str = "",
    ) -> torch.Tensor:
        """Even random numbers: `draw(50, -3, 3)`; the last two are the ends."""
        *size, low, high = shape
        drawn = torch.rand(
            [int(n) for n in size], generator=self.generator(salt), dtype=torch.float64
        )
        return (low + (high - low) * drawn).to(dtype)

    # -- the reader's function -------------------------------------------------

    def function(self, answer: Any, example: str = "") -> None:
        """Fail unless the answer is a function, and one that was written."""
        if not callable(answer):
            wanted = f", such as {example}" if example else ""
            self.fail(f"a function is expected{wanted}; got {show(answer)}.")
        if is_stub(answer):
            raise NotAttempted

    def call(self, function: Callable[..., Any], *arguments: Any, at: str = "") -> Any:
        """What the reader's function returns for clones of the arguments.

        Fails if it raises anything or returns None; `at` names the case. A `...` that
        comes back, or an error about one, is a `name = ...` that the reader has left.
        """
        if is_stub(function):
            raise NotAttempted
        given = [_clone(argument) for argument in arguments]
        at = at or self.where(arguments)
        try:
            with _quiet():
                got = plain(listed(function(*given)))
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except NotImplementedError:
            raise NotAttempted from None
        except Failed as failed:
            self.fail(f"{at}: {failed}")
        except BaseException as error:
            if "ellipsis" in _message(error):
                raise NotAttempted from None
            if type(error) is NameError and error.name:
                raise Unready(
                    f"`{_clip(error.name)}` is not defined in this kernel. Run the "
                    "cells above first, or correct the name."
                ) from None
            self.fail(f"{at}: raised {_name(error)}.")
        several = isinstance(got, (tuple, list)) and len(got) < LONGEST
        if got is ... or (several and any(one is ... for one in got)):
            raise NotAttempted
        if got is None:
            self.fail(f"{at}: returned None: is the return missing?")
        if any(map(_changed, arguments, given)):
            self.remark(SPOILT)
        self._given.append((arguments, got))
        return got

    def value_and_slope(
        self,
        function: Callable[..., Any],
        x: torch.Tensor,
        *others: Any,
        at: str,
        shape: Sequence[int] | None = None,
        lost: str = "",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the reader's function of x returns, and the gradient of its sum at x.

        others: further arguments. shape: of the value, if not that of x. lost: the
        reply if no gradient comes back to x.
        """
        leaf = x.detach().clone().requires_grad_()
        value = self.call(lambda: function(leaf, *_clone(others)), at=at)
        self.tensor(value, x.shape if shape is None else shape, at)
        slope = None
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value.sum(), leaf, allow_unused=True)
        if slope is None:
            self.fail(
                lost
                or f"{at}: no gradient comes back to x. Numbers taken out with .item() "
                "or .detach() leave the graph."
            )
        return value.detach(), slope

    def alone(
        self,
        function: Callable[..., Any],
        x: torch.Tensor,
        got: torch.Tensor,
        *,
        at: str,
        hint: str,
    ) -> None:
        """Fail if the value at one number depends on the others in the tensor.

        x, got: numbers, shape (n,), and what the function returned for them. at: words
        for the function. hint: what to do instead.
        """
        # not from the first on: what all of them share must differ from before
        places = torch.arange(500 % len(x), len(x), max(1, len(x) // 11))
        few = x[places]
        apart = self.tensor(self.call(function, few, at=at), few.shape, at)
        bad = ~_isclose(
            apart.double(), got[places].double(), 1e-4, 1e-5, equal_nan=True
        )
        if bad.any():
            place = float(few[int(bad.nonzero()[0])])
            self.fail(
                f"{at}: the value at x = {_plain(place)} depends on which other "
                f"numbers stand in the tensor. Each number is taken alone: {hint}"
            )
        self.cases += 1

    def learns(
        self, function: Callable[..., Any], *arguments: Any, names: Sequence[str]
    ) -> None:
        """Remark on a right function of which no gradient comes back to an argument.

        arguments: what it is called with; those that are floating-point tensors are
        asked for. An error counts as no gradient: NumPy takes no tensor that needs one.
        """
        leaves = [
            a.clone().requires_grad_()
            if isinstance(a, torch.Tensor) and a.is_floating_point()
            else _clone(a)
            for a in arguments
        ]
        asked = [isinstance(a, torch.Tensor) and a.requires_grad for a in leaves]
        wanted = [a for a, ask in zip(leaves, asked, strict=True) if ask]
        # not the leaves themselves, so that changes in place are no error
        given = [a * 1 if ask else a for a, ask in zip(leaves, asked, strict=True)]
        found: Sequence[Any] = [None] * len(wanted)
        with contextlib.suppress(Exception), _quiet():
            value = plain(listed(function(*given)))
            found = torch.autograd.grad(value.sum(), wanted, allow_unused=True)
        kept = iter(found)
        lost = [
            f"`{name}`"
            for name, ask in zip(names, asked, strict=True)
            if ask and next(kept) is None
        ]
        if lost:
            self.remark(
                f"One thing beside the task: no gradient comes back to "
                f"{' and '.join(lost)}, so in a network nothing would be learnt there. "
                "What is computed with torch alone keeps it."
            )

    def still_learns(self, layer: Any) -> None:
        """Fail if a layer's numbers were frozen on the way."""
        for name, parameter in layer.named_parameters():
            if not parameter.requires_grad:
                self.fail(
                    f"`{name}` has requires_grad=False now, so no training will move "
                    "it. Change its numbers, and nothing else."
                )

    def where(
        self,
        arguments: Sequence[Any],
        names: Sequence[str] = (),
        place: tuple[int, ...] | None = None,
        shape: torch.Size | None = None,
    ) -> str:
        """ "at x = 2.0, slope = 1.5": the case in words, one element of it if asked."""
        words = []
        for position, argument in enumerate(arguments):
            name = names[position] if position < len(names) else ""
            tensor = isinstance(argument, torch.Tensor)
            if tensor and place is not None and argument.shape == shape:
                text = _plain(argument[place].item())
            elif (
                tensor
                and argument.dim() > 0
                and not (argument.dim() == 1 and argument.numel() <= 4)
            ):
                name, text = "", f"{name or 'shape'} of shape {tuple(argument.shape)}"
                text = text.replace("shape of shape", "shape")
            elif isinstance(argument, float):
                text = _plain(argument)
            else:
                text = show(argument)
            words.append(f"{name} = {text}" if name else text)
        return "at " + ", ".join(words) if words else "called without arguments"

    # -- comparing -------------------------------------------------------------

    def compare(
        self,
        function: Callable[..., Any],
        oracle: Callable[..., Any],
        cases: Iterable[tuple],
        *,
        names: Sequence[str] = (),
        tolerance: float = 1e-5,
        mistakes: Sequence[tuple[Callable[..., Any], str]] | None = None,
        diagnose: Callable[[list, list], str | None] | None = None,
        where: Callable[..., str] | None = None,
    ) -> list:
        """Fail at the first case where the function and the oracle disagree.

        cases: tuples of arguments. names: of the arguments. tolerance: absolute plus
        relative. mistakes: (wrong function, reply), by default the exercise's typical
        wrong answers; the reply of the first one whose outputs the reader's share on
        all cases is added. diagnose: (outputs of the reader, expected outputs) ->
        reply or None, asked if no mistake fits; an output that could not be had is
        None. where: (arguments) -> words for a case, instead of "at x = 2.0". Returns
        the outputs.
        """
        self.function(function)
        cases = [case if isinstance(case, tuple) else (case,) for case in cases]
        expected = [oracle(*_clone(case)) for case in cases]
        outputs: list[Any] = []
        failure = ""
        for case, right in zip(cases, expected, strict=True):
            at = where(*case) if where else self.where(case, names)
            got = None
            try:
                got = self.call(function, *case, at=at)
                words = self._difference(case, names, right, got, tolerance, at, where)
            except Failed as stopped:
                words = str(stopped)
            outputs.append(got)
            failure = failure or words
        if failure:
            why = _first_reply(
                self.mistakes if mistakes is None else mistakes,
                lambda wrong: _shares(wrong, cases, outputs, tolerance),
            )
            if not why and diagnose is not None:
                with contextlib.suppress(Exception):  # must not hide the finding
                    why = diagnose(outputs, expected) or ""
            self.fail(f"{failure} {why}".strip())
        self.cases += sum(_elements(c, e) for c, e in zip(cases, expected, strict=True))
        return outputs

    def near(
        self,
        name: str,
        got: Any,
        expected: float,
        tolerance: float = 1e-3,
        *,
        mistakes: Sequence[tuple[float, str]] = (),
        close: float | None = None,
    ) -> float:
        """Fail unless a returned number lies within `tolerance` of the expected one.

        mistakes: (value, reply): the reply of the first value that lies within
        `close` (default: the tolerance) of what was got is added. Returns it.
        """
        value = self.number(got, name)
        if math.isfinite(value) and abs(value - expected) <= tolerance:
            self.cases += 1
            return value
        why = ""
        for wrong, reply in mistakes:
            if abs(value - wrong) <= (tolerance if close is None else close):
                why = reply
                break
        seen = f"{name}: expected {two_numbers(float(expected), value)}."
        self.fail(f"{seen} {why}".strip())

    def within(
        self, name: str, got: Any, low: float, high: float, why: str = ""
    ) -> float:
        """Fail unless a returned number lies between `low` and `high`; returns it."""
        value = self.number(got, name)
        if not low <= value <= high:
            self.fail(
                f"{name}: expected between {show(float(low))} and {show(float(high))}, "
                f"got {show(value)}. {why}".strip()
            )
        self.cases += 1
        return value

    def number(self, value: Any, name: str = "the answer") -> float:
        """The value as a float; fails with what was got if it is not one number."""
        if value is ... or (value is None and name == "the answer"):
            raise NotAttempted
        if value is None:
            self.fail(f"{name}: got None: is the return missing?")
        if isinstance(value, str):
            self.fail(f"{name}: a number is expected, got the text {show(value)}.")
        try:
            size = getattr(value, "numel", lambda: getattr(value, "size", 1))
            if (size() if callable(size) else size) != 1:
                self.fail(f"{name}: one number is expected, got {show(value)}.")
            return float(value.item() if hasattr(value, "item") else value)
        except (Failed, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException:
            self.fail(f"{name}: a number is expected, got {show(value)}.")

    def tensor(
        self,
        value: Any,
        shape: Sequence[int] | None = None,
        name: str = "the answer",
        complex_too: bool = False,
    ) -> torch.Tensor:
        """The value as a detached tensor of real numbers; fails if it is none.

        Fails for another shape as well. complex_too: complex numbers may be.
        """
        if value is None:
            self.fail(f"{name}: got None: is the return missing?")
        if not isinstance(value, torch.Tensor):
            self.fail(f"{name}: a tensor is expected, got {show(value)}.")
        if shape is not None and tuple(value.shape) != tuple(shape):
            self.fail(
                f"{name}: got shape {tuple(value.shape)}, expected {tuple(shape)}."
            )
        if value.numel() > LARGEST:
            self.fail(f"{name}: {value.numel():,} elements are far too many.")
        if value.is_complex() and not complex_too:
            self.fail(f"{name}: real numbers are expected, got {value.dtype}.")
        return plain(value).detach()

    def _difference(
        self,
        case: tuple,
        names: Sequence[str],
        right: Any,
        got: Any,
        tolerance: float,
        at: str,
        where: Callable[..., str] | None,
    ) -> str:
        """How one output differs from the expected one, in words; empty if not."""
        if isinstance(right, (tuple, list)):
            return self._tuple_difference(case, names, right, got, tolerance, at, where)
        if not isinstance(right, torch.Tensor):
            if isinstance(right, (bool, str)) and not isinstance(got, torch.Tensor):
                same = type(got) is type(right) and got == right
                return "" if same else f"{at}: expected {show(right)}, got {show(got)}."
            right = torch.as_tensor(right)
            got = torch.as_tensor(self.number(got, at), dtype=torch.float64)
        got = self.tensor(got, right.shape, at, complex_too=True)
        if got.is_complex() != right.is_complex():
            return f"{at}: expected {right.dtype}, got {got.dtype}."
        wide = torch.complex128 if right.is_complex() else torch.float64
        got, right = got.to(wide), right.detach().to(wide)
        bad = ~_isclose(got, right, tolerance, tolerance, equal_nan=True)
        if not bad.any():
            return ""
        place = tuple(bad.nonzero()[0].tolist())
        if not where and right.dim() > 0:
            at = self.where(case, names, place, right.shape)
            shared = any(getattr(c, "shape", None) == right.shape for c in case)
            if not shared:
                at += f", element {list(place)}"
        return f"{at}: expected {two_numbers(right[place].item(), got[place].item())}."

    def _tuple_difference(
        self,
        case: tuple,
        names: Sequence[str],
        right: Sequence[Any],
        got: Any,
        tolerance: float,
        at: str,
        where: Callable[..., str] | None,
    ) -> str:
        if isinstance(got, (torch.Tensor, np.ndarray)) and got.shape == (len(right),):
            got = got.tolist()  # numbers in a row, however they are held
        if not isinstance(got, (tuple, list)) or len(got) != len(right):
            return f"{at}: {len(right)} values are expected, got {show(got)}."
        for position, (r, g) in enumerate(zip(right, got, strict=True)):
            words = self._difference(case, names, r, g, tolerance, at, where)
            if words:
                return f"value {position + 1} of {len(right)}, {words}"
        return ""


def _first_reply(
    mistakes: Iterable[tuple[Callable[..., Any], str]], fits: Callable[..., bool]
) -> str:
    """The reply of the first mistake that fits; one that raises does not."""
    for wrong, reply in mistakes:
        with contextlib.suppress(Exception), _quiet():
            if fits(wrong):
                return reply
    return ""


def _shares(
    wrong: Callable[..., Any],
    cases: Sequence[tuple],
    outputs: Sequence[Any],
    tolerance: float,
) -> bool:
    """Whether the outputs are those of a wrong function (its errors included)."""
    judge = Report("")
    for case, output in zip(cases, outputs, strict=True):
        try:
            made = wrong(*_clone(case))
        except Exception:
            if output is not None:
                return False
            continue
        try:
            if output is None or judge._difference(
                case, (), made, output, tolerance, "", None
            ):
                return False
        except (Failed, NotAttempted):
            return False
    return True


def _elements(case: tuple, expected: Any) -> int:
    """How many cases one call stands for: its elements if it works on elements."""
    if not isinstance(expected, torch.Tensor):
        return 1
    shared = any(
        isinstance(argument, torch.Tensor) and argument.shape == expected.shape
        for argument in case
    )
    return max(1, expected.numel()) if shared else 1


def _plain(value: Any) -> str:
    """A number as one would type it: 2.0, -0.3, 1e-11."""
    if isinstance(value, float):
        text = f"{value:.4g}"
        bare = text.lstrip("-").isdigit()
        return text + ".0" if bare else text
    return show(value)


def _message(error: BaseException) -> str:
    """The text of an error, which may fail to have one."""
    try:
        return str(error)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:
        return ""


def _name(error: BaseException) -> str:
    text = _clip(_message(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
