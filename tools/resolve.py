"""Ask whether every pin has a wheel for every supported Python, on every system.

``make resolve`` resolves requirements.txt under constraints.txt as pip would on each
Python and system, with wheels alone; it installs nothing. A Python is asked for by its
first release (3.11 means 3.11.0), because a pin that wants a later one shuts out who
has, say, Debian's 3.11.2. The answer also names packages that some system would
install unpinned, and pins that no system installs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

__all__ = ["PLATFORMS", "not_pinned", "packages", "resolve", "unused"]

ROOT = Path(__file__).resolve().parent.parent
PLATFORMS = {
    "Linux": "x86_64-manylinux_2_28",
    "Linux on ARM": "aarch64-manylinux_2_28",
    "Windows": "x86_64-pc-windows-msvc",
    "macOS": "aarch64-apple-darwin",
}
MACOS = "14.0"  # the oldest that torch has wheels for
# What the registry's torch brings on Linux; the wheel of PyTorch's CPU index does not.
CUDA = re.compile(r"(cuda|nvidia)-|triton$")


def resolve(python: str, system: str, folder: Path = ROOT, *options: str) -> str:
    """Return the pins that a system would install, one a line, or raise.

    Parameters
    ----------
    python : str
        A version, ``"3.14"``.
    system : str
        One of ``PLATFORMS``.
    folder : Path
        Where requirements.txt and constraints.txt lie.
    options : str
        More words for ``uv pip compile``.

    Raises
    ------
    RuntimeError
        If there is no such set of wheels; the message says which pin is the cause.
    """
    where = ["--python-version", python, "--python-platform", PLATFORMS[system]]
    plain = ["--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    files = ["requirements.txt", "--constraints", "constraints.txt"]
    command = [sys.executable, "-m", "uv", "pip", "compile"]
    done = subprocess.run(
        [*command, *where, *plain, *options, *files],
        cwd=folder,
        env=os.environ | {"MACOSX_DEPLOYMENT_TARGET": MACOS},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise RuntimeError(f"Python {python}, {system}:\n{done.stderr.strip()}")
    return done.stdout


def packages(text: str) -> set[str]:
    """Return the names in a requirements file, as pip compares them, without CUDA."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    names = {re.split(r"[=;\[ ]", line)[0] for line in lines if line}
    plain = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    return {name for name in plain if not CUDA.match(name)}


def not_pinned(found: str, pins: str) -> set[str]:
    """Return the packages that a system would install in any version."""
    return packages(found) - packages(pins)


def unused(found: list[str], pins: str) -> set[str]:
    """Return the pinned packages that no system installs."""
    return packages(pins) - set().union(*map(packages, found))


def main(arguments: list[str] | None = None) -> int:
    """Resolve for all; print a line for each, and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="+", help="versions, as in 3.13 3.14")
    pythons = parser.parse_args(arguments).pythons
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found, problems = [], []
    cases = list(product(pythons, PLATFORMS))
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(resolve, *case) for case in cases]
    for (python, system), answer in zip(cases, answers):
        try:
            found.append(answer.result())
        except RuntimeError as error:
            problems.append(str(error))
            continue
        print(f"Python {python}, {system}: {len(packages(found[-1]))} packages")
        if missing := not_pinned(found[-1], pins):
            problems.append(f"constraints.txt lacks {', '.join(sorted(missing))}")
    if not problems and (idle := unused(found, pins)):
        problems.append(f"constraints.txt pins, for nothing: {', '.join(sorted(idle))}")
    print("\n\n".join(dict.fromkeys(problems)) or "Every pin has a wheel everywhere.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
