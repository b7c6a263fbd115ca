"""Which activation to start with: a decision path as data, each arrow with its ground.

``ARROWS`` is the path, ``ADVICE`` the verdicts on advice that is often given,
``MODELS`` what published models use. All three name chapters, recorded studies and
sources, which tests look up; :func:`markdown` writes the tables of chapter 14 from
them. Chapter 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

__all__ = [
    "ADVICE",
    "ARROWS",
    "DOMAINS",
    "GROUNDS",
    "MODELS",
    "PLACES",
    "SOURCES",
    "Advice",
    "Arrow",
    "Model",
    "frame",
    "markdown",
    "path",
]

PLACES = {
    "hidden": "hidden layers of MLPs and convolutional networks",
    "transformer": "inside a transformer",
    "recurrent": "gates and recurrent states",
    "output": "outputs, by kind of target",
    "special": "signals, control, small devices and other special cases",
}
"""Where an activation can stand, in the order of the path."""

GROUNDS = {
    "derived": "it follows from what the place has to do",
    "measured": "a recorded study or a cell of this course",
    "published": "somebody else's comparison, not repeated here",
    "custom": "people do it; no comparison is known to us that decides",
}
"""What an arrow rests on, the firmest first."""

SOURCES = {
    "andrychowicz2021matters": ("Andrychowicz et al. 2021", "arxiv.org/abs/2006.05990"),
    "brock2021characterizing": ("Brock et al. 2021", "arxiv.org/abs/2101.08692"),
    "delfosse2024adaptive": ("Delfosse et al. 2024", "arxiv.org/abs/2102.09407"),
    "devlin2019bert": ("Devlin et al. 2019", "arxiv.org/abs/1810.04805"),
    "dosovitskiy2021image": ("Dosovitskiy et al. 2021", "arxiv.org/abs/2010.11929"),
    "gemini2024unlocking": ("Gemini 1.5 report", "arxiv.org/abs/2403.05530"),
    "gemma2024open": ("Gemma report", "arxiv.org/abs/2403.08295"),
    "gers2000learning": ("Gers et al. 2000", "doi.org/10.1162/089976600300015015"),
    "grattafiori2024llama": ("Llama 3 report", "arxiv.org/abs/2407.21783"),
    "he2015delving": ("He et al. 2015", "arxiv.org/abs/1502.01852"),
    "he2016deep": ("He et al. 2016", "arxiv.org/abs/1512.03385"),
    "hernandezcano2025apertus": ("Apertus report", "arxiv.org/abs/2509.14233"),
    "hochreiter1997long": (
        "Hochreiter & Schmidhuber 1997",
        "doi.org/10.1162/neco.1997.9.8.1735",
    ),
    "howard2019searching": ("Howard et al. 2019", "arxiv.org/abs/1905.02244"),
    "klambauer2017self": ("Klambauer et al. 2017", "arxiv.org/abs/1706.02515"),
    "liu2025training": ("Liu et al. 2025", "arxiv.org/abs/2408.14690"),
    "mirzadeh2024relu": ("Mirzadeh et al. 2024", "arxiv.org/abs/2310.04564"),
    "misra2020mish": ("Misra 2020", "arxiv.org/abs/1908.08681"),
    "narang2021transformer": ("Narang et al. 2021", "arxiv.org/abs/2102.11972"),
    "openai2025gptoss": ("gpt-oss model card", "arxiv.org/abs/2508.10925"),
    "parmar2024nemotron": ("Nemotron-4 report", "arxiv.org/abs/2402.16819"),
    "ramapuram2024theory": ("Ramapuram et al. 2024", "arxiv.org/abs/2409.04431"),
    "shazeer2020glu": ("Shazeer 2020", "arxiv.org/abs/2002.05202"),
    "sitzmann2020implicit": ("Sitzmann et al. 2020", "arxiv.org/abs/2006.09661"),
    "tan2019efficientnet": ("Tan & Le 2019", "arxiv.org/abs/1905.11946"),
    "tancik2020fourier": ("Tancik et al. 2020", "arxiv.org/abs/2006.10739"),
    "touvron2023llama": ("LLaMA", "arxiv.org/abs/2302.13971"),
    "touvron2023llama2": ("Llama 2", "arxiv.org/abs/2307.09288"),
    "xiao2018dynamical": ("Xiao et al. 2018", "arxiv.org/abs/1806.05393"),
    "zhang2022deep": ("Zhang et al. 2022", "arxiv.org/abs/2203.08120"),
    "zhang2024relu2": ("Zhang et al. 2024", "arxiv.org/abs/2402.03804"),
    "zhu2025transformers": ("Zhu et al. 2025", "arxiv.org/abs/2503.10622"),
    "ziyin2020neural": ("Ziyin et al. 2020", "arxiv.org/abs/2006.08195"),
}
"""Key of the bibliography: how it is called in a table, and its address."""

CHAPTERS = {
    1: "01-why-nonlinearity",
    2: "02-anatomy",
    3: "03-sigmoid-and-tanh",
    4: "04-relu-family",
    5: "05-smooth-self-gated",
    6: "06-softmax-and-the-output",
    7: "07-gated-units",
    8: "08-trainable",
    9: "09-gradient-flow",
    10: "10-dead-neurons",
    11: "11-curvature",
    12: "12-fair-comparison",
    13: "13-cost-and-precision",
    14: "14-choosing",
    15: "15-design-your-own",
}


@dataclass(frozen=True)
class Arrow:
    """One step of the path: in this situation start with this, for this reason.

    Parameters
    ----------
    name : short, unique.
    place : a key of ``PLACES``.
    situation, choice : the two ends of the arrow.
    ground : the firmest of ``GROUNDS`` that it has.
    because : the evidence in one sentence.
    keys : of the catalogue, for what is chosen; empty where nothing is applied.
    seen_in : (chapter, heading) where it was measured or derived.
    studies : recorded studies.
    sources : keys of ``SOURCES``.
    unless : a result that would turn the arrow.
    """

    name: str
    place: str
    situation: str
    choice: str
    ground: str
    because: str
    keys: tuple[str, ...] = ()
    seen_in: tuple[tuple[int, str], ...] = ()
    studies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    unless: str = ""


SAME_AFTER_GAIN = (5, "Can training tell them apart?")
LADDER = (8, "A ladder of controls")
CURES = (9, "Three cures on one sick network")

ARROWS = (
    # --- hidden layers ----------------------------------------------------------------
    Arrow(
        "plain layers",
        "hidden",
        "up to about ten layers, nothing else known",
        "ReLU, He's weights, zero biases",
        "measured",
        "none costs less, and the gain decides more than the function; on "
        "Fashion-MNIST, each tuned by itself, GELU and Swish were 0.4 points ahead "
        "from He's weights, twice that from PyTorch's: take one of them where that is "
        "worth its time",
        ("relu", "gelu", "swish"),
        (
            SAME_AFTER_GAIN,
            LADDER,
            (12, "Each at its own step"),
            (13, "All of them, in one run"),
            (15, "What a benchmark would need"),
        ),
        ("slope-or-gain", "tuned", "swigelu"),
        ("he2015delving",),
        "on your data, each at its own step and over fresh seeds, another function's "
        "lead with an interval above what you care about",
    ),
    Arrow(
        "convolutions",
        "hidden",
        "a convolutional network",
        "ReLU; in a copy of a published one, what that one uses",
        "measured",
        "in a small one, at a step that suits all, GELU 88.9 %, ReLU 88.8, tanh 88.4, "
        "sigmoid 84.2 after five epochs, 5 seeds; ResNet and EfficientNet were "
        "published with function and everything else at once",
        ("relu", "swish"),
        ((14, "A path, by place"),),
        ("confound",),
        ("he2016deep", "tan2019efficientnet"),
        "the two functions swapped in a network of your size, each at its own step",
    ),
    Arrow(
        "dead units",
        "hidden",
        "units die, and the network must go on learning",
        "first the cause: smaller or warmed-up steps, centred inputs; then leaky ReLU",
        "measured",
        "the cures remove what kills; a leak keeps a slope of 0.01; accuracy hardly "
        "moved with either",
        ("leaky_relu",),
        ((10, "Cures, one at a time"),),
        ("dead",),
        unless="accuracy that follows the dead when only the leak changes",
    ),
    Arrow(
        "thirty layers",
        "hidden",
        "thirty layers and more",
        "a residual path with layer normalisation; then ReLU will do",
        "measured",
        "with the two ReLU reached 96 % and sigmoid 97 %; without, ReLU as PyTorch "
        "draws it 10 %",
        ("relu",),
        (CURES, (9, "Thirty sigmoids")),
        ("cures",),
        ("he2016deep",),
        "a plain network of that depth that does as well, at its own step",
    ),
    Arrow(
        "no normalisation",
        "hidden",
        "no normalisation allowed, fully connected",
        "SELU, weights of variance 1 over fan-in, zero biases",
        "published",
        "keeps the size of the signal over 100 layers, measured; its gradient grew "
        "thirtyfold; the gains in accuracy are its authors'",
        ("selu",),
        ((4, "SELU: two equations and a fixed point"),),
        sources=("klambauer2017self",),
        unless="the same depth with ReLU, He's weights and a tuned step",
    ),
    Arrow(
        "no residual path",
        "hidden",
        "very deep and no residual path either",
        "tanh from orthogonal weights, or a shaped function",
        "published",
        "10,000 layers of a plain convolutional tanh network were trained; functions "
        "shaped for their depth come near residual networks",
        ("tanh",),
        ((9, "Shaped functions, and networks without normalisation"),),
        sources=("xiao2018dynamical", "zhang2022deep", "brock2021characterizing"),
        unless="a residual path, wherever it is allowed after all",
    ),
    Arrow(
        "learnt shape",
        "hidden",
        "you want the network to learn its function",
        "PReLU with a slope per layer, and ReLU with its gain set right beside it",
        "measured",
        "the lead of a shared slope, 4.6 points, was its gain: divided out, 0.4 were "
        "left",
        ("prelu",),
        (LADDER,),
        ("slope-or-gain",),
        unless="a lead that is left when the gain is divided out",
    ),
    Arrow(
        "convex",
        "hidden",
        "the function has to be convex in its input",
        "the largest of several affine pieces (maxout)",
        "derived",
        "a maximum of affine functions is convex, and with enough pieces it comes "
        "near any convex function on a bounded set",
        (),
        ((7, "The largest of several lines"),),
        unless="nothing, it is a theorem",
    ),
    # --- transformers -----------------------------------------------------------------
    Arrow(
        "pretrained",
        "transformer",
        "pretrained weights are loaded",
        "the function they were trained with, and its variant",
        "derived",
        "another function is another network; between GELU's two forms no answer "
        "changed, with ReLU in its place 1 in 100 did, on the digits",
        ("gelu", "gelu_tanh"),
        ((5, "Three ways to write it"),),
        unless="training that goes on afterwards, long enough to adapt",
    ),
    Arrow(
        "language model",
        "transformer",
        "a new language model's feed-forward block",
        "SwiGLU or GEGLU, two thirds of the width",
        "measured",
        "0.050 nats below ReLU at equal weights, 94 % of it from the product alone; "
        "two larger published comparisons agree",
        ("swiglu", "geglu"),
        ((7, "The text, the network, the rules"),),
        ("gated",),
        ("shazeer2020glu", "narang2021transformer"),
        "a lead within the spread of seeds at your size and equal time",
    ),
    Arrow(
        "encoder",
        "transformer",
        "an encoder or a vision transformer without a gate",
        "GELU",
        "measured",
        "BERT and ViT have it; in a small transformer, each at its own rate, it ended "
        "0.024 nats below ReLU (0.015 to 0.033, 5 seeds)",
        ("gelu",),
        ((7, "The text, the network, the rules"),),
        ("gated",),
        ("devlin2019bert", "dosovitskiy2021image"),
        "a block of your size in which the lead is gone",
    ),
    Arrow(
        "sparse inference",
        "transformer",
        "zeros are to be skipped when the model runs",
        "ReLU or squared ReLU; for a trained model, thresholds",
        "published",
        "exact zeros can be skipped; thresholding a trained model without training "
        "gave 1.53 and 1.8 times the speed at 40 and 50 % zeros",
        ("relu", "squared_relu"),
        ((10, "Zeros that are wanted"),),
        sources=("mirzadeh2024relu", "zhang2024relu2", "liu2025training"),
        unless="a machine that computes zeros as fast as it skips them",
    ),
    Arrow(
        "attention",
        "transformer",
        "attention weights",
        "softmax over the keys",
        "custom",
        "weights that sum to 1; sigmoid attention with its own bias has been trained "
        "as well",
        ("softmax",),
        ((6, "Attention without a softmax"),),
        sources=("ramapuram2024theory",),
        unless="equal quality and less time at your length",
    ),
    Arrow(
        "instead of layer norm",
        "transformer",
        "a function in place of layer normalisation",
        "DyT, a tanh with a learnt scale",
        "published",
        "reported level with layer normalisation; not repeated here",
        ("dyt",),
        ((3, "Cousins, old and new"),),
        sources=("zhu2025transformers",),
        unless="a comparison by others, both tuned",
    ),
    # --- gates and recurrent states ---------------------------------------------------
    Arrow(
        "gate",
        "recurrent",
        "a gate: how much passes",
        "sigmoid",
        "derived",
        "a share lies between 0 and 1, and a gate must be able to stay at 1",
        ("sigmoid",),
        ((3, "Gates"),),
        sources=("hochreiter1997long", "gers2000learning"),
        unless="a share that may leave [0, 1]: then it is a factor, as in SwiGLU",
    ),
    Arrow(
        "recurrent state",
        "recurrent",
        "the state that a recurrent layer hands to itself",
        "tanh",
        "custom",
        "bounded, mean zero; at gain 2 a random network of it is chaotic, so it is "
        "no guarantee",
        ("tanh",),
        ((11, "How fast two close states part"),),
        sources=("hochreiter1997long",),
        unless="another bounded function at its own gain",
    ),
    Arrow(
        "gate on a phone",
        "recurrent",
        "a gate where exponentials are dear",
        "hard sigmoid",
        "published",
        "straight pieces; MobileNetV3 has it in its squeeze gates",
        ("hardsigmoid",),
        ((3, "Cousins, old and new"),),
        sources=("howard2019searching",),
        unless="a device that computes a sigmoid as fast",
    ),
    # --- outputs ----------------------------------------------------------------------
    Arrow(
        "one of K",
        "output",
        "one of K classes",
        "none in the network; softmax inside the cross-entropy",
        "derived",
        "the gradient of the pair is probability minus truth, and it does not overflow",
        ("softmax",),
        ((6, "Softmax minus truth"), (6, "Probabilities in the wrong place")),
        unless="classes that do not exclude each other: then the next row",
    ),
    Arrow(
        "several labels",
        "output",
        "yes or no, or several labels at once",
        "none in the network; sigmoid inside the binary cross-entropy",
        "derived",
        "one probability per label, and they need not sum to 1",
        ("sigmoid",),
        ((6, "Several labels at once"),),
        unless="labels that exclude each other: then the row above",
    ),
    Arrow(
        "exact zeros",
        "output",
        "a distribution with exact zeros",
        "sparsemax or entmax, with its own loss",
        "derived",
        "softmax is never 0",
        ("sparsemax",),
        ((6, "Exact zeros"),),
        unless="a threshold after softmax that does as well",
    ),
    Arrow(
        "any number",
        "output",
        "any real number",
        "none",
        "derived",
        "a range that the target leaves cannot be learnt",
        ("identity",),
        ((2, "The property sheet"),),
        unless="a bounded target: then the next rows",
    ),
    Arrow(
        "positive number",
        "output",
        "a positive number, such as a scale",
        "softplus, or exp of a learnt logarithm",
        "derived",
        "the range is the target's; ReLU would give 0 and no gradient there",
        ("softplus",),
        ((4, "Rounding the left side"),),
        unless="errors that count in per cent: then exp",
    ),
    Arrow(
        "bounded number",
        "output",
        "a number between two ends",
        "sigmoid or tanh, scaled to the ends",
        "derived",
        "the range is the target's; the ends themselves are never reached",
        ("sigmoid", "tanh"),
        ((3, "One function, three scales"),),
        unless="many targets on an end: then clip, or none",
    ),
    # --- special ----------------------------------------------------------------------
    Arrow(
        "field",
        "special",
        "an image, a sound or a shape held in the weights",
        "ReLU behind Fourier features, or sine with ω₀ about 30",
        "measured",
        "on a chirp 55 and 68 dB, plain ReLU 19; sine with ω₀ = 1 reached 52 at its "
        "own step: the frequency decides",
        ("sine", "relu"),
        ((8, "Which network can hold a signal?"),),
        ("frequency-or-activation",),
        ("tancik2020fourier", "sitzmann2020implicit"),
        "you need the values between the points: there none was above 23 dB",
    ),
    Arrow(
        "periodic",
        "special",
        "a periodic signal to be continued, such as synthesised sound",
        "Snake, x + sin²(ax)/a",
        "published",
        "goes on waving outside of the data, where ReLU goes straight; not repeated "
        "here",
        ("snake",),
        ((8, "Sums of waves"),),
        sources=("ziyin2020neural",),
        unless="Fourier features with the right period that do as well",
    ),
    Arrow(
        "formula",
        "special",
        "a smooth formula of few inputs",
        "a learnt spline or quotient, at equal budget",
        "measured",
        "far ahead of a tanh network on a formula of two inputs, level on digits",
        ("rational", "bspline"),
        ((8, "A function on every edge"), (8, "Quotients and splines")),
        unless="noisy data: what bends easily bends to noise",
    ),
    Arrow(
        "control",
        "special",
        "reinforcement learning, on-policy",
        "tanh",
        "published",
        "best of those tried with 250,000 agents, ReLU worst; learnt rational "
        "functions are one line of research",
        ("tanh",),
        ((10, "Cures, one at a time"),),
        sources=("andrychowicz2021matters", "delfosse2024adaptive"),
        unless="an environment or algorithm that is none of those tried",
    ),
    Arrow(
        "small device",
        "special",
        "a phone, whole numbers of 8 bits",
        "ReLU6 or Hardswish",
        "published",
        "bounded, or made of pieces with few operations; MobileNetV3 has Hardswish, "
        "which is made from ReLU6",
        ("relu6", "hardswish"),
        ((5, "One formula, many gates"),),
        sources=("howard2019searching",),
        unless="another function as fast on your device, at equal accuracy",
    ),
    Arrow(
        "half precision",
        "special",
        "a gated block in float16",
        "bfloat16, or a clamped SwiGLU",
        "measured",
        "value and gate at 300 overflow in float16; clamped they give 56",
        ("swiglu",),
        ((7, "One product, six names"), (13, "Where values break")),
        sources=("openai2025gptoss",),
        unless="activations that stay far below 300",
    ),
)
"""The path. A table of first choices, not of best ones."""

DOMAINS = {
    "images: classification with a convolutional network": (
        "plain layers",
        "convolutions",
    ),
    "images: vision transformer": ("encoder", "pretrained"),
    "images: on a phone": ("small device", "gate on a phone"),
    "images: generators": ("bounded number", "field"),
    "text: encoder": ("encoder", "pretrained"),
    "text: language model": ("language model", "sparse inference", "half precision"),
    "text or time series: recurrent network": ("gate", "recurrent state"),
    "speech: recognition, emotion": ("one of K", "several labels"),
    "speech: synthesis": ("periodic", "bounded number"),
    "speech: in real time": ("small device",),
    "control: reinforcement learning": ("control", "dead units"),
    "signals and formulas": ("field", "formula", "periodic"),
}
"""The same arrows by domain, as lessons like to list them."""


@dataclass(frozen=True)
class Advice:
    """Advice as it is given, and what is left of it.

    ``ids`` are rows of the coverage list; ``verdict`` is ``"holds"``, ``"in part"``,
    ``"does not hold"``, ``"custom"`` (unproven) or ``"too vague"``.
    """

    ids: tuple[str, ...]
    said: str
    verdict: str
    found: str
    seen_in: tuple[tuple[int, str], ...] = ()
    sources: tuple[str, ...] = ()


VERDICTS = ("holds", "in part", "does not hold", "custom", "too vague")

ADVICE = (
    Advice(
        ("ADV-20",),
        "First ask where a module sits and which problem it solves.",
        "holds",
        "It is the first question of the path.",
        ((14, "First ask where it stands"),),
    ),
    Advice(
        ("ADV-01", "ADV-23"),
        "Sigmoid for yes or no and several labels, softmax for one of many, tanh for "
        "hidden layers; sigmoid is rare in hidden layers today.",
        "holds",
        "For outputs it can be derived. For hidden layers it is custom: sigmoid learns "
        "there too, with its own start.",
        ((6, "Several labels at once"), (3, "Break it, repair it twice")),
    ),
    Advice(
        ("ADV-02",),
        "ReLU is the default of convolutional networks and hidden layers.",
        "custom",
        "And a good one: cheap, and free of scale. Four smooth functions were ahead "
        "of it on Fashion-MNIST when each was tuned, by less than a point.",
        ((12, "Each at its own step"),),
    ),
    Advice(
        ("ADV-03",),
        "GELU is the standard of transformers.",
        "in part",
        "Of BERT and its time. Many later language models have a gate.",
        ((7, "Who uses what, and how one knows"),),
    ),
    Advice(
        ("ADV-04",),
        "Mish for vision and in general.",
        "custom",
        "Its author's comparisons favour it. “Self-regularised” names nothing that "
        "can be checked. It takes a third of a training step, ReLU 7 %.",
        ((5, "One formula, many gates"), (13, "A share of what?")),
        ("misra2020mish",),
    ),
    Advice(
        ("ADV-05",),
        "Swish for EfficientNet and deep networks.",
        "in part",
        "EfficientNet has it. Depth is no reason: PyTorch's weights multiply its "
        "signal by 0.34 a layer, ReLU's by 0.41.",
        (SAME_AFTER_GAIN,),
        ("tan2019efficientnet",),
    ),
    Advice(
        ("ADV-06",),
        "Hardswish for phones.",
        "custom",
        "MobileNetV3 has it, in its deeper half. Whether it is faster depends on the "
        "device.",
        (),
        ("howard2019searching",),
    ),
    Advice(
        ("ADV-07",),
        "Tanh for time series and recurrent networks.",
        "in part",
        "For the state. The gates are sigmoids, and “time series” names data, not a "
        "place.",
        ((3, "Gates"),),
    ),
    Advice(
        ("ADV-08",),
        "SwiGLU for the feed-forward block of language models.",
        "holds",
        "Measured at equal weights; most of it is the product, not the Swish.",
        ((7, "The text, the network, the rules"),),
        ("shazeer2020glu",),
    ),
    Advice(
        ("ADV-09",),
        "Leaky ReLU needs its slope tuned by hand, is unstable and little used.",
        "does not hold",
        "Slopes from 0 to 0.2 change the gain by 2 %; no instability was seen.",
        ((4, "A leak: fixed, learnt, drawn"),),
    ),
    Advice(
        ("ADV-10",),
        "PReLU adds parameters, so it may overfit.",
        "does not hold",
        "Four numbers among 283,914. The risk is another: they act as a gain.",
        ((8, "How many numbers, and where"), LADDER),
    ),
    Advice(
        ("ADV-11",),
        "RReLU regularises, and its results cannot be reproduced.",
        "in part",
        "It is noise in training. With a seed it repeats itself, and in evaluation it "
        "draws nothing.",
        ((4, "A leak: fixed, learnt, drawn"),),
    ),
    Advice(
        ("ADV-12",),
        "Clip against explosion; residual paths and normalisation against both.",
        "in part",
        "Clipping sets the length of a step and no ratio. Each of the three changes "
        "something else.",
        (CURES,),
    ),
    Advice(
        ("ADV-13",),
        "Replace sigmoid or tanh by ReLU and the gradient is cured.",
        "does not hold",
        "It cured neither of our two patients; start, step or normalisation did.",
        ((14, "The usual prescription"), (9, "Thirty sigmoids")),
    ),
    Advice(
        ("ADV-14",),
        "Weigh model size, task, computing power, accuracy, speed and memory.",
        "too vague",
        "True of everything. The path says which of them decides where, and chapter "
        "13 what they cost.",
        ((14, "A path, by place"), (13, "A share of what?")),
    ),
    Advice(
        ("ADV-15",),
        "In very deep networks use GELU, STAF or TeLU rather than ReLU.",
        "does not hold",
        "Over thirty layers with PyTorch's start GELU's error signal is some 10⁴ "
        "times smaller than ReLU's. For STAF and TeLU no evidence was found.",
        ((9, "What we measured"), (10, "Cures, one at a time")),
    ),
    Advice(
        ("ADV-16",),
        "Always try: start from GELU or ReLU, change the activation only, hold all "
        "other settings.",
        "in part",
        "Trying is right. One start and one step for all favours the function they "
        "suit; that made fifty points between ReLU and SiLU.",
        (SAME_AFTER_GAIN,),
    ),
    Advice(
        ("ADV-17",),
        "In 2025 language models use GELU, vision the ReLU family, reinforcement "
        "learning adaptive functions.",
        "does not hold",
        "Language: gated blocks or squared ReLU. Vision: ReLU, Swish, GELU. Control: "
        "tanh and ReLU; adaptive ones are research.",
        ((14, "What published models use"),),
        ("andrychowicz2021matters",),
    ),
    Advice(
        ("ADV-18",),
        "Design your own: ideal conditions, combine, analyse, implement, benchmark, "
        "explain.",
        "in part",
        "One step is missing, and it comes before the benchmark: write down what you "
        "expect.",
        ((2, "Which requirements are real?"), (15, "A prediction, with a reason")),
    ),
    Advice(
        ("ADV-19",),
        "Adaptive functions still lack efficiency, interpretation and generalisation.",
        "in part",
        "Interpretation is at hand: read whether a learnt number is a shape or a gain. "
        "Between the points of a signal none of them did well.",
        (LADDER, (8, "Which network can hold a signal?"), (15, "Open questions")),
    ),
    Advice(
        ("ADV-21",),
        "For the code, just copy the formulas.",
        "does not hold",
        "The formulas of sigmoid and tanh give nan; use the library's.",
        ((3, "Just copy the formula"),),
    ),
)
"""Advice that lessons give, each with its verdict."""


@dataclass(frozen=True)
class Model:
    """What a published model uses, and where that is said; empty if undisclosed."""

    name: str
    uses: str
    said_in: str
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


MODELS = (
    Model("ResNet-50", "ReLU", "paper", ("he2016deep",), ("relu",)),
    Model(
        "EfficientNet", "Swish (SiLU)", "paper", ("tan2019efficientnet",), ("swish",)
    ),
    Model(
        "MobileNetV3",
        "ReLU and Hardswish; hard sigmoid in the gates",
        "paper",
        ("howard2019searching",),
        ("relu", "hardswish", "hardsigmoid"),
    ),
    Model("ViT", "GELU", "paper", ("dosovitskiy2021image",), ("gelu",)),
    Model("BERT", "GELU", "paper", ("devlin2019bert",), ("gelu",)),
    Model(
        "LLaMA, Llama 2, Llama 3",
        "SwiGLU",
        "reports; `silu` in the configurations",
        ("touvron2023llama", "touvron2023llama2", "grattafiori2024llama"),
        ("swiglu",),
    ),
    Model(
        "Gemma",
        "GEGLU, tanh form of GELU",
        "`gelu_pytorch_tanh` in the configuration",
        ("gemma2024open",),
        ("geglu",),
    ),
    Model(
        "Nemotron-4",
        "squared ReLU, no gate",
        "report",
        ("parmar2024nemotron",),
        ("squared_relu",),
    ),
    Model(
        "Apertus", "xIELU, no gate", "report", ("hernandezcano2025apertus",), ("xielu",)
    ),
    Model(
        "gpt-oss",
        "clamped SwiGLU",
        "published code",
        ("openai2025gptoss",),
        ("swiglu",),
    ),
    Model("GPT-4, Gemini", "not disclosed", "", ("gemini2024unlocking",)),
)
"""What some published models use; the last row is there for what cannot be known."""


def path(place: str | None = None, *, ground: str | None = None) -> list[Arrow]:
    """Return the arrows of one place, or of one ground, or of both.

    Raises ``ValueError`` for a place or ground that does not exist.  Chapter 14.
    """
    _one_of("place", place, PLACES)
    _one_of("ground", ground, GROUNDS)
    return [
        arrow
        for arrow in ARROWS
        if place in (None, arrow.place) and ground in (None, arrow.ground)
    ]


def frame(arrows: Sequence[Arrow] = ARROWS) -> pd.DataFrame:
    """Return arrows as a table, one row each: where, when, what, on which ground."""
    columns = ["name", "place", "situation", "choice", "ground", "studies"]
    rows = [[getattr(arrow, column) for column in columns] for arrow in arrows]
    return pd.DataFrame(rows, columns=columns)


def markdown(part: str) -> str:
    """Return a table of chapter 14: a place, ``"domains"``, ``"advice"``, ``"models"``.

    Links lead from ``chapters/`` to the chapters that measured, and to the sources.
    Raises ``ValueError`` for a part that does not exist.  Chapter 14.
    """
    if part == "advice":
        heads = ("advice", "verdict, and what was found")
        rows = [
            (
                f"“{a.said}”",
                f"*{a.verdict}*. {_sentence(a.found, a.seen_in, a.sources)}",
            )
            for a in ADVICE
        ]
    elif part == "models":
        heads = ("model", "activation", "where it is said")
        rows = [(m.name, m.uses, _said_in(m)) for m in MODELS]
    elif part == "domains":
        heads = ("domain", "rows of the path")
        rows = [(domain, "; ".join(names)) for domain, names in DOMAINS.items()]
    elif part in PLACES:
        # Two columns: four would be a word wide on a phone.
        heads = ("if it is … → start with", "ground, and what would change it")
        rows = [
            (
                f"*{a.name}*: {a.situation} → **{a.choice}**",
                f"*{a.ground}*: {_sentence(a.because, a.seen_in, a.sources)}. "
                f"*Would change it*: {a.unless}.",
            )
            for a in path(part)
        ]
    else:
        known = [*PLACES, "domains", "advice", "models"]
        raise ValueError(f"no part {part!r}; there are {known}")
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sentence(
    text: str, seen_in: Sequence[tuple[int, str]], sources: Sequence[str]
) -> str:
    links = [*_chapter_links(seen_in), *map(_source_link, sources)]
    return text.rstrip(".") + (f" ({', '.join(links)})" if links else "")


def _chapter_links(seen_in: Sequence[tuple[int, str]]) -> list[str]:
    numbers = dict.fromkeys(number for number, _ in seen_in)
    return [
        "below" if number == 14 else f"[ch. {number:02d}]({CHAPTERS[number]}.ipynb)"
        for number in numbers
    ]


def _source_link(key: str) -> str:
    label, address = SOURCES[key]
    return f"[{label}](https://{address})"


def _said_in(model: Model) -> str:
    links = ", ".join(map(_source_link, model.sources))
    if not model.said_in:
        return f"nowhere; see {links}"
    return f"{model.said_in}: {links}"


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is None or value in known:
        return
    close = get_close_matches(str(value), list(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {list(known)}"
    raise ValueError(f"no {name} {value!r}; {hint}")
