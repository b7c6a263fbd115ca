"""What chapter 05 owns; its notebook lies in ``chapters/``."""
