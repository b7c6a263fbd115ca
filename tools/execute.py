"""Execute the chapters and store their outputs and their figures' alt texts.

``make execute`` runs all chapters, ``make execute NOTEBOOKS=chapters/01-….ipynb``
only the named ones. ``make test`` tells which need it: those of which a cell no longer
prints what is stored. Each runs in a clean kernel on the CPU with one thread, two at
a time. A notebook is replaced only when all its cells have run.

``python tools/execute.py --figures`` runs them and keeps only their figures, for a
change of style: what the cells printed stays as it is.

``python tools/execute.py --widgets`` runs no notebook: it draws the exercises,
predictions and explorers anew, after a change of their script or style, writes
today's setup cell, and leaves every other cell and output as it is.
"""

from __future__ import annotations

import argparse
import ast
import base64
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import nbformat
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from outputs import TAKE_ALT_TEXTS, alt_texts, joined_alt, without_addresses
from setup_cell import SOURCE, is_setup_cell

ROOT = Path(__file__).resolve().parent.parent
# Pixels of a stored figure to one of a page; with 2 some notebooks would be too large.
SHARPNESS = 1.5
# Colours of a notebook's figures, lines, fills and their smooth edges: as many as its
# size allows. Some room is left for its text to change.
PALETTES = (64, 48, 32, 24)
LARGEST = 394 * 1024  # bytes; the tests allow 400 KiB
DRAW_SHARP = f"""
from matplotlib.backend_bases import FigureCanvasBase
def _sharp(self, *given, _draw=FigureCanvasBase.print_figure, dpi=None, **named):
    return _draw(self, *given, dpi=(dpi or self.figure.dpi) * {SHARPNESS}, **named)
FigureCanvasBase.print_figure = _sharp
del FigureCanvasBase, _sharp
"""
CELL_TIMEOUT = 600  # seconds; the tests hold each cell to 120
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "TQDM_DISABLE": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class Executor(NotebookClient):
    """A client that stores each figure's alt text beside it."""

    async def async_execute_cell(self, cell, cell_index, *args, **kwargs):
        """Run one cell, then ask the kernel for the alt texts of its figures."""
        if cell_index == 0:
            self.kc.execute(DRAW_SHARP, silent=True)
        result = await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        if cell.cell_type == "code":
            set_alt_text(cell, await self.take_alt_texts())
        return result

    async def take_alt_texts(self) -> list[str]:
        """Return the alt texts registered since the last call."""
        message_id = self.kc.execute(
            "", silent=True, user_expressions={"alt": TAKE_ALT_TEXTS}
        )
        while True:
            reply = await ensure_async(self.kc.get_shell_msg(timeout=60))
            if reply["parent_header"].get("msg_id") == message_id:
                return alt_texts(reply)


def set_alt_text(cell: dict, texts: list[str]) -> None:
    """Write the alt texts of a cell's figures into its metadata."""
    pictures = sum("image/png" in o.get("data", {}) for o in cell["outputs"])
    if not pictures:
        image = cell["metadata"].get("mystnb", {}).pop("image", None)
        if image is not None and not cell["metadata"]["mystnb"]:
            del cell["metadata"]["mystnb"]
        return
    if not texts:
        return  # written by hand; the tests refuse a figure that has none
    settings = cell["metadata"].setdefault("mystnb", {}).setdefault("image", {})
    settings["alt"] = joined_alt(cell["outputs"], texts)


def clean(notebook: dict) -> None:
    """Drop what differs between two runs of the same code."""
    notebook["metadata"] = {"kernelspec": KERNEL, "language_info": LANGUAGE}
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        cell["outputs"] = merge_streams(cell["outputs"])
        for output in cell["outputs"]:
            output.get("metadata", {}).clear()
            if "text" in output:
                output["text"] = without_addresses(output["text"])
            for kind, text in output.get("data", {}).items():
                if isinstance(text, str) and kind.startswith("text/"):
                    output["data"][kind] = without_addresses(text)


def compact_pictures(notebook: dict) -> None:
    """Store a notebook's figures with as many colours as its size allows.

    The size at which a figure is to be shown stands beside it for Jupyter, and in its
    file, as pixels to the inch, for the site.
    """
    outputs = [o for cell in notebook["cells"] for o in pictures_of(cell)]
    drawn = [base64.b64decode(o["data"]["image/png"]) for o in outputs]
    for colours in PALETTES:
        for output, data in zip(outputs, drawn):
            picture = Image.open(BytesIO(data)).convert("RGB")
            width, height = (round(side / SHARPNESS) for side in picture.size)
            output["data"]["image/png"] = compact_picture(picture, colours)
            output["metadata"] = {"image/png": {"width": width, "height": height}}
        if len(nbformat.writes(notebook).encode("utf-8")) <= LARGEST:
            break


def compact_picture(picture: Image.Image, colours: int) -> str:
    """Return a figure with a palette, as text.

    The colours are those that cover most of the colour space: median cut counts pixels
    instead, and gives a thin line the colour of another one.
    """
    few = picture.quantize(
        colours, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
    )
    buffer = BytesIO()
    few.save(buffer, "PNG", optimize=True, dpi=(96 * SHARPNESS,) * 2)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def merge_streams(outputs: list[dict]) -> list[dict]:
    """Join neighbouring pieces of one stream; where they split is chance."""
    merged: list[dict] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            merged.append(output)
    return merged


def run(notebook: dict, path: Path) -> None:
    """Execute a notebook that is loaded already; raise RuntimeError if a cell fails."""
    client = Executor(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(report(path, notebook, error)) from None
    clean(notebook)


def execute(path: Path, figures_only: bool = False) -> str:
    """Execute one notebook in place; return a line about it, or raise RuntimeError."""
    started = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    stored = deepcopy(notebook) if figures_only else None
    run(notebook, path)
    if stored is not None:
        take_figures(stored, notebook, path.name)
        notebook = stored
    compact_pictures(notebook)
    nbformat.validate(notebook)
    write(notebook, path)
    size = path.stat().st_size / 1024
    return f"{path.name}: {time.perf_counter() - started:.1f} s, {size:.0f} KiB"


def take_figures(stored: dict, fresh: dict, name: str) -> None:
    """Put a run's figures in the places of those that a notebook holds."""
    for old, new in zip(stored["cells"], fresh["cells"], strict=True):
        before, after = pictures_of(old), pictures_of(new)
        if len(before) != len(after):
            raise RuntimeError(
                f"{name}, cell {old['id']}: {len(before)} figures are stored and "
                f"{len(after)} were drawn; run it without --figures"
            )
        for kept, drawn in zip(before, after):
            kept["data"]["image/png"] = drawn["data"]["image/png"]
            kept["metadata"] = drawn["metadata"]


def pictures_of(cell: dict) -> list[dict]:
    """Return a cell's outputs that hold a figure."""
    return [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


WIDGETS = ("ask", "predict", "progress_panel", "explorer")


def redraw(path: Path) -> str:
    """Renew a notebook's stored widgets and its setup cell; return a line about it."""
    notebook = nbformat.read(path, as_version=4)
    drawn, setup = 0, False
    for cell in notebook["cells"]:
        if is_setup_cell(cell) and cell["source"] != SOURCE:
            cell["source"], setup = SOURCE, True
        call = widget_call(cell)
        shown = [o for o in cell.get("outputs", []) if "text/html" in o.get("data", {})]
        if call is None or len(shown) != 1:
            continue
        widget = draw(*call)
        before, data = dict(shown[0]["data"]), shown[0]["data"]
        data["text/html"] = without_addresses(widget._repr_html_())
        data["text/plain"] = without_addresses(repr(widget))
        drawn += data != before
    if drawn or setup:
        write(notebook, path)
    size = path.stat().st_size / 1024
    return f"{path.name}: {drawn} widgets drawn anew, {size:.1f} KiB"


def widget_call(cell: dict) -> tuple[str, list, dict] | None:
    """Return name and arguments of the widget that a cell calls, as its only word."""
    if cell["cell_type"] != "code":
        return None
    try:
        body = ast.parse(cell["source"]).body
    except SyntaxError:
        return None
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    if call.func.id not in WIDGETS:
        return None
    named = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return call.func.id, [ast.literal_eval(word) for word in call.args], named


def draw(name: str, arguments: list, named: dict) -> object:
    """Return the widget that such a call makes."""
    from actlab.interactive import explorer
    from course import exercises

    maker = explorer if name == "explorer" else getattr(exercises, name)
    return maker(*arguments, **named)


def report(path: Path, notebook: dict, error: Exception) -> str:
    """Return what failed: the notebook, the cell, the error."""
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return f"{path.name}, cell {number}:\n{cell['source']}\n" + "\n".join(
                    output["traceback"]
                )
    return f"{path.name}: {error}"


def write(notebook: dict, path: Path) -> None:
    """Write a notebook to a temporary file, then rename it."""
    partial = path.with_suffix(".ipynb.partial")
    partial.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    partial.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Execute the notebooks named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--widgets", action="store_true", help="draw the widgets anew, run nothing"
    )
    parser.add_argument(
        "--figures", action="store_true", help="run all, and keep only the figures"
    )
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted((ROOT / "chapters").glob("*.ipynb"))
    os.environ.update(ENVIRONMENT)
    os.environ.pop("MPLBACKEND", None)  # else the inline backend stays off
    os.environ["PYTHONPATH"] = str(ROOT / "code")
    if options.widgets:
        sys.path.insert(0, str(ROOT / "code"))
        for path in paths:
            print(redraw(path.resolve()), flush=True)
        return 0
    failed = 0
    with ProcessPoolExecutor(max_workers=min(options.jobs, len(paths))) as pool:
        for future in [
            pool.submit(execute, path.resolve(), options.figures) for path in paths
        ]:
            try:
                print(future.result(), flush=True)
            except RuntimeError as error:
                failed += 1
                print(f"\n{error}\n", file=sys.stderr, flush=True)
    if failed:
        print(f"{failed} of {len(paths)} notebooks failed.", file=sys.stderr)
        return 1
    print(f"Executed {len(paths)} notebooks.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
