"""What chapter 10 owns; its notebook lies in ``chapters/``."""
