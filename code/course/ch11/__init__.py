"""What chapter 11 owns; its notebook lies in ``chapters/``."""
