"""Print the built site as one PDF: ``make pdf`` writes it to _build/html/course.pdf.

Chromium prints each page as a reader's own browser would; pypdf joins them, with a
contents page, bookmarks and page numbers. Links between the pages become jumps inside
the file. Pages that need a screen (the lab, the atlas, *Elsewhere*, the package's
reference) are left out, and the contents page says so.
"""

from __future__ import annotations

import html
import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from playwright.sync_api import Browser
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import (
    ArrayObject,
    FloatObject,
    NameObject,
    NullObject,
    RectangleObject,
)

import build
from local_site import opened, served

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
OUT = SITE / "course.pdf"
TITLE = "Activation Functions, Measured"
LEFT_OUT = (
    "lab", "reference/atlas", "reference/elsewhere", "reference/api", "reference/teach",
    "reference/troubleshooting",
)  # fmt: skip
PAPER = {
    "format": "A4",
    "margin": {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
    "print_background": True,
}
NOTE = (
    "The lab, the atlas, the comparison with other libraries and the package’s "
    "reference need a screen: they are on the site. Answers to a chapter’s exercises "
    "stand at its end."
)
STYLE = """
@page { size: A4; margin: 0 }
body { margin: 0; font: 15px/22px sans-serif }
.sheet { position: relative; height: 296.5mm; break-after: page }
.sheet:last-child { break-after: auto }
.sheet > :is(h1, p, .line) { position: absolute; left: 75px; right: 75px; margin: 0 }
.sheet > p { color: #444 }
.line { display: flex; justify-content: space-between }
.number { position: absolute; bottom: 9mm; width: 100%; text-align: center;
  font-size: 12px; color: #444 }
"""
LINE, TOP, PER_PAGE = 22, 110, 30  # of the contents page, in CSS pixels


@dataclass
class Part:
    """A page of the site in the PDF: its address, its title, its first page."""

    name: str
    title: str
    printed: PdfReader
    first: int = 0


def titles() -> dict[str, str]:
    """Return the pages in the order of the contents, with titles where they differ."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    entries = [entry for part in contents["parts"] for entry in part["chapters"]]
    return {contents["root"]: ""} | {
        entry["file"]: entry.get("title", "")
        for entry in entries
        if entry["file"] not in LEFT_OUT
    }


def warn_of_boxes() -> None:
    """Say so where Chinese terms would be printed as empty boxes."""
    asked = shutil.which("fc-list")
    if not asked:
        return
    found = subprocess.run([asked, ":lang=zh"], capture_output=True, text=True).stdout
    if not found.strip():
        print(
            "No Chinese font here: Chinese terms are printed as empty boxes. On Debian "
            "and Ubuntu: apt-get install fonts-noto-cjk."
        )


def printed(browser: Browser, address: str) -> tuple[str, PdfReader]:
    """Return a page's title and its print, after all its figures have come."""
    page = browser.new_page(color_scheme="light", reduced_motion="reduce")
    page.goto(address)
    page.emulate_media(media="print")
    page.evaluate("""async () => {
      const pictures = [...document.images];
      for (const image of pictures) image.loading = "eager";
      await Promise.all(pictures.map((image) => image.decode().catch(() => {})));
      await document.fonts.ready;
    }""")
    title = page.evaluate("document.title.split(' — ')[0]")
    content = page.pdf(**PAPER)
    page.close()
    return title, PdfReader(io.BytesIO(content))


def typeset(browser: Browser, body: str) -> PdfReader:
    """Return a page of plain HTML as a PDF without margins."""
    page = browser.new_page()
    page.set_content(f"<style>{STYLE}</style>{body}")
    content = page.pdf(format="A4", print_background=True)
    page.close()
    return PdfReader(io.BytesIO(content))


def contents_pages(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """Return the parts, as many to a page of contents as it holds."""
    return [parts[k : k + PER_PAGE] for k in range(0, len(parts), PER_PAGE)]


def contents_html(parts: Sequence[Part]) -> str:
    """Return the contents as HTML, a sheet for each of its pages."""
    sheets = []
    for group in contents_pages(parts):
        lines = "".join(
            f'<div class="line" style="top:{TOP + LINE * k}px">'
            f"<span>{html.escape(part.title)}</span><span>{part.first + 1}</span></div>"
            for k, part in enumerate(group)
        )
        note = f'<p style="top:{TOP + LINE * (len(group) + 1)}px">{NOTE}</p>'
        title = f'<h1 style="top:40px">{html.escape(TITLE)}</h1>'
        sheets.append(f'<div class="sheet">{title}{lines}{note}</div>')
    return "".join(sheets)


def numbers_html(count: int) -> str:
    """Return sheets that are empty but for their numbers."""
    return "".join(
        f'<div class="sheet"><span class="number">{number}</span></div>'
        for number in range(1, count + 1)
    )


def joined(parts: Sequence[Part], browser: Browser) -> PdfWriter:
    """Return the parts in one file, with contents, bookmarks, numbers and jumps."""
    ahead = len(contents_pages(parts))
    at = ahead
    for part in parts:
        part.first, at = at, at + len(part.printed.pages)
    writer = PdfWriter()
    writer.append(typeset(browser, contents_html(parts)), import_outline=False)
    if len(writer.pages) != ahead:
        raise RuntimeError(f"the contents take {len(writer.pages)} pages, not {ahead}")
    for part in parts:
        writer.append(part.printed, import_outline=False)
        writer.add_outline_item(title=part.title, page_number=part.first)
    stamps = typeset(browser, numbers_html(at))
    for page, stamp in zip(writer.pages, stamps.pages, strict=True):
        page.merge_page(stamp)
    jump_inside(writer, {part.name: part.first for part in parts})
    link_contents(writer, parts)
    writer.add_metadata({"/Title": TITLE})
    writer.compress_identical_objects()
    return writer


def link_contents(writer: PdfWriter, parts: Sequence[Part]) -> None:
    """Lay a link over each line of the contents."""
    height = float(writer.pages[0].mediabox.height)
    points = 72 / 96  # of a CSS pixel
    for number, group in enumerate(contents_pages(parts)):
        for k, part in enumerate(group):
            top = height - (TOP + LINE * k) * points
            box = RectangleObject((56, top - LINE * points, 540, top))
            writer.add_annotation(number, Link(rect=box, target_page_index=part.first))


def jump_inside(writer: PdfWriter, first: dict[str, int]) -> None:
    """Turn links to this machine into jumps; drop those to pages that are left out."""
    for page in writer.pages:
        kept = ArrayObject()
        for entry in page.get("/Annots") or ():
            annotation = entry.get_object()
            address = urlsplit(str(annotation.get("/A", {}).get("/URI", "")))
            if address.hostname != "127.0.0.1":
                kept.append(entry)
                continue
            name = address.path.strip("/").removesuffix(".html")
            if name in first:
                del annotation[NameObject("/A")]
                target = writer.pages[first[name]].indirect_reference
                annotation[NameObject("/Dest")] = ArrayObject(
                    [target, NameObject("/XYZ"), NullObject(), NullObject(),
                     FloatObject(0)]
                )  # fmt: skip
                kept.append(entry)
        if "/Annots" in page:
            page[NameObject("/Annots")] = kept


def offer(size: int) -> None:
    """Show the link to the file on the landing page, which holds it, hidden."""
    page = SITE / "intro.html"
    text = page.read_text("utf-8")
    hidden = '<p class="actlab-pdf" hidden>'
    if hidden in text:
        text = text.replace(hidden, '<p class="actlab-pdf">')
        text = text.replace("PDF_SIZE", f"{size / 2**20:.0f} MB")
        page.write_text(text, "utf-8")


def main(wanted: Sequence[str] = ()) -> int:
    """Print the pages named, or all of the course."""
    if not SITE.is_dir():
        sys.exit("Nothing to print: run make book first.")
    warn_of_boxes()
    with opened() as browser, served(SITE) as address:
        parts = []
        known = titles()
        for name in wanted or known:
            title, pages = printed(browser, f"{address}/{name}.html")
            parts.append(Part(name, known.get(name) or title, pages))
            print(f"{name}: {len(pages.pages)} pages", flush=True)
        writer = joined(parts, browser)
    writer.write(OUT)
    if not wanted:
        offer(OUT.stat().st_size)
    build.remember()  # or the next make book would build all anew, without the file
    print(f"{len(writer.pages)} pages, {OUT.stat().st_size / 2**20:.1f} MB: {OUT}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
