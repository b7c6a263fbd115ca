"""The command ``python -m course.claims``; see :func:`course.claims.main`."""

import sys

from course.claims import main

if __name__ == "__main__":
    sys.exit(main())
