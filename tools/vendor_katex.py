"""Copy the parts of KaTeX that the site needs into assets/katex and tools/katex.

The files are committed; this script says where they come from and can be run again
for another version. It takes npm's archive (from the registry, or one given on the
command line), compares its SHA-256, and unpacks the style sheet and the web fonts,
which the site serves, the script, which typesets formulas while the site is built
(``site_math.py``), and the licence. No file is changed.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import tarfile
import urllib.request
from pathlib import Path

__all__ = ["SHA256", "VERSION", "unpack", "wanted"]

VERSION = "0.19.1"
SHA256 = "24da5a599eb2fcede2e270b99a6ff48bca816beecc95feeb84e8cccbd1bb34fd"
ADDRESS = f"https://registry.npmjs.org/katex/-/katex-{VERSION}.tgz"
ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("assets/katex", "tools/katex")


def wanted(name: str) -> list[Path]:
    """Return where a file of the archive goes; nowhere if the site needs it not."""
    inner = Path(name.removeprefix("package/").removeprefix("dist/"))
    if name == "package/LICENSE":
        return [Path(folder) / inner for folder in FOLDERS]
    if name == "package/dist/katex.min.css" or inner.match("fonts/*.woff2"):
        return [Path("assets/katex") / inner]
    if name == "package/dist/katex.min.js":
        return [Path("tools/katex") / inner]
    return []


def unpack(archive: bytes, root: Path) -> int:
    """Unpack the wanted files of an npm archive; return how many were written.

    Parameters
    ----------
    archive : bytes
        The .tgz file; its SHA-256 must be the one recorded here.
    root : Path
        The folder in which ``FOLDERS`` are replaced.
    """
    digest = hashlib.sha256(archive).hexdigest()
    if digest != SHA256:
        raise ValueError(f"katex-{VERSION}.tgz has SHA-256 {digest}, not {SHA256}")
    for folder in FOLDERS:
        shutil.rmtree(root / folder, ignore_errors=True)
    count = 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in filter(tarfile.TarInfo.isfile, files):
            for place in wanted(member.name):
                path = root / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files.extractfile(member).read())
                count += 1
    return count


def main() -> None:
    """Unpack the archive named on the command line, or the registry's."""
    if len(sys.argv) > 1:
        archive = Path(sys.argv[1]).read_bytes()
    else:
        with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
            archive = answer.read()
    print(f"{unpack(archive, ROOT)} files in {' and '.join(FOLDERS)}")


if __name__ == "__main__":
    main()
