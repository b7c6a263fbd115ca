"""What chapter 13 owns; its notebook lies in ``chapters/``."""
