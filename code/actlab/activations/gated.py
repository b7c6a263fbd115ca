"""Gated units (chapter 7): torch has those of the catalogue so far."""

__all__: list[str] = []
