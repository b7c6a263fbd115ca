"""Output functions (chapter 6): torch has those of the catalogue so far."""

__all__: list[str] = []
