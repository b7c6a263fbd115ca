"""What chapter 08 owns; its notebook lies in ``chapters/``."""
