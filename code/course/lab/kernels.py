"""The laboratory's inner loops in WebAssembly, written out by this script.

``python code/course/lab/kernels.py`` writes ``kernels.js``, which holds the module's
bytes as text. It needs ``pip install wasmtime==50.0.1``, whose assembler turns the text
format into bytes; nothing else in the course does. The same script and version give the
same bytes on every machine.

All loops work on float64, two numbers per instruction. The two are neighbours of a row
of the result, never parts of one sum, so that every sum is taken in the order in which
``machine.js`` takes it without WebAssembly, and the bits are the same. Multiplication
and addition are not fused: WebAssembly has no instruction that would.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
from pathlib import Path

__all__ = ["ASSEMBLER", "assemble", "digest", "text", "written"]

ASSEMBLER = "wasmtime 50.0.1"
PLACE = Path(__file__).with_name("kernels.js")

# What lies in memory before anything else: machine.js writes it there.
TANHS_AT = 0  # tanh(k/64), in bytes from 0
ONE_AT = 16376  # the number 1

Lines = list[str]


def _params(names: str, kind: str = "i32") -> str:
    return " ".join(f"(param ${name} {kind})" for name in names.split())


def _locals(names: str, kind: str = "i32") -> str:
    return " ".join(f"(local ${name} {kind})" for name in names.split())


def _add(name: str, by: str) -> str:
    return f"(local.set ${name} (i32.add (local.get ${name}) {by}))"


def _get(name: str) -> str:
    return f"(local.get ${name})"


def _block(width: int, rows: int) -> Lines:
    """Return the code of one block of C: ``rows`` rows, ``width`` numbers in each.

    On entry ``$p0`` is the first of the rows of A, ``$b`` the block's columns in B,
    ``$c`` and ``$d`` its place in C and in what is added.
    """
    lanes = max(1, width // 2)
    pair = width > 1
    kind = "f64x2" if pair else "f64"
    load = "v128.load" if pair else "f64.load"
    splat = "v128.load64_splat" if pair else "f64.load"
    zero = "(v128.const f64x2 0 0)" if pair else "(f64.const 0)"
    kept = "v" if pair else "s"
    accumulators = [(r, v) for r in range(rows) for v in range(lanes)]
    name = "$" + kept + "{}{}"
    code = [f"(local.set {name.format(r, v)} {zero})" for r, v in accumulators]
    for r in range(1, rows):
        code.append(
            f"(local.set $p{r} (i32.add (local.get $p{r - 1}) (local.get $am)))"
        )
    code += [
        "(local.set $q (local.get $b))",
        "(local.set $k (local.get $K))",
        "(loop $sum",
    ]
    wide = "$x" if pair else "$y"
    for r in range(rows):
        code.append(f"  (local.set {wide}{r} ({splat} {_get(f'p{r}')}))")
    for v in range(lanes):
        item = f"({load} offset={16 * v} {_get('q')})"
        if rows > 1:
            code.append(f"  (local.set {wide}b {item})")
            item = f"(local.get {wide}b)"
        for r in range(rows):
            target = name.format(r, v)
            product = f"({kind}.mul (local.get {wide}{r}) {item})"
            code.append(
                f"  (local.set {target} ({kind}.add (local.get {target}) {product}))"
            )
    for r in range(rows):
        code.append("  " + _add(f"p{r}", _get("ak")))
    code += [
        "  " + _add("q", _get("bk")),
        "  (br_if $sum (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))",
        "(if (local.get $D) (then",
    ]
    for r in range(rows):
        if r == 0:
            code.append("  (local.set $q (local.get $d))")
        else:
            code.append("  " + _add("q", _get("dm")))
        for v in range(lanes):
            target = name.format(r, v)
            there = f"({load} offset={16 * v} {_get('q')})"
            code.append(
                f"  (local.set {target} ({kind}.add (local.get {target}) {there}))"
            )
    code += ["))", "(local.set $q (local.get $c))"]
    store = "v128.store" if pair else "f64.store"
    for r in range(rows):
        if r:
            code.append(_add("q", _get("cm")))
        for v in range(lanes):
            item = f"(local.get {name.format(r, v)})"
            code.append(f"({store} offset={16 * v} {_get('q')} {item})")
    return code


def _rows(width: int, rows: int) -> Lines:
    """Return a loop over the rows of C, ``rows`` at a time while so many are left."""
    mark = f"{width}_{rows}"
    code = [
        f"(block $done_{mark} (loop $next_{mark}",
        f"(br_if $done_{mark} (i32.lt_s (local.get $m) (i32.const {rows})))",
        "(local.set $p0 (local.get $a))",
        *(line.replace("$sum", f"$sum_{mark}") for line in _block(width, rows)),
    ]
    for pointer, stride in (("a", "am"), ("c", "cm"), ("d", "dm")):
        step = f"(i32.mul (local.get ${stride}) (i32.const {rows}))"
        code.append(_add(pointer, step if rows > 1 else _get(stride)))
    code += [
        f"(local.set $m (i32.sub (local.get $m) (i32.const {rows})))",
        f"(br $next_{mark})))",
    ]
    return code


def _panels(width: int, heights: tuple[int, ...]) -> Lines:
    """Return a loop over the columns of C, ``width`` at a time."""
    code = [
        f"(block $out_{width} (loop $panel_{width}",
        f"(br_if $out_{width} (i32.lt_s (local.get $N) (i32.const {width})))",
        "(local.set $m (local.get $M)) (local.set $a (local.get $A))",
        "(local.set $b (local.get $B))",
        "(local.set $c (local.get $C)) (local.set $d (local.get $D))",
    ]
    for rows in heights:
        code += _rows(width, rows)
    size = f"(i32.const {8 * width})"
    code += [_add("B", size), _add("C", size)]
    code += [f"(if (local.get $D) (then {_add('D', size)}))"]
    code += [f"(local.set $N (i32.sub (local.get $N) (i32.const {width})))"]
    code += [f"(br $panel_{width})))"]
    return code


def _products() -> str:
    """C[m, n] = Σ_k A[m, k] · B[k, n], + D[m, n] unless D is 0; strides in bytes.

    The neighbours in a row of B, C and D lie side by side.
    """
    names = [f"{kind}{r}{v}" for kind in "v" for r in range(4) for v in range(4)]
    return "\n".join(
        [
            "(func $products " + _params("A am ak B bk C cm M N K D dm"),
            _locals("a b c d m k q p0 p1 p2 p3"),
            _locals(" ".join(names) + " x0 x1 x2 x3 xb", "v128"),
            _locals("s00 s10 s20 s30 y0 y1 y2 y3 yb", "f64"),
            *_panels(8, (2, 1)),
            *_panels(2, (4, 1)),
            *_panels(1, (4, 1)),
            ")",
        ]
    )


TRANSPOSE = f"""
(func $transpose {_params("W outs ins T")} {_locals("o i w t")}
  ;; T[i, o] = W[o, i]
  (loop $row
    (local.set $t (i32.add (local.get $T) (i32.shl (local.get $o) (i32.const 3))))
    (local.set $i (local.get $ins))
    (loop $column
      (f64.store (local.get $t) (f64.load (local.get $W)))
      {_add("W", "(i32.const 8)")}
      {_add("t", "(i32.shl (local.get $outs) (i32.const 3))")}
      (br_if $column (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    {_add("o", "(i32.const 1)")}
    (br_if $row (i32.lt_s (local.get $o) (local.get $outs)))))

(func (export "forward") {_params("X W bias Z T n ins outs")} {_locals("si so B")}
  ;; Z = X Wᵀ + bias; T is room for a transposed W
  (local.set $si (i32.shl (local.get $ins) (i32.const 3)))
  (local.set $so (i32.shl (local.get $outs) (i32.const 3)))
  (local.set $B (local.get $W))
  (if (i32.gt_s (local.get $outs) (i32.const 1)) (then
    (call $transpose (local.get $W) (local.get $outs) (local.get $ins) (local.get $T))
    (local.set $B (local.get $T))))
  (call $products (local.get $X) (local.get $si) (i32.const 8)
    (local.get $B) (local.get $so) (local.get $Z) (local.get $so)
    (local.get $n) (local.get $outs) (local.get $ins)
    (local.get $bias) (i32.const 0)))

(func (export "backward") {_params("E X W G b back n ins outs more bridged")}
  {_locals("si so")}
  ;; G = Eᵀ X, b = Σ E, back = E W; added to what is there if more or bridged
  (local.set $si (i32.shl (local.get $ins) (i32.const 3)))
  (local.set $so (i32.shl (local.get $outs) (i32.const 3)))
  (call $products (local.get $E) (i32.const 8) (local.get $so)
    (local.get $X) (local.get $si) (local.get $G) (local.get $si)
    (local.get $outs) (local.get $ins) (local.get $n)
    (select (local.get $G) (i32.const 0) (local.get $more)) (local.get $si))
  (call $products (i32.const {ONE_AT}) (i32.const 0) (i32.const 0)
    (local.get $E) (local.get $so) (local.get $b) (local.get $so)
    (i32.const 1) (local.get $outs) (local.get $n)
    (select (local.get $b) (i32.const 0) (local.get $more)) (i32.const 0))
  (if (local.get $back) (then
    (call $products (local.get $E) (local.get $so) (i32.const 8)
      (local.get $W) (local.get $si) (local.get $back) (local.get $si)
      (local.get $n) (local.get $ins) (local.get $outs)
      (select (local.get $back) (i32.const 0) (local.get $bridged)) (local.get $si)))))
"""


def _each(name: str, pointers: str, numbers: str, extra: str, body: str) -> str:
    """Return a function that goes through arrays two numbers at a time.

    ``{pointer}`` in the body reads the pair there, ``@pointer value;`` is one write a
    line. A lone last number is worked on with what lies behind it, which nothing keeps.
    """
    arrays = pointers.split()
    lines = []
    for line in body.strip().splitlines():
        for pointer in arrays:
            line = line.replace(f"{{{pointer}}}", f"(v128.load (local.get ${pointer}))")
        lines.append(line.strip())
    code, last = [], []
    for line in lines:
        if line.startswith("@"):
            pointer, value = line[1:].split(" ", 1)
            code.append(f"(v128.store (local.get ${pointer}) {value})")
            last.append(f"(v128.store64_lane 0 (local.get ${pointer}) {value})")
        else:
            code.append(line)
            last.append(line)
    steps = [_add(pointer, "(i32.const 16)") for pointer in arrays]
    given = " ".join(f"(param ${n} f64)" for n in numbers.split())
    pairs = [
        f"(local.set ${n}s (f64x2.splat (local.get ${n})))" for n in numbers.split()
    ]
    wide = " ".join(f"{n}s" for n in numbers.split())
    return "\n".join(
        [
            f'(func (export "{name}") {_params(pointers + " n")} {given}',
            _locals(f"{wide} {extra}".strip(), "v128") if wide or extra else "",
            *pairs,
            "(block $end (loop $pair",
            "(br_if $end (i32.lt_s (local.get $n) (i32.const 2)))",
            *code,
            *steps,
            "(local.set $n (i32.sub (local.get $n) (i32.const 2)))",
            "(br $pair)))",
            "(if (local.get $n) (then",
            *last,
            ")))",
        ]
    )


def _constant(value: float) -> str:
    return f"(v128.const f64x2 {value!r} {value!r})"


def _op(name: str, *parts: str) -> str:
    found = [part if part[0] in "({" else f"(local.get ${part})" for part in parts]
    kind = "v128" if name in ("and", "bitselect") else "f64x2"
    return f"({kind}.{name} {' '.join(found)})"


def _set(name: str, value: str) -> str:
    return f"(local.set ${name} {value})"


def _tanh() -> str:
    """As tanh in numbers.js: from a table at k/64 by the addition theorem."""
    shift = _constant(2.0**52)
    series = _constant(17 / 315)
    for term in (2 / 15, 1 / 3):
        series = _op("sub", _constant(term), _op("mul", "q", series))
    # The sum's last bits are the whole number k. A sum that is no number gets any k.
    place = (
        "(i32.shl (i32.and (i32x4.extract_lane {} (local.get $s)) (i32.const 2047))"
        " (i32.const 3))"
    )
    far = (
        f"(v128.load64_lane offset={TANHS_AT} 1 {place.format(2)} "
        f"(v128.load64_zero offset={TANHS_AT} {place.format(0)}))"
    )
    near = _op("sub", "r", _op("mul", _op("mul", "r", "q"), series))
    quotient = _op(
        "div",
        _op("add", "far", "near"),
        _op("add", _constant(1.0), _op("mul", "far", "near")),
    )
    signed = _op("bitselect", _op("neg", "y"), "y", _op("lt", "x", _constant(0.0)))
    return _each(
        "tanh",
        "z h d",
        "",
        "x a s r q near far y",
        "\n".join(
            [
                _set("x", "{z}"),
                _set("a", _op("pmin", _op("abs", "x"), _constant(20.0))),
                _set("s", _op("add", _op("mul", "a", _constant(64.0)), shift)),
                _set(
                    "r",
                    _op(
                        "sub",
                        "a",
                        _op("mul", _op("sub", "s", shift), _constant(1 / 64)),
                    ),
                ),
                _set("q", _op("mul", "r", "r")),
                _set("near", near),
                _set("far", far),
                _set("y", quotient),
                _set("y", signed),
                "@h (local.get $y)",
                "@d " + _op("sub", _constant(1.0), _op("mul", "y", "y")),
            ]
        ),
    )


def _bent() -> str:
    """As runBent in formula.js: x right of 0, a multiple of it left of it."""
    return _each(
        "bent",
        "z h d",
        "slope",
        "x right",
        "\n".join(
            [
                _set("x", "{z}"),
                _set("right", _op("gt", "x", _constant(0.0))),
                "@h " + _op("bitselect", "x", _op("mul", "slopes", "x"), "right"),
                "@d " + _op("bitselect", _constant(1.0), "slopes", "right"),
            ]
        ),
    )


def _errors() -> str:
    """∂L/∂z: a factor, times what came back, times the slope; an exact 0 wins."""
    product = _op("mul", _op("mul", "factors", "{back}"), "f")
    return _each(
        "errors",
        "slope back error",
        "factor",
        "f",
        "\n".join(
            [
                _set("f", "{slope}"),
                "@error " + _op("and", product, _op("ne", "f", _constant(0.0))),
            ]
        ),
    )


def _optimisers() -> Lines:
    """As Optimiser.step in engine.js."""
    sgd = "@P " + _op("sub", "{P}", _op("mul", "rates", "{G}"))
    momentum = [
        _set("m", _op("add", _op("mul", "keeps", "{M}"), "{G}")),
        "@M (local.get $m)",
        "@P " + _op("sub", "{P}", _op("mul", "rates", "m")),
    ]
    root = _op("div", _op("sqrt", "v"), "seconds")
    adam = [
        _set("g", "{G}"),
        _set("m", _op("add", "{M}", _op("mul", "as", _op("sub", "g", "{M}")))),
        _set(
            "v",
            _op("add", _op("mul", "bs", "{V}"), _op("mul", _op("mul", "cs", "g"), "g")),
        ),
        "@M (local.get $m)",
        "@V (local.get $v)",
        "@P "
        + _op(
            "sub",
            "{P}",
            _op("div", _op("mul", "firsts", "m"), _op("add", root, "epsilons")),
        ),
    ]
    return [
        _each("sgd", "P G", "rate", "", sgd),
        _each("momentum", "P G M", "rate keep", "m", "\n".join(momentum)),
        _each(
            "adam", "P G M V", "a b c first second epsilon", "g m v", "\n".join(adam)
        ),
    ]


def text() -> str:
    """Return the module in WebAssembly's text format."""
    parts = [_products(), TRANSPOSE, _tanh(), _bent(), _errors(), *_optimisers()]
    memory = '(import "lab" "memory" (memory 1))'
    return "\n".join(["(module", memory, *parts, ")"]) + "\n"


def digest() -> str:
    """Return the text's SHA-256, which ``kernels.js`` names as its source."""
    return hashlib.sha256(text().encode()).hexdigest()


def assemble() -> bytes:
    """Return the module's bytes; needs wasmtime."""
    wasmtime = importlib.import_module("wasmtime")
    return bytes(wasmtime.wat2wasm(text()))


def written() -> str:
    """Return what ``kernels.js`` has to be; needs wasmtime."""
    packed = base64.b64encode(assemble()).decode()
    return (
        "// Written by kernels.py: what it assembles.\n"
        f"// Assembler: {ASSEMBLER}. SHA-256 of the text: {digest()}\n"
        f'const KERNELS = "{packed}";\n'
    )


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8", newline="\n")
    print(f"{PLACE.name}: {PLACE.stat().st_size} bytes")
