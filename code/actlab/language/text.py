"""The text: the help topics of Python itself, as character numbers."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from ..datasets import DataError

__all__ = ["Text", "corpus"]

BLOCK = 4096  # characters; every tenth block of this size is for validation


@dataclass(frozen=True, eq=False)
class Text:
    """A text as character numbers, split into training and validation parts.

    Parameters
    ----------
    name : what the text is called in tables.
    train, validation : int64, shape (characters,).
    vocabulary : the characters in the order of their numbers.
    sha256 : of the whole text in UTF-8; another Python holds another text.

    Chapter 07.
    """

    name: str
    train: Tensor = field(repr=False)
    validation: Tensor = field(repr=False)
    vocabulary: str = field(repr=False)
    sha256: str

    def encode(self, text: str) -> Tensor:
        """Return the numbers of a text's characters; ``ValueError`` for others."""
        unknown = sorted(set(text) - set(self.vocabulary))
        if unknown:
            raise ValueError(f"the vocabulary has no {', '.join(map(repr, unknown))}")
        return torch.tensor([self.vocabulary.index(c) for c in text])

    def decode(self, ids: Tensor) -> str:
        """Return the text that the numbers stand for."""
        return "".join(self.vocabulary[int(i)] for i in ids)


@cache
def corpus() -> Text:
    """Return the reference topics of Python's own help as a :class:`Text`.

    Paragraphs that stand in several topics are kept once: a copy in the validation part
    would reward learning by heart.  The text is then cut into blocks of 4096
    characters, of which every tenth, from the fifth on, is for validation.

    Raises :class:`DataError` if this Python came without its help topics.  Chapter 07.
    Source: the module ``pydoc_data.topics``, made from The Python Language Reference.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "this Python came without pydoc_data.topics, the text that the course "
            "trains on; a Python from python.org, conda, Debian or Colab has it"
        ) from None
    text = _without_repeats(topics)
    vocabulary = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(vocabulary)}
    ids = torch.tensor([number[character] for character in text])
    held_out = torch.arange(len(ids)) // BLOCK % 10 == 5
    return Text(
        f"help topics of Python {platform.python_version()}",
        ids[~held_out],
        ids[held_out],
        vocabulary,
        hashlib.sha256(text.encode()).hexdigest(),
    )


def _without_repeats(topics: dict[str, str]) -> str:
    """Join the topics in the order of their names, each paragraph once."""
    paragraphs: dict[str, str] = {}
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            key = " ".join(paragraph.split())
            if key:
                paragraphs.setdefault(key, paragraph.strip("\n"))
    return "\n\n".join(paragraphs.values())
