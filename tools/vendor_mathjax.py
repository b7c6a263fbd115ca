"""Copy the parts of MathJax that the site serves itself into assets/mathjax.

The files are committed; this script says where they come from and can be run again
for another version. It takes npm's archive (from the registry, or one given on the
command line), compares its SHA-256, and unpacks the component for TeX input and
HTML output, its web fonts, the small TeX extensions that load on demand, and the
licence. No file is changed.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import tarfile
import urllib.request
from pathlib import Path

__all__ = ["SHA256", "VERSION", "unpack"]

VERSION = "3.2.2"
SHA256 = "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09"
ADDRESS = f"https://registry.npmjs.org/mathjax/-/mathjax-{VERSION}.tgz"
TARGET = Path(__file__).resolve().parent.parent / "assets" / "mathjax"
FOLDERS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")
LEFT_OUT = {"all-packages.js", "bussproofs.js", "mhchem.js", "physics.js", "ams.js"}


def wanted(name: str) -> Path | None:
    """Return where a file of the archive goes, or None if the site needs it not."""
    if name == "package/LICENSE":
        return Path("LICENSE")
    if name == "package/es5/tex-chtml.js":
        return Path("tex-chtml.js")
    inner = name.removeprefix("package/es5/")
    if inner.startswith(FOLDERS) and Path(inner).name not in LEFT_OUT:
        return Path(inner)
    return None


def unpack(archive: bytes, target: Path) -> int:
    """Unpack the wanted files of an npm archive; return how many.

    Parameters
    ----------
    archive : bytes
        The .tgz file; its SHA-256 must be the one recorded here.
    target : Path
        Folder that is replaced when all files are unpacked.
    """
    digest = hashlib.sha256(archive).hexdigest()
    if digest != SHA256:
        raise ValueError(f"mathjax-{VERSION}.tgz has SHA-256 {digest}, not {SHA256}")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    count = 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            place = wanted(member.name)
            if place is None or not member.isfile():
                continue
            path = partial / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files.extractfile(member).read())
            count += 1
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return count


def main() -> None:
    """Unpack the archive named on the command line, or the registry's."""
    if len(sys.argv) > 1:
        archive = Path(sys.argv[1]).read_bytes()
    else:
        with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
            archive = answer.read()
    print(f"{unpack(archive, TARGET)} files in {TARGET}")


if __name__ == "__main__":
    main()
