"""What chapter 09 owns; its notebook lies in ``chapters/``."""
