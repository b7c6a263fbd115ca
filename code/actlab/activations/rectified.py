"""Rectified activations (chapter 4): torch has those of the catalogue so far."""

__all__: list[str] = []
