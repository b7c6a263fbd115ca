"""What chapter 12 owns; its notebook lies in ``chapters/``."""
