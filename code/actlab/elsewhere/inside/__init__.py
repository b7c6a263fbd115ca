"""What runs inside a library's environment, with that library and NumPy alone.

The folder is put on another interpreter's path and called as ``python -m inside``, so
nothing here imports the rest of the package.
"""
