"""What the chapters of the course own, on top of the library :mod:`actlab`.

``chNN`` holds a chapter's exercises, checks of claims, figures and studies with their
recorded results; ``exercises`` and ``claims`` are the engines that run them.
"""
