"""What chapter 14 owns; its notebook lies in ``chapters/``."""
