"""Nothing that the course must hold is lost: each topic has a place or a plan."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COVERAGE = yaml.safe_load((ROOT / "reference" / "coverage.yml").read_text("utf-8"))
TOPICS = dict(
    line.split("\t", 1)
    for line in (ROOT / "reference" / "coverage_ids.txt").read_text("utf-8").split("\n")
    if line and not line.startswith("#")
)


@cache
def headings(path):
    """Return the headings of a notebook's Markdown cells or of a Markdown file."""
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        )
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S)
    return [match[1] for match in re.finditer(r"^#{1,6} +(.+?) *$", text, re.M)]


def places():
    for topic, where in COVERAGE["placed"].items():
        for place in where if isinstance(where, list) else [where]:
            yield topic, place


def test_all_topics_are_listed():
    assert len(TOPICS) == 333
    assert all(re.fullmatch(r"[A-Z]+-\d\d", topic) for topic in TOPICS)
    assert all(title.strip() for title in TOPICS.values())


def test_every_topic_has_a_place_or_a_plan():
    planned = {topic for ids in COVERAGE["planned"].values() for topic in ids}
    known = planned | set(COVERAGE["placed"])
    assert known - set(TOPICS) == set(), "unknown topics"
    assert set(TOPICS) - known == set(), "topics without a place or a plan"


@pytest.mark.parametrize("topic, place", places(), ids=lambda value: str(value)[:60])
def test_place_exists(topic, place):
    assert set(place) == {"place", "heading"}
    path = ROOT / place["place"]
    assert path.is_file(), f"{topic}: there is no {place['place']}"
    assert place["heading"] in headings(path), (
        f"{topic}: no heading {place['heading']!r} in {place['place']}; it has "
        f"{headings(path)}"
    )


def test_finished_chapters_have_no_open_plans():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    for where, topics in COVERAGE["planned"].items():
        assert f"file: chapters/{where}-" not in contents, (
            f"chapter {where} is in the book, but still planned for it: {topics}"
        )


def test_a_missing_heading_is_noticed():
    with pytest.raises(AssertionError, match="no heading 'Nowhere'"):
        test_place_exists("CON-01", {"place": "intro.md", "heading": "Nowhere"})
