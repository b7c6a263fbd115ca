"""One zip per chapter: the notebook with the package, for readers without GitHub.

Unpacked anywhere, the chapter finds the package beside it: its setup cell looks
upward for ``code/actlab``. The bytes depend on the content alone.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import nbformat

from stamp import without_spoilers

__all__ = ["package_files", "write_zips"]

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {"__pycache__", ".ipynb_checkpoints"}
README = """\
{title}

Needs Python 3.11 or newer. In this folder:

    python -m pip install jupyterlab ./code
    python -m jupyterlab chapters/{name}

The notebook finds the package in code/ by itself; nothing is downloaded.
"""


def package_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the package, sorted, without caches."""
    for path in sorted((root / "code").rglob("*")):
        parts = set(path.relative_to(root).parts)
        hidden = parts & SKIPPED or any(p.endswith(".egg-info") for p in parts)
        if path.is_file() and not hidden and path.suffix != ".partial":
            yield path


def write_zips(out: Path, chapters: Iterable[Path]) -> list[Path]:
    """Write one zip per chapter into a folder; return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    files = {p.relative_to(ROOT).as_posix(): p.read_bytes() for p in package_files()}
    return [_write_zip(path, files, out) for path in chapters]


def _write_zip(chapter: Path, package: dict[str, bytes], out: Path) -> Path:
    notebook = without_spoilers(nbformat.read(chapter, as_version=4))
    title = notebook["cells"][0]["source"].partition("\n")[0].lstrip("# ")
    content = {
        "README.txt": README.format(title=title, name=chapter.name).encode(),
        f"chapters/{chapter.name}": (nbformat.writes(notebook) + "\n").encode(),
        "LICENSE": (ROOT / "LICENSE").read_bytes()
        if (ROOT / "LICENSE").exists()
        else b"",
        **package,
    }
    path = out / f"{chapter.stem}.zip"
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            # A fixed date: the same content gives the same bytes.
            entry = zipfile.ZipInfo(f"{chapter.stem}/{name}", (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            _add(archive, entry, data)
    partial.replace(path)
    return path


@cache
def _squeezed(data: bytes) -> bytes:
    """Return data compressed as ZIP_DEFLATED has it; the package's files once for all.

    Compressing them for each chapter anew took a tenth of the whole build.
    """
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return press.compress(data) + press.flush()


def _add(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: bytes) -> None:
    """Add a file to an archive, as ``writestr`` does but for who compresses."""
    inside = _squeezed(data)
    entry.CRC, entry.file_size = zlib.crc32(data), len(data)
    entry.compress_size, entry.header_offset = len(inside), archive.start_dir
    archive.fp.write(entry.FileHeader() + inside)
    archive.start_dir = archive.fp.tell()
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
    archive._didModify = True  # so that closing writes the list of its files
