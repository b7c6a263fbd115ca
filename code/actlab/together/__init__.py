"""Many networks of one shape, trained at once: batched products, shared batches.

``training.fit`` trains one network; :func:`fit_many` trains a list of them and returns
for each what ``fit`` would.  ``fitting`` divides the list into groups, by what
``eligible`` says; a ``group`` holds its networks' weights in common tensors, moves them
by one of the rules in ``steppers``, and multiplies by ``products``.
"""

from .eligible import why_alone
from .fitting import fit_many
from .memory import free_memory, memory_of, room_for

__all__ = ["fit_many", "free_memory", "memory_of", "room_for", "why_alone"]
