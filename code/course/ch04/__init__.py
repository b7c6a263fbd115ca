"""What chapter 04 owns; its notebook lies in ``chapters/``."""
