"""Trainable activations (chapter 8): torch has those of the catalogue so far."""

__all__: list[str] = []
