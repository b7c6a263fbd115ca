"""Exercises and predictions of chapter 11, curvature.

Exercise 11.0 is the self-check at the top of the chapter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..exercises.model import Choice, Code, Number, Page, Prediction, slips
from ..exercises.report import Report

# --- 11.3 ---------------------------------------------------------------------------


VALLEY = "the loss Σ(wᵢwᵢ₊₁ − 1)² + Σwᵢ⁴"


def losses(variant: int | None) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Losses whose Hessian is neither diagonal nor constant, by name."""
    scale = 1.0 if variant is None else 1 + 0.1 * (variant % 7)

    def valley(w: torch.Tensor) -> torch.Tensor:
        return (scale * w[:-1] * w[1:] - 1).square().sum() + (w**4).sum()

    def logistic(w: torch.Tensor) -> torch.Tensor:
        places = torch.linspace(-1, 1, 12 * len(w), dtype=w.dtype).reshape(12, len(w))
        return torch.nn.functional.softplus(torch.sin(3 * places) @ w).sum() * scale

    return {VALLEY: valley, "a logistic loss": logistic}


PRODUCT = """def product(loss, w, v):
    w = w.detach().requires_grad_()
    g, = torch.autograd.grad(loss(w), w, create_graph=True)
    return torch.autograd.grad(g @ v, w)[0]"""


class Work(TorchDispatchMode):
    """Counts the operations that PyTorch does, and the largest tensor of them."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Do what was asked for, and note it."""
        out = func(*args, **(kwargs or {}))
        self.operations += 1
        if isinstance(out, torch.Tensor):
            self.largest = max(self.largest, out.numel())
        return out


def work_of(answer: Callable, size: int, report: Report) -> Work:
    """What the reader's function does for so many weights."""
    w = torch.linspace(-1, 1, size, dtype=torch.float64)
    work = Work()

    def watched(w: torch.Tensor) -> torch.Tensor:
        with work:
            return answer(losses(None)[VALLEY], w, w.flip(0))

    report.call(watched, w, at=f"on {size} weights")
    return work


def check_work(answer: Callable, report: Report) -> None:
    """Two backward passes whatever the size, and nothing as large as H."""
    few, many = 12, 120
    little, much = (work_of(answer, size, report) for size in (few, many))
    report.expect(
        much.largest < many**2,
        f"the product is right, and a tensor of {many} × {many} numbers was made on "
        "the way: that is H. For a million weights it would not fit. Differentiate "
        "the number ∇L · v instead.",
    )
    # a loop that adds up ∇L · v takes a few for each weight, a backward pass takes 30
    report.expect(
        much.operations - little.operations < 16 * (many - few),
        f"the product is right; with {many // few} times as many weights it took "
        f"{much.operations / little.operations:.0f} times as many operations. That is "
        "H row by row. Two backward passes do: differentiate the number ∇L · v.",
    )


def grade_product(answer: Callable, variant: int | None, report: Report) -> None:
    """11.3: Hv for two losses and several lengths, against the exact Hessian."""
    report.function(answer)
    for size in (2, 5, 9):
        w = report.draw(size, -1.5, 1.5, salt=f"w{size}").double()
        v = report.draw(size, -1, 1, salt=f"v{size}").double()
        for name, loss in losses(variant).items():
            at = f"on {name}, {size} weights"
            hessian = torch.autograd.functional.hessian(loss, w)
            got = report.call(answer, loss, w, v, at=at)
            if isinstance(got, torch.Tensor) and got.dim() == 0:
                report.fail(
                    f"{at}: a number came back. If it is ∇L · v: Hv is its gradient "
                    "with respect to w."
                )
            got = report.tensor(got, w.shape, at).double()
            wanted = hessian @ v
            if torch.allclose(got, wanted, rtol=1e-5, atol=1e-7):
                report.cases += size
                continue
            why = report.mistake(
                got,
                loss,
                w,
                v,
                atol=1e-6,
                otherwise="Hv is the gradient of the number ∇L · v.",
            )
            first = int((got - wanted).abs().argmax())
            report.fail(
                f"{at}: entry {first}: expected {wanted[first].item():.4g}, got "
                f"{got[first].item():.4g}. {why}"
            )
    check_digits(answer, report)
    check_work(answer, report)


def check_digits(answer: Callable, report: Report) -> None:
    """In float32 a difference of two gradients is seen."""
    loss = losses(None)[VALLEY]
    w, v = report.draw(6, -1.5, 1.5, salt="w"), report.draw(6, -1, 1, salt="v")
    at = "on 6 weights in float32"
    got = report.tensor(report.call(answer, loss, w, v, at=at), w.shape, at).double()
    wanted = torch.autograd.functional.hessian(loss, w.double()) @ v.double()
    worst = int((got - wanted).abs().argmax())
    report.expect(
        torch.allclose(got, wanted, rtol=1e-4, atol=1e-4),
        f"{at}: entry {worst}: expected {wanted[worst].item():.5g}, got "
        f"{got[worst].item():.5g}. In float64 it was right: a difference of nearly "
        "equal numbers, as of two gradients, loses digits. Differentiate instead.",
    )


# --- 11.6 ---------------------------------------------------------------------------


SCALE = "Divide by the filter's own length, then multiply by the weight's."
FLATTEN = "A filter of a kernel is everything behind the first axis: flatten it."


def lengths(tensor: torch.Tensor) -> torch.Tensor:
    """Length of each filter, (filters,)."""
    return tensor.flatten(1).norm(dim=1)


def grade_normalised(answer: Callable, variant: int | None, report: Report) -> None:
    """11.6: filters get the lengths of the weight's, for matrices and kernels."""
    report.function(answer)
    shapes = ((3, 5), (4, 4), (2, 3, 2, 2), (5, 1, 3, 3))
    # the first shape once more, with other numbers
    for shape, again in (*((shape, "") for shape in shapes), (shapes[0], " again")):
        kind = "a matrix" if len(shape) == 2 else "a kernel"
        at = f"on {kind} of shape {shape}"
        count = torch.Size(shape).numel()
        direction = report.draw(count, -1, 1, salt=f"d{shape}{again}").reshape(shape)
        weight = report.draw(count, -2, 2, salt=f"w{shape}").reshape(shape)
        weight = weight * torch.arange(1.0, shape[0] + 1).reshape(
            -1, *[1] * (len(shape) - 1)
        )
        ratio = lengths(weight) / lengths(direction)
        wanted = direction * ratio.reshape(-1, *[1] * (len(shape) - 1))
        got = report.call(answer, direction, weight, at=at)
        got = report.tensor(got, shape, at).float()
        if torch.allclose(got, wanted, rtol=1e-4, atol=1e-6):
            report.cases += shape[0]
            continue
        found = lengths(got)
        why = report.mistake(got, direction, weight, rtol=1e-5, atol=1e-6)
        if torch.allclose(found, lengths(weight), rtol=1e-4):
            why = why or (
                "A filter of `direction` takes one factor; its entries keep their "
                "proportions."
            )
            report.fail(f"{at}: the lengths are right, the directions are not. {why}")
        why = why or (SCALE if len(shape) == 2 else FLATTEN)
        place = int((found - lengths(weight)).abs().argmax())
        report.fail(
            f"{at}: filter {place} has length {found[place].item():.4g}, that of the "
            f"weight {lengths(weight)[place].item():.4g}. {why}"
        )


# --- pages --------------------------------------------------------------------------


def page_11_1(a: float = 0.5) -> Page:
    """Exercise 11.1 for one place a = b."""
    p, q = 2 * a * a, 4 * a * a - 2
    high, low = max(p + q, p - q), min(p + q, p - q)
    without = 2 * a * a  # the mixed derivative if the residual is left out
    return Page(
        id="11.1",
        title="Two weights",
        kind="compute",
        stars=1,
        outcome=1,
        task=f"L = (ab − 1)² at a = b = {a:g}. The two eigenvalues of the Hessian?",
        parts=[
            Number("high", label="the larger", answer=high),
            Number("low", label="the smaller", answer=low),
        ],
        right="One direction bends up, one bends down: not a convex place.",
        wrong={
            f"high = {p + without}, low = {p - without}": "You left out 2(ab − 1) in the mixed derivative. It is what still bends the surface down.",
            f"high = {p}, low = {p}": "Those are the diagonal entries. The mixed derivative moves the eigenvalues apart.",
            f"low = {abs(low)}": "The size is right. Mind the sign: along (1, 1) the surface bends down.",
            "high = 1.98, low = -1.94": "Those belong to the worked example, a = b = 0.1.",
        },
        numbers_for=lambda variant: page_11_1((0.2, 0.3, 0.4, 0.25)[variant % 4]),
    )


def page_11_2(size: float = 12.0, length: float = 2.0, factor: float = 5.0) -> Page:
    """Exercise 11.2 for one Hessian, gradient and factor."""
    before = size / length**2
    return Page(
        id="11.2",
        title="Another currency",
        kind="compute",
        stars=1,
        outcome=2,
        task=f"‖H‖ = {size:g} and ‖∇L‖ = {length:g}. ξ of (11.3)? And after the loss has been multiplied by {factor:g}?",
        parts=[
            Number("before", label="ξ", answer=before),
            Number("after", label="ξ of the larger loss", answer=before / factor),
        ],
        right="The index has the unit 1/loss: in another unit it is another number.",
        wrong={
            f"before = {size / length}": "The gradient enters with its square.",
            f"after = {before}": "Above and below the line the loss enters unequally: H once, the gradient squared.",
            f"after = {before * factor}": "The Hessian grows with the loss, and the square of the gradient grows more.",
            f"after = {before / factor**2}": "You let the gradient grow and forgot that the Hessian grows as well.",
        },
        numbers_for=lambda variant: page_11_2(
            (20.0, 18.0, 50.0, 8.0)[variant % 4], (2.0, 3.0, 5.0, 4.0)[variant % 4], 4.0
        ),
    )


def page_11_4(lowest: float = 0.02, slope: float = -0.5) -> Page:
    """Exercise 11.4 for one smallest eigenvalue and one slope."""
    return Page(
        id="11.4",
        title="How much does a leak cost?",
        kind="derive",
        stars=2,
        outcome=3,
        task=f"A ReLU network with one wide hidden layer has λ_min = {lowest:g}. (a) With slope {slope:g} for negative inputs? (b) Which positive slope halves it? Two decimals for (b).",
        parts=[
            Number(
                "lowest",
                label="(a) λ_min",
                answer=(1 - slope) ** 2 * lowest,
                tolerance=0.02,
                relative=True,
            ),
            Number(
                "slope",
                label="(b) slope",
                answer=1 - 0.5**0.5,
                tolerance=0.006,
            ),
        ],
        right="It goes with (1 − α)²: the straighter the function, the smaller.",
        wrong={
            f"lowest = {(1 - slope) * lowest}": "(a) A kernel multiplies two slopes, so the factor of |z| counts twice: square it.",
            f"lowest = {(1 + slope) ** 2 * lowest}": "(a) 1 + α in place of 1 − α: a sign, or the factor of the straight part, (1 + α)/2. The smallest eigenvalue lives where the straight part is 0.",
            f"lowest = {abs(slope)}": "(a) That would be λ_min ≥ |α|, the sentence that the figure refutes.",
            f"lowest = {lowest}": "(a) It does change: the even part of the function grows.",
            "slope = 0.5": "(b) There it is a quarter: (1 − ½)² = ¼.",
            "slope = 0.7071": "(b) That is 1 − α. Solve for α.",
            "slope = -0.4142": "(b) That slope doubles it. Halving takes a positive one.",
        },
        also={
            f"slope = {1 + 0.5**0.5}": "It goes with (1 − α)², and 1 − 1.71 = −√½ halves it as 0.29 does. A slope below 1 is what is meant by a leak."
        },
        numbers_for=lambda variant: page_11_4(
            (0.03, 0.012, 0.008, 0.05)[variant % 4],
            (-0.25, -0.75, -0.2, -0.6)[variant % 4],
        ),
    )


def page_11_7(lr: float = 0.05, factor: float = 10.0) -> Page:
    """Exercise 11.7 for one step size and one factor of the loss."""
    edge = 2 / lr
    return Page(
        id="11.7",
        title="Where momentum breaks",
        kind="derive",
        stars=3,
        outcome=1,
        task=f"Step size {lr:g} on a parabola. Largest λ (a) for gradient descent, (b) with momentum 0.9, (c) plain, when the loss is multiplied by {factor:g}, as λ of the original loss?",
        parts=[
            Number("plain", label="(a) plain", answer=edge, tolerance=0.2),
            Number("momentum", label="(b) momentum", answer=1.9 * edge, tolerance=0.4),
            Number("scaled", label="(c) loss × 10", answer=edge / factor),
        ],
        right="2/η, 2(1 + 0.9)/η, and a tenth: sharpness has the unit of the loss.",
        wrong={
            f"plain = {1 / lr}": "(a) There one step lands exactly on the bottom. It may overshoot, up to the same distance on the other side.",
            f"momentum = {edge}": "(b) The second term pulls along and the edge moves. Put w = rᵏ in.",
            f"momentum = {edge / 0.1}": "(b) You divided by 1 − 0.9. Along a steady slope steps are ten times as long; here the path turns round at each step.",
            f"momentum = {edge * 0.1}": "(b) As if the step were ten times as long. On a zig-zag the momentum points the other way at each step, and brakes.",
            f"scaled = {edge}": "(c) The curvature is multiplied by ten as well.",
            f"scaled = {edge * factor}": "(c) The other way: a steeper loss reaches the edge sooner.",
        },
        numbers_for=lambda variant: page_11_7((0.1, 0.2, 0.02, 0.04)[variant % 4]),
    )


EXERCISES = [
    Page(
        id="11.0",
        title="Ready?",
        kind="compute",
        stars=0,
        outcome=2,
        parts=[
            Number(
                "scale",
                label="ReLU layer in × 4, out ÷ 4: the output is multiplied by",
                answer=1,
            ),
            Number(
                "path",
                label="L = 3w², step size 0.1, w = 1: where does one step lead?",
                answer=0.4,
            ),
            Choice(
                "kink",
                label="The second derivative of ReLU, as autograd sees it",
                options=[
                    "0 everywhere",
                    "1 for positive inputs",
                    "infinite at 0, and autograd returns inf there",
                ],
                answer=0,
            ),
        ],
        right="You have what this chapter needs.",
        wrong={
            "scale = 4": "relu(4z) = 4 relu(z), and the next layer takes the 4 away again. See the first link above.",
            "scale = 16": "One factor is multiplied, the other divided. See the first link above.",
            "path = 0.7": "The slope of 3w² is 6w, not 3w. See the second link above.",
            "path = -0.2": "You subtracted twice the slope. One step goes 0.1 · 6. See the second link above.",
            "kink = 1": "That is its first derivative. It is constant there. See the third link above.",
            "kink = 2": "Autograd differentiates the formula that ran, and that is a straight line. See the third link above.",
        },
    ),
    page_11_1(),
    page_11_2(),
    Code(
        id="11.3",
        title="One product, no matrix",
        kind="code",
        stars=2,
        outcome=1,
        grade=grade_product,
        right="Two backward passes, whatever the size.",
        wrong=slips(
            PRODUCT,
            {
                "return torch.autograd.grad(g.sum(), w)[0]": "That is H times a vector of ones: v has to come in before the second derivative.",
                "return g * v": "Gradient times v, entry by entry, has no second derivative in it.",
                "return torch.autograd.functional.hessian(loss, w).diagonal() * v": "That is the diagonal of H alone. The mixed derivatives count too.",
                "return torch.autograd.functional.jacobian(loss, w + v) - g": "A difference of gradients over a whole step: right for parabolas only. Differentiate instead.",
                "return torch.autograd.functional.hessian(loss, w) @ v": "that is H",
                "return torch.stack([torch.autograd.grad(part, w, retain_graph=True)[0] @ v for part in g])": "That is H row by row",
                "return g @ v": "Hv is its gradient",
                "return (g @ v) * g": "That is the gradient times its own product with v; no second derivative was taken.",
            },
        ),
    ),
    page_11_4(),
    Page(
        id="11.5",
        title="A wider valley",
        kind="read evidence",
        stars=2,
        outcome=2,
        parts=[
            Choice(
                "sentence",
                label="The one sentence that this allows",
                options=[
                    "GELU leads to flatter minima than ReLU.",
                    "The GELU network will generalise better.",
                    "In proportion to its weights, a step is three times smaller in the GELU network; the slices have to be normalised before they can be compared.",
                    "The ReLU network has not reached a minimum yet.",
                    "After normalisation both valleys will be equally wide.",
                ],
                answer=2,
            )
        ],
        right="The widths differ by the factor by which the weights do.",
        wrong={
            "sentence = 0": "Multiply a layer of a ReLU network and divide the next one: the valley changes its width, and the function stays.",
            "sentence = 1": "The post says that the accuracies are the same; the picture says nothing about test data.",
            "sentence = 3": "A narrow valley has a bottom too. Nothing here speaks of gradients.",
            "sentence = 4": "Plausible, since both factors are three. It takes the measurement.",
        },
    ),
    Code(
        id="11.6",
        title="Repair the direction",
        kind="debug",
        stars=2,
        outcome=2,
        grade=grade_normalised,
        right="Each filter moves in proportion to its own weights.",
        wrong={
            "lambda direction, weight: weight.clone()": "The lengths are right and the direction is not the one given.",
            "lambda direction, weight: direction / direction.norm(dim=1, keepdim=True)": "Every filter has length 1: the factor ‖w‖ is missing.",
            "lambda direction, weight: -direction * (weight.flatten(1).norm(dim=1) / direction.flatten(1).norm(dim=1)).view(-1, *[1] * (weight.dim() - 1))": "the directions are not",
            "lambda direction, weight: direction * weight.norm() / direction.norm()": "One factor for the whole layer; each filter has a length of its own.",
            "lambda direction, weight: direction / direction.norm(dim=0, keepdim=True) * weight.norm(dim=0, keepdim=True)": "Columns have the right length. A filter is a row: what goes into one unit.",
            "lambda direction, weight: direction / direction.norm(dim=1, keepdim=True) * weight.norm(dim=1, keepdim=True)": FLATTEN,
        },
    ),
    page_11_7(),
]

PREDICTIONS = [
    Prediction(
        id="11.A",
        question="Gradient descent with step size 1 on the digits, 300 steps, networks with ReLU, GELU, Mish and tanh. How do the largest eigenvalues of their Hessians compare in the end?",
        part=Choice(
            "end",
            label="In the end",
            options=[
                "they fall towards 0, as the loss does",
                "each goes its own way; the smooth functions end flatter",
                "they all end near the same value, 2 over the step size",
                "they grow without bound",
            ],
            answer=2,
        ),
        textbook=1,
        textbook_label="“Smooth activations have smoother landscapes”",
        because={
            "A round corner has smaller second derivatives than a sharp one.": "As a curve. The Hessian is that of the loss, over the weights.",
            "Where the loss is small, everything about it is small.": "The residuals are. G, the rest of H, does not contain them and need not fall.",
            "A step can only live where it does not overshoot for ever.": "That sets the limit; and with this step training walks right up to it.",
        },
        source="the runs of the next cells, one seed, whole batch",
    ),
    Prediction(
        id="11.B",
        question="A trained ReLU network, and its twin with layer 1 times 10 and layer 2 divided by 10: same outputs, and the largest eigenvalue is 24 times as large. Along a random direction of length 1, how wide is the twin's valley?",
        part=Choice(
            "slice",
            label="The valley of the twin is",
            options=[
                "as wide: it is the same function",
                "about a fifth as wide",
                "about a twentieth as wide, as the eigenvalue says",
                "wider",
            ],
            answer=1,
        ),
        because={
            "The slice shows the loss, and the loss is the same.": "At the middle. One step away the two are different networks.",
            "The weights became larger, so a step matters less.": "In layer 1. In layer 2 they became smaller, and there a step matters ten times as much.",
            "The loss bends some twenty times as much, and a width goes with the root.": "Yes. A random direction meets the mean of all eigenvalues, which grew about as much as the largest, and a parabola's width is one over the root of its curvature.",
            "The largest eigenvalue is the curvature, and a valley is as narrow as its curvature is large.": "At a distance d a parabola is λd²/2 up: the width goes with one over the root of λ.",
        },
        source="the slices of the next cell, one network, one direction",
    ),
    Prediction(
        id="11.C",
        question="Twelve points, a wide network with one hidden layer. The slope of its leaky units goes from 0 (ReLU) to ½. What does the smallest eigenvalue of the tangent kernel do?",
        part=Choice(
            "eigenvalue",
            label="The smallest eigenvalue",
            options=[
                "rises to at least ½",
                "rises a little",
                "stays as it is",
                "falls to about a quarter",
            ],
            answer=3,
        ),
        textbook=0,
        textbook_label="“λ_min is at least α”",
        because={
            "With a leak no gradient is ever 0.": "True of a unit. The eigenvalue asks whether examples can be told apart.",
            "A leak makes the function more linear, and examples look more alike.": "Exactly; with slope 1 they cannot all be told apart.",
            "Half of the units are off anyway.": "It is the bend that counts, and a slope of ½ halves the bend.",
        },
        source="the kernels of the next cell, twenty draws",
    ),
    Prediction(
        id="11.D",
        question="A random recurrent network of tanh units. The gain g of its weights goes from 0.5 to 8. What does the Lyapunov exponent do?",
        part=Choice(
            "exponent",
            label="The exponent",
            options=[
                "is about 0.9 at every gain: it belongs to tanh",
                "is negative at every gain, since the slope of tanh is at most 1",
                "is negative for small gains, crosses 0 near 1, and grows",
                "is positive for small gains and falls as units saturate",
            ],
            answer=2,
        ),
        textbook=0,
        textbook_label="“The Lyapunov exponent of tanh is about 0.9”",
        because={
            "Slopes of at most 1 can only shrink a difference.": "Tanh shrinks it, and then the weights stretch it, by about g.",
            "Saturated units pass nothing on.": "Many saturate at a large gain; the few that do not pass on the more.",
            "Weights stretch, tanh shrinks, and the gain decides who wins.": "That is it; for very large networks they are even at g = 1.",
        },
        source="the simulation of the next cell, four draws for each of two sizes",
    ),
]
