"""The command ``python -m actlab.cost``; see :func:`actlab.cost.recording.main`."""

import sys

from actlab.cost.recording import main

if __name__ == "__main__":
    sys.exit(main())
