"""What chapter 06 owns; its notebook lies in ``chapters/``."""
