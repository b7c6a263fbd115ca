"""What chapter 01 owns; its notebook lies in ``chapters/``."""
