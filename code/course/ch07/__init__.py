"""What chapter 07 owns; its notebook lies in ``chapters/``."""
