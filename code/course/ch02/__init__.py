"""What chapter 02 owns; its notebook lies in ``chapters/``."""
