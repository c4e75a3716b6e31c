"""The pages of the repository lead somewhere, and the README's picture is true."""

import json
import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import pytest
from matplotlib.image import imread

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
PAGES = [*ROOT.glob("*.md"), *BOOK.rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
MADE = {"lists", "api", "results"}  # `make book` writes these pages
LINK = re.compile(r'\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)="([^"]+)"')


@pytest.fixture(scope="module")
def picture():
    """The script that measures and draws."""
    return runpy.run_path(str(BOOK / "picture.py"))


@pytest.fixture(scope="module")
def kept():
    """What it has measured."""
    return json.loads((BOOK / "picture.json").read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_of_a_page_leads_to_a_file(page):
    """
    Read in the repository, as a visitor of its site does.
    """
    found = (one or other for one, other in LINK.findall(page.read_text("utf-8")))
    near = [link for link in found if "://" not in link]

    dead = [link for link in near if not (page.parent / unquote(link)).exists()]

    assert [link for link in dead if link.split("/")[0] not in MADE] == []


@pytest.mark.parametrize("agent", ["naive", "durable"])
@pytest.mark.usefixtures("world", "quick")
def test_the_picture_shows_what_happens_today(picture, kept, agent):
    """
    The two runs in sight, and the deaths in one of the effects.
    """
    again = picture["measure"](agent, ordinals=range(5, 6))

    shown = kept[agent]
    once = {point: shown["once"][point] for point in again["once"]}
    assert again == {**shown, "once": once}
    assert len(once) == 2


def test_the_picture_says_in_words_what_it_shows(kept):
    """
    Whoever cannot see it reads of as many moments as there are, and of their ends.
    """
    said = " ".join((ROOT / "README.md").read_text("utf-8").split())
    moments = [len(record["once"]) for record in kept.values()]

    assert "killed in their fifth effect" in said
    assert [len(record["first"]) for record in kept.values()] == [5, 5]
    assert ("sixteen moments" in said, moments) == (True, [16, 16])
    assert [set(record["once"].values()) for record in kept.values()] == [
        {False},
        {True},
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_is_drawn_from_what_was_measured(picture, kept, theme, tmp_path):
    """
    The same record gives the same picture, but for a pixel of another system's fonts.
    """
    picture["draw"](kept, tmp_path / "new.png", dark=theme == "dark")

    drawn = imread(tmp_path / "new.png")
    stored = imread(BOOK / "_static" / f"survives-{theme}.png")
    assert drawn.shape == stored.shape
    assert abs(drawn - stored).mean() < 0.01
