"""Make the built pages light: one style sheet, one script, a cut icon font.

The theme brings 17 files into the head of each page, among them Bootstrap's whole
style sheet and an icon font of 1,400 glyphs. Here what the pages use is kept: rules
whose classes occur in a page or in a script, glyphs that such a rule names. Nothing
stops the first paint but the one style sheet. Figures load when they come near, with
their size known before; explorers and exercises start when they are seen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fontTools import subset, ttLib
from PIL import Image

from side_process import shared

__all__ = ["cut_styles", "lighten", "rules", "without"]

# In the order in which the pages load them.
STYLES = (
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "copybutton.css",
    "mystnb.*.css",
    "katex/katex.min.css",
    "actlab.css",
)
SCRIPTS = (
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "clipboard.min.js",
    "copybutton.js",
    "scripts/sphinx-book-theme.js",
    "actlab.js",
    "course.js",
    "reading.js",
    "scripts/bootstrap.js",
    "scripts/pydata-sphinx-theme.js",
)
# What no page uses: their place in the theme is not asked for.
UNUSED = (
    "design-tabs.js",
    "sphinx-design.min.css",
    "togglebutton.js",
    "togglebutton.css",
    "styles/theme.css",
    "copybutton_funcs.js",
)
ICONS = "vendor/fontawesome/webfonts"
FONTS = {
    "solid": "fa-solid-900",
    "regular": "fa-regular-400",
    "brands": "fa-brands-400",
}
# What a page loads of the files that are joined or dropped here; a page's own files,
# as the laboratory's, stay where they are.
JOINED = "|".join(
    re.escape(name).replace(r"\*", r"[^\"/]*") for name in (*STYLES, *SCRIPTS, *UNUSED)
)
LOADED = re.compile(
    rf"<link\b[^>]*href=\"[^\"]*_static/(?:{JOINED})(?:\?[^\"]*)?\"[^>]*>"
    rf"|<script\b[^>]*src=\"[^\"]*_static/(?:{JOINED})(?:\?[^\"]*)?\"[^>]*></script>"
    r"|<!-- (?:Loaded before|Pre-loaded scripts)[^>]*-->"
    r"|<script>(?:let toggle|var toggle|DOCUMENTATION_OPTIONS|window\.MathJax)[^<]*"
    r"</script>"
)
# Before anything is painted: results that wait for a prediction are not shown, and who
# has chosen no colours gets the system's; the theme's script, which says so as well,
# comes later. Who comes to the top of a page, and not to a place in it, gets the rest
# of it laid out later (actlab.js).
EARLY = (
    "<script>(({ classList, dataset }) => {"
    ' classList.add("actlab-js");'
    ' const [visit] = performance.getEntriesByType("navigation");'
    ' if (!location.hash && visit?.type === "navigate") classList.add("actlab-swift");'
    ' if (dataset.theme === "dark" || dataset.theme === "light") return;'
    ' const dark = matchMedia("(prefers-color-scheme: dark)").matches;'
    ' dataset.theme = dark ? "dark" : "light";'
    " })(document.documentElement)</script>"
)
# What cells and generated parts bring along for themselves. pandas' own sheet, which
# calls itself scoped, would reach all tables; the theme has its own look for them.
STYLE = re.compile(r"<style( scoped)?>(.*?)</style>\n?", re.DOTALL)
# What each exercise brings along to work alone is part of the site's script.
MOUNTING = re.compile(
    r"<script>(?:(?!</script>).)*actlabExercises\.mount\(\)\s*</script>\n?", re.DOTALL
)
MARKING = re.compile(
    r"(?<==>)\{document\.querySelectorAll\(\[\"pre\"[^\]]*\]\.join\(\", \"\)\)"
    r"\.forEach\(\w+=>\{\w+\.tabIndex=[^{}]*\}\)\}"
)
EXPLORER = re.compile(r"(<span class=\"ax-live\"[^>]*></span>\s*)<script>")
TEXT = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
SIGN = re.compile(rf"url\((?:{TEXT}|[^)\"']*)\)|{TEXT}|[{{}};]", re.DOTALL)
# Sphinx links a figure that has a size to its file; here a click enlarges it.
LINKED = re.compile(
    r"<a class=\"reference internal image-reference\"[^>]*>(<img\b[^>]*>)\s*</a>"
)
IMAGE = re.compile(r"<img\b[^>]*\bsrc=\"([^\":]*_images/[^\"]+\.png)\"[^>]*>")


def lighten(out: Path) -> None:
    """Rewrite the pages of a built site and the files that they load, in place."""
    pages = {
        path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))
    }
    static = out / "_static"
    script = ";\n".join(
        (static / name).read_text(encoding="utf-8").strip() for name in SCRIPTS
    )
    script = re.sub(r"^//# sourceMappingURL=.*$", "", script, flags=re.M)
    script = without_scrollers(script)
    others = {*static.rglob("*.js")} - {static / name for name in (*SCRIPTS, *UNUSED)}
    own = [path.read_text(encoding="utf-8") for path in sorted(others)]
    used = words_of(pages.values(), [script, *own])
    sheets = [path for pattern in STYLES for path in sorted(static.glob(pattern))]
    style = "\n".join(cut_styles(_fold(_moved(path, static)), used) for path in sheets)
    style = cut_icons(style, static / ICONS) + styles_of(pages.values())
    names = {
        "css": _write(static, "site.css", style),
        "js": _write(static, "site.js", script),
    }

    def write(path: Path) -> None:
        light = page(pages[path], path, names)
        if light != pages[path]:
            path.write_text(light, encoding="utf-8")

    shared(write, [*pages])
    for name in [*SCRIPTS, *UNUSED]:
        (static / name).unlink(missing_ok=True)
    for sheet in sheets:
        sheet.unlink()


def without_scrollers(script: str) -> str:
    """Return the site's script without the theme's search for what scrolls sideways.

    It asks for a width and sets an attribute in turn, so that the whole page is laid
    out once for each box, at the start and after each change. actlab.js does it better.
    Raises ``ValueError`` if the theme has another script than the pinned one.
    """
    light, count = MARKING.subn("{}", script)
    if count != 1:
        raise ValueError(f"the theme marks what scrolls in {count} places, not in one")
    return light


def _write(folder: Path, name: str, text: str) -> str:
    """Write a file; return its name with a mark that changes with what it holds."""
    (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return f"{name}?v={hashlib.sha256(text.encode()).hexdigest()[:10]}"


# --- pages ---------------------------------------------------------------------------


def page(text: str, path: Path, names: dict[str, str]) -> str:
    """Return a page that loads one style sheet and one script."""
    head, mark, body = text.partition("</head>")
    root = re.search(r"data-content_root=\"([^\"]*)\"", head)
    if not mark or not root:
        return text  # the redirect
    static = f"{root[1]}_static/"
    head = without(LOADED, head)
    loads = (
        f'  {EARLY}\n  <link rel="stylesheet" href="{static}{names["css"]}">\n'
        f'  <script defer src="{static}{names["js"]}"></script>\n'
    )
    # The search page's own script stands in the head already; it needs the other one.
    at = head.find("<script defer src=")
    at = len(head) if at < 0 else at
    head = f"{head[:at]}{loads}{head[at:]}"
    body = without(LOADED, body)
    for part in (STYLE, MOUNTING):
        body = part.sub("", body)
    body = EXPLORER.sub(r'\1<script type="text/plain" class="actlab-later">', body)
    body = LINKED.sub(r"\1", body)
    body = IMAGE.sub(lambda match: _lazy(match, path), body)
    return head + mark + body


def without(pattern: re.Pattern[str], text: str) -> str:
    """Return a text without what a pattern finds, and the space before it.

    A pattern that begins with that space takes ten times as long. It has no groups.
    """
    *before, last = pattern.split(text)
    return "".join(part.rstrip() for part in before) + last


def _lazy(match: re.Match[str], path: Path) -> str:
    """Return an image that loads when it comes near and keeps its room until then."""
    with Image.open(path.parent / match[1]) as picture:
        # A figure says how many of its pixels make an inch, which a page gives 96.
        share = 96 / picture.info.get("dpi", (96,))[0]
        width, height = (round(side * share) for side in picture.size)
    tag = re.sub(r"\s(?:width|height|style)=\"[^\"]*\"", "", match[0]).rstrip("/> ")
    return f'{tag} loading="lazy" decoding="async" width="{width}" height="{height}">'


# --- styles --------------------------------------------------------------------------


def styles_of(pages: Iterable[str]) -> str:
    """Return what stands in ``<style>`` in bodies of pages, each sheet once.

    HTML has no room for it there, and a browser that meets one while it reads a page
    looks through all rules again.
    """
    found: dict[str, None] = {}
    for text in pages:
        for scoped, sheet in STYLE.findall(text.partition("</head>")[2]):
            if not scoped:
                found.setdefault(f"\n{sheet.strip()}")
    return "".join(found)


def words_of(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Return all names that classes and ids of pages can have.

    From pages these are the attributes; from scripts, their own and those in pages,
    every word: what a script adds stands there as a string.
    """
    found: set[str] = set()
    for text in pages:
        for name in ("class", "id"):  # to look for a word at a time is faster
            for value in {*re.findall(rf"{name}=\"([^\"]*)\"", text)}:
                found.update(value.split())
        for script in re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL):
            found.update(re.findall(r"[A-Za-z_][\w-]*", script))
    for script in scripts:
        found.update(re.findall(r"[A-Za-z_][\w-]*", script))
    return found


def rules(style: str) -> Iterator[tuple[str, str | None]]:
    """Yield a style sheet's rules as (what stands before the brace, what is inside).

    A statement without braces, such as ``@charset``, comes with None. Braces inside
    strings and addresses are no braces.
    """
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    depth, start, inner = 0, 0, 0
    for match in SIGN.finditer(style):
        if match[0] == "{":
            depth += 1
            if depth == 1:
                inner = match.end()
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                yield style[start : inner - 1].strip(), style[inner : match.start()]
                start = match.end()
        elif match[0] == ";" and depth == 0:
            yield style[start : match.start()].strip(), None
            start = match.end()


def cut_styles(style: str, used: set[str]) -> str:
    """Return a style sheet without the rules that no page can need."""
    kept = []
    for head, body in rules(style):
        if body is None:
            continue  # @charset and @import: the files are joined
        if head.startswith(("@media", "@supports", "@layer")):
            inside = cut_styles(body, used)
            if inside:
                kept.append(f"{head}{{{inside}}}")
        elif head.startswith("@"):
            kept.append(f"{head}{{{body.strip()}}}")
        else:
            selectors = [s.strip() for s in _split(head) if _needed(s, used)]
            if selectors and body.strip():
                text = re.sub(r"\s+", " ", body.strip())
                kept.append(f"{','.join(selectors)}{{{text}}}")
    return "\n".join(kept)


def _split(selectors: str) -> list[str]:
    """Split a list of selectors at the commas that stand outside of parentheses."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(selectors):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            parts.append(selectors[start:place])
            start = place + 1
    return [*parts, selectors[start:]]


def _needed(selector: str, used: set[str]) -> bool:
    """Say whether all classes and ids outside of :is(), :not() and [] are in use."""
    before = ""
    while before != selector:
        before = selector
        selector = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", selector)
    names = re.findall(r"[.#]((?:[\w-]|\\.|[^\x00-\x7f])+)", selector)
    return all(name.replace("\\", "") in used for name in names)


def _fold(style: str) -> str:
    """Return the theme's rules for folds as they fit the repaired pages."""
    return style.replace("summary>p", "summary>span").replace(
        "summary > p", "summary > span"
    )


def _moved(path: Path, static: Path) -> str:
    """Return a style sheet whose addresses are right from the folder ``_static``."""
    up = path.parent.relative_to(static).as_posix()
    text = path.read_text(encoding="utf-8")
    if up == ".":
        return text

    def address(match: re.Match[str]) -> str:
        name = match[1].strip("\"'")
        if name.startswith(("data:", "#", "http")):
            return match[0]
        parts = [*up.split("/"), *name.split("/")]
        while ".." in parts:
            at = parts.index("..")
            del parts[at - 1 : at + 1]
        return f"url({'/'.join(parts)})"

    return re.sub(r"url\(([^)]*)\)", address, text)


# --- icons ---------------------------------------------------------------------------


def cut_icons(style: str, folder: Path) -> str:
    """Cut the icon fonts to the glyphs that the style sheet names.

    The three fonts are written anew, as WOFF, without their other formats.
    """
    named = {int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3}|2b)\b", style)}
    for name in FONTS.values():
        options = subset.Options(flavor="woff", hinting=False, layout_features=[])
        font = ttLib.TTFont(folder / f"{name}.ttf", recalcTimestamp=False)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=named & set(font.getBestCmap()))
        cutter.subset(font)
        font.flavor = "woff"
        font.save(folder / f"{name}.woff")
        for old in (f"{name}.ttf", f"{name}.woff2"):
            (folder / old).unlink()
        style = re.sub(
            rf"src:\s*url\([^)]*{name}\.woff2\)[^;}}]*",
            f'src:url({ICONS}/{name}.woff) format("woff")',
            style,
        )
    return style
