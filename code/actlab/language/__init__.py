"""A small language model: text, feed-forward blocks with and without gate, training.

The text is the reference manual that comes inside Python's own help, so nothing is
downloaded.  The network is a decoder-only transformer, small enough for one core.
"""

from .text import Text, corpus
from .training import LanguageRun, continue_text, evaluate_language, fit_language
from .transformer import (
    FEED_FORWARD_KINDS,
    FeedForward,
    GatedFeedForward,
    TextTransformer,
    gated_width,
)

__all__ = [
    "FEED_FORWARD_KINDS",
    "FeedForward",
    "GatedFeedForward",
    "LanguageRun",
    "Text",
    "TextTransformer",
    "continue_text",
    "corpus",
    "evaluate_language",
    "fit_language",
    "gated_width",
]
