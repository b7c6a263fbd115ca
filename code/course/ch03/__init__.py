"""What chapter 03 owns; its notebook lies in ``chapters/``."""
