"""What chapter 15 owns; its notebook lies in ``chapters/``."""
