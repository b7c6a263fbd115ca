"""What every chapter must satisfy, as functions that return a list of problems.

``python tools/notebook_lint.py chapters/01-….ipynb`` prints them; the tests hold all
chapters to them. Each problem names the cell and says what would be right.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from outputs import WITHIN
from setup_cell import METADATA, SOURCE, is_setup_cell

__all__ = ["CHECKS", "problems"]

MAX_LINE = 72
MAX_SIZE = 400 * 1024
MIN_ALT = 40
MIN_REASON = 30
TAGS = {"setup", "hide-input", "hide-output", "raises-exception", "unchecked"}
MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)
REVEAL = re.compile(r"reveal-\d+\.[A-Z]")
CLOSING = ("Exercises", "Interview questions", "Further reading", "Next")
CASE_FILES = {1, 3, 8, 9, 10, 12}  # chapters in which a verdict moves
UNMARKED = {*CLOSING, "What we measured", "Case file", "Ask again"}

Problems = list[str]
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|href=\"([^\"]+)\"")
# What shows in Jupyter Book but not in Colab or on GitHub (or the other way round).
FORBIDDEN = [
    (re.compile(r"^\s*`{3,}\s*\{", re.MULTILINE), "a MyST directive"),
    (re.compile(r"(?<!`)\{(?:ref|numref|eq|doc|cite\w*|term)\}`"), "a MyST role"),
    (re.compile(r"^\s*:{3,}", re.MULTILINE), "a ::: block"),
    (re.compile(r"^\s*>\s*\[!", re.MULTILINE), "a GitHub alert (write > **Note.** …)"),
    (re.compile(r"\{cite"), "a citation role (write an author-year link)"),
    (re.compile(r"\[\^"), "a footnote"),
    (re.compile(r"^\([\w:-]+\)=\s*$", re.MULTILINE), "a MyST label"),
    (re.compile(r"\\newcommand"), r"\newcommand"),
    (re.compile(r"\\\$"), r"\$ (write USD 5)"),
    (re.compile(r"\.ipynb#"), "an anchor into another notebook"),
    (re.compile(r"!\[[^\]]*\]\((?!https?:|attachment:)"), "a relative image file"),
    (re.compile(r"\$\$\s*\([\w:-]+\)"), "an equation label"),
]


# --- text ------------------------------------------------------------------------


def prose(source: str) -> str:
    """Return markdown without fenced and inline code, lines kept."""
    bare = FENCE.sub(lambda found: "\n" * found.group().count("\n"), source)
    return INLINE_CODE.sub("", bare)


def check_markdown(notebook: dict, path: Path) -> Problems:
    """Markdown that shows alike on the site, in Colab and on GitHub."""
    found = []
    for number, cell in _cells(notebook, "markdown"):
        text = prose(cell["source"])
        for index, (pattern, what) in enumerate(FORBIDDEN):
            # The first two are made of backticks, which prose() takes out.
            if pattern.search(cell["source"] if index < 2 else text):
                found.append(f"cell {number}: {what}")
        found += [f"cell {number}: {p}" for p in _display_math(text)]
        found += [f"cell {number}: {p}" for p in _details(cell["source"])]
        for line in text.splitlines():
            if line.lstrip().startswith("|"):
                for formula in re.findall(r"\$([^$]+)\$", line.replace(r"\|", "‖")):
                    if "|" in formula:
                        found.append(
                            f"cell {number}: a bare | in table math: {formula}"
                        )
    return found


def _display_math(text: str) -> Problems:
    """Return where $$ does not stand on a line of its own, blank lines around."""
    found, lines, inside = [], text.splitlines(), False
    for index, line in enumerate(lines):
        if "$$" not in line:
            if inside and line.strip() in {"=", "-"}:
                found.append(f"a line that is only {line.strip()!r} inside $$")
            continue
        if line.strip() != "$$":
            found.append(f"$$ needs a line of its own: {line.strip()!r}")
            continue
        neighbour = index + 1 if inside else index - 1
        if 0 <= neighbour < len(lines) and lines[neighbour].strip():
            found.append(f"$$ needs a blank line beside it: {lines[neighbour]!r}")
        inside = not inside
    return found + (["an open $$"] if inside else [])


def _details(source: str) -> Problems:
    """Return where folded blocks lack blank lines or hold headings."""
    found, lines, inside = [], source.splitlines(), 0
    fenced = False
    for index, line in enumerate(lines):
        fenced ^= line.lstrip().startswith("```")
        after = lines[index + 1].strip() if index + 1 < len(lines) else ""
        before = lines[index - 1].strip() if index else ""
        inside += line.count("<details")
        if "</summary>" in line and after:
            found.append("a blank line must follow </summary>")
        if "</details>" in line and before:
            found.append("a blank line must stand before </details>")
        if inside and not fenced and re.match(r"#{1,6} ", line):
            found.append(f"a heading inside <details>: {line!r}")
        inside -= line.count("</details>")
    return found + (["<details> and </details> do not match"] if inside else [])


# --- frame -----------------------------------------------------------------------


def headings(notebook: dict) -> list[tuple[int, int, str, str]]:
    """Return (cell, level, text, what follows up to the next heading)."""
    found = []
    for number, cell in _cells(notebook, "markdown"):
        text = prose(cell["source"])
        marks = list(re.finditer(r"^(#{1,6}) +(.+?)\s*$", text, re.MULTILINE))
        for mark, following in itertools.zip_longest(marks, marks[1:]):
            end = following.start() if following else len(text)
            body = text[mark.end() : end].strip()
            found.append((number, len(mark.group(1)), mark.group(2), body))
    return found


def check_frame(notebook: dict, path: Path) -> Problems:
    """One question as title, outcomes, times, marked sections, the closing parts."""
    found = []
    heads = headings(notebook)
    titles = [text for _, level, text, _ in heads if level == 1]
    if len(titles) != 1 or not heads or heads[0][1] != 1:
        found.append(f"one H1, at the top, is needed; found {titles}")
    elif not titles[0].endswith("?"):
        found.append(f"the title must be a question: {titles[0]!r}")
    opening = _before_setup(notebook)
    outcomes = re.split(r"you can afterwards", opening, flags=re.IGNORECASE)
    if len(outcomes) != 2:
        found.append("'You can afterwards' must stand once before the setup cell")
    elif len(re.findall(r"^\s*(?:\d\.|-|\*) ", outcomes[1], re.MULTILINE)) < 3:
        found.append("three outcomes, one per list item, are needed")
    if not re.search(r"\bminutes?\b|\bmin\b", opening):
        found.append("the time to read and to run must stand in minutes")
    if "no gpu needed" not in opening.lower():
        found.append("'no GPU needed' must stand before the setup cell")
    if "you need" not in opening.lower():
        found.append("'You need' must stand before the setup cell")
    seconds = [(text, body) for _, level, text, body in heads if level == 2]
    names = [text for text, _ in seconds]
    required = ("What we measured", *CLOSING)
    if _chapter(path) in CASE_FILES:
        required = ("Case file", *required)
    for name in required:
        if not any(text.startswith(name) for text in names):
            found.append(f"section '## {name}' is missing")
    for text, body in seconds:
        marked = re.search(r"\b(core|further)\b", text + "\n" + body[:60], re.I)
        if not marked and not any(text.startswith(name) for name in UNMARKED):
            found.append(f"section {text!r} is marked neither core nor further")
    return found


def _before_setup(notebook: dict) -> str:
    texts = []
    for cell in notebook["cells"]:
        if is_setup_cell(cell):
            break
        texts.append(cell["source"])
    return "\n\n".join(texts)


def check_setup(notebook: dict, path: Path) -> Problems:
    """The setup cell: once, byte for byte."""
    cells = [cell for cell in notebook["cells"] if is_setup_cell(cell)]
    if len(cells) != 1:
        return [f"{len(cells)} setup cells, expected one"]
    found = []
    if cells[0]["source"] != SOURCE:
        found.append("the setup cell differs from tools/setup_cell.py")
    if cells[0]["metadata"] != METADATA:
        found.append(f"the setup cell's metadata must be {METADATA}")
    if cells[0]["outputs"]:
        found.append("the setup cell prints something")
    return found


# --- code and outputs ------------------------------------------------------------


def check_outputs(notebook: dict, path: Path) -> Problems:
    """Executed once from top to bottom, no errors, no memory addresses."""
    found = []
    counts = [
        cell["execution_count"]
        for _, cell in _cells(notebook, "code")
        if cell["source"].strip()
    ]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"execution counts must be 1..{len(counts)}: run make execute")
    for number, cell in _cells(notebook, "code"):
        tags = cell["metadata"].get("tags", [])
        for output in cell["outputs"]:
            kind = output["output_type"]
            if kind == "error" and "raises-exception" not in tags:
                found.append(f"cell {number}: an error is stored")
            text = str(output.get("text", "")) + str(output.get("data", ""))
            if re.search(r"\bat 0x[0-9a-f]{6,}", text):
                found.append(f"cell {number}: a memory address is stored")
            if output.get("name") == "stderr":
                found.append(f"cell {number}: stderr is stored: {text[:60]!r}")
        if "execution" in cell["metadata"]:
            found.append(f"cell {number}: time stamps are stored")
    return found


def check_alt_texts(notebook: dict, path: Path) -> Problems:
    """Each figure has an alt text that says kind, axes and finding."""
    found = []
    for number, cell in _cells(notebook, "code"):
        pictures = [
            kind
            for output in cell["outputs"]
            for kind in output.get("data", {})
            if kind.startswith("image/")
        ]
        image = cell["metadata"].get("mystnb", {}).get("image", {})
        alt = image.get("alt", "")
        if pictures and len(alt) < MIN_ALT:
            found.append(f"cell {number}: figure without a telling alt text: {alt!r}")
        if pictures and ("/" in alt and ".png" in alt):
            found.append(f"cell {number}: a file path as alt text")
        if alt and not pictures:
            found.append(f"cell {number}: an alt text without a figure")
    return found


def check_tags(notebook: dict, path: Path) -> Problems:
    """Only known tags; each reveal follows its prediction."""
    found, predicted = [], set()
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            predicted |= set(re.findall(r"predict\(\s*[\"']([^\"']+)", cell["source"]))
        for tag in cell["metadata"].get("tags", []):
            if REVEAL.fullmatch(tag):
                if tag.removeprefix("reveal-") not in predicted:
                    found.append(f"cell {number}: {tag} before its prediction")
            elif tag not in TAGS and not WITHIN.fullmatch(tag):
                found.append(f"cell {number}: unknown tag {tag!r}")
        found += [f"cell {number}: {p}" for p in _comparison(cell)]
    return found


def _comparison(cell: dict) -> Problems:
    """Return what is wrong with the tags that weaken a cell's comparison."""
    tags = cell["metadata"].get("tags", [])
    weaker = [tag for tag in tags if tag == "unchecked" or WITHIN.fullmatch(tag)]
    reason = cell["metadata"].get("unchecked", "")
    found = []
    if weaker and not cell.get("outputs"):
        found.append(f"{weaker} on a cell without outputs")
    if "unchecked" in tags and (len(weaker) > 1 or len(reason) < MIN_REASON):
        found.append("the tag 'unchecked' stands alone, its reason in the metadata")
    if reason and "unchecked" not in tags:
        found.append("a reason for 'unchecked' without the tag")
    return found


def check_code(notebook: dict, path: Path) -> Problems:
    """Short lines, and no name that is not defined above."""
    found = []
    defined = set(dir(builtins)) | {"__file__", "__name__", "display", "get_ipython"}
    for number, cell in _cells(notebook, "code"):
        for line in cell["source"].splitlines():
            if len(line) > MAX_LINE:
                found.append(f"cell {number}: {len(line)} > {MAX_LINE}: {line[:40]}…")
        try:
            tree = ast.parse(MAGIC.sub("", cell["source"]))
        except SyntaxError as error:
            found.append(f"cell {number}: {error}")
            continue
        for statement in tree.body:
            late = isinstance(statement, ast.FunctionDef | ast.ClassDef)
            known = defined | (_stored(tree) if late else set())
            missing = _loaded(statement) - known
            found += [
                f"cell {number}: {name!r} is not defined above" for name in missing
            ]
            defined |= _stored(ast.Module([statement], []))
    return found


def _stored(tree: ast.AST) -> set[str]:
    """Return the names that a piece of code binds, at any depth."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _loaded(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads and does not bind itself."""
    inner = statement
    own: set[str] = set()
    if isinstance(statement, ast.AugAssign):
        target = statement.target
        inner = ast.Expr(statement.value)
        extra = {target.id} if isinstance(target, ast.Name) else set()
        return extra | _loaded(inner)
    if isinstance(statement, ast.Assign):
        inner = ast.Expr(statement.value)
    elif not isinstance(statement, ast.Expr):
        own = _stored(statement)
    own |= _stored(inner)  # comprehensions, lambdas, arguments
    loaded = {
        node.id
        for node in ast.walk(inner)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return loaded - own


def check_size(notebook: dict, path: Path) -> Problems:
    """A notebook stays under 400 KiB."""
    size = path.stat().st_size
    return [f"{size / 1024:.0f} KiB, the limit is 400"] if size > MAX_SIZE else []


# --- links -----------------------------------------------------------------------


def check_links(notebook: dict, path: Path) -> Problems:
    """Each link inside the course leads to a file that exists."""
    found = []
    for number, cell in _cells(notebook, "markdown"):
        for target in links(cell["source"]):
            problem = link_problem(target, path, notebook)
            if problem:
                found.append(f"cell {number}: {problem}")
    return found


def links(source: str) -> Iterator[str]:
    """Yield the link targets of a markdown text."""
    for match in LINK.finditer(prose(source)):
        yield match.group(1) or match.group(2)


def link_problem(target: str, path: Path, notebook: dict | None = None) -> str | None:
    """Return what is wrong with a link inside the course, None if nothing is."""
    if re.match(r"https?://|mailto:", target):
        return None
    name, _, anchor = target.partition("#")
    file = (path.parent / name) if name else path
    if name and not file.exists():
        return f"{target} leads nowhere"
    if anchor and anchor not in anchors(file, notebook if not name else None):
        return f"{target}: no such heading"
    return None


def anchors(file: Path, notebook: dict | None = None) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    if file.suffix == ".ipynb":
        notebook = notebook or nbformat.read(file, as_version=4)
        texts = [text for _, _, text, _ in headings(notebook)]
        explicit = re.findall(r"(?:id|name)=\"([^\"]+)\"", _all_text(notebook))
    else:
        source = file.read_text(encoding="utf-8")
        texts = re.findall(r"^#{1,6} +(.+?)\s*$", prose(source), re.MULTILINE)
        explicit = re.findall(r"^\(([\w:-]+)\)=", source, re.MULTILINE)
    return {slug(text) for text in texts} | set(explicit)


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _all_text(notebook: dict) -> str:
    return "\n".join(cell["source"] for cell in notebook["cells"])


# --- exercises -------------------------------------------------------------------


def check_exercises(notebook: dict, path: Path) -> Problems:
    """Each exercise has its heading, its place to answer, hints and a solution."""
    text = _all_text(notebook)
    # 1.0 is the check on what a chapter needs: no exercise, so no solution either.
    asked = re.findall(r"\b(?:ask|check)\(\s*[\"'](\d+\.[1-9]\d*)", text)
    solved = re.findall(r"<details data-solution=\"([^\"]+)\"", text)
    found = []
    own = [i for i in dict.fromkeys(asked) if i.split(".")[0] == f"{_chapter(path)}"]
    for exercise in own:
        if exercise not in solved:
            found.append(f"exercise {exercise} has no folded solution")
        if not re.search(rf"^### {re.escape(exercise)}\b", text, re.MULTILINE):
            found.append(f"exercise {exercise} has no heading '### {exercise} …'")
    for exercise in solved:
        if exercise not in asked:
            found.append(f"solution {exercise} belongs to no ask or check")
    if len(own) < 6:
        found.append(f"{len(own)} exercises, at least six are needed")
    return found


def _chapter(path: Path) -> int:
    return int(path.name[:2]) if path.name[:2].isdigit() else 0


def _cells(notebook: dict, kind: str) -> Iterator[tuple[int, dict]]:
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == kind:
            yield number, cell


CHECKS = {
    "frame": check_frame,
    "markdown": check_markdown,
    "setup": check_setup,
    "outputs": check_outputs,
    "alt texts": check_alt_texts,
    "tags": check_tags,
    "code": check_code,
    "size": check_size,
    "links": check_links,
    "exercises": check_exercises,
}


def problems(path: Path) -> Problems:
    """Return all problems of one notebook."""
    notebook = nbformat.read(path, as_version=4)
    return [
        f"{path.name}: {name}: {problem}"
        for name, check in CHECKS.items()
        for problem in check(notebook, path)
    ]


def main() -> int:
    """Print the problems of the notebooks on the command line, or of all."""
    root = Path(__file__).resolve().parent.parent
    paths = [Path(name) for name in sys.argv[1:]]
    found = [
        problem
        for path in paths or sorted((root / "chapters").glob("*.ipynb"))
        for problem in problems(path)
    ]
    print("\n".join(found) or "No problems.")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())
