"""The pages lead somewhere, the README's picture is true, and a bad page is noticed."""

import json
import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import pytest
from lab_server import FLAGS, find_browser
from matplotlib.image import imread
from playwright.sync_api import sync_playwright

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
    """Read in the repository, as a visitor of its site does."""
    found = (one or other for one, other in LINK.findall(page.read_text("utf-8")))
    near = [link for link in found if "://" not in link]

    dead = [link for link in near if not (page.parent / unquote(link)).exists()]

    assert [link for link in dead if link.split("/")[0] not in MADE] == []


@pytest.mark.parametrize("agent", ["naive", "durable"])
@pytest.mark.usefixtures("world", "quick")
def test_the_picture_shows_what_happens_today(picture, kept, agent):
    """The two runs in sight, and the deaths in one of the effects."""
    again = picture["measure"](agent, ordinals=range(5, 6))

    shown = kept[agent]
    once = {point: shown["once"][point] for point in again["once"]}
    assert again == {**shown, "once": once}
    assert len(once) == 2


def test_the_picture_says_in_words_what_it_shows(kept):
    """Whoever cannot see it reads of as many moments as there are, and their ends."""
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
    """The same record gives the same picture, but for a pixel of another's fonts."""
    picture["draw"](kept, tmp_path / "new.png", dark=theme == "dark")

    drawn = imread(tmp_path / "new.png")
    stored = imread(BOOK / "_static" / f"survives-{theme}.png")
    assert drawn.shape == stored.shape
    assert abs(drawn - stored).mean() < 0.01


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        pytest.param('<a href="gone.html">x</a>', "is not there", id="dead"),
        pytest.param('<a href="#gone">x</a>', "has no such place", id="no-place"),
        pytest.param('<img src="a.png">', "without words", id="silent-picture"),
        pytest.param('<script src="//cdn.example/a.js">', "fetches", id="fetched"),
    ],
)
def test_a_bad_page_of_the_book_is_noticed(bad, said, tmp_path):
    """What `make book` looks for, it finds."""
    check = runpy.run_path(str(BOOK / "check.py"))
    for n in range(21):
        (tmp_path / f"{n}.html").write_text('<p id="a"><a href="0.html#a">fine</a>')
    assert check["troubles"](tmp_path) == []
    (tmp_path / "0.html").write_text(f'<p id="a">{bad}')

    (found,) = check["troubles"](tmp_path)

    assert said in found


TROUBLES = {
    "fine": ("<p>fine", ""),
    "wide": ("<pre style='width:9000px'>x", "too wide"),
    "broken": ("<img src='gone.png'>", "broken"),
    "error": ("<script>nope()</script>", "says: nope is not"),
    "asks": ("<img src='http://127.0.0.1:9/a'>", "asks for"),
}


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("process")
def test_a_reader_s_trouble_with_a_page_is_noticed(tmp_path):
    """What `make browse` looks for, it finds, in a real browser."""
    if (path := find_browser()) is None:
        pytest.skip("no Chromium or Chrome here; `.ci/run` installs Debian's")
    browse = runpy.run_path(str(BOOK / "browse.py"))
    for name, (bad, _) in TROUBLES.items():
        (tmp_path / f"{name}.html").write_text(f"<!doctype html><body>{bad}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        reader = browse["Reader"](browser, tmp_path)
        found = {name: " ".join(reader.troubles(name)) for name in TROUBLES}
        browser.close()

    for name, (_, said) in TROUBLES.items():
        assert said in found[name], name
        assert bool(found[name]) == bool(said), name


def test_a_row_of_the_hostile_room_names_tests_that_are_there():
    """So the page cannot promise what nothing holds any more."""
    page = (BOOK / "room.md").read_text("utf-8")
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", page))
    named |= {
        ("test_system.py", one) for one in re.findall(r"\| `(test_\w+)` \|", page)
    }

    gone = [
        (file, name)
        for file, name in sorted(named)
        if f"\ndef {name}(" not in (ROOT / "tests" / file).read_text("utf-8")
    ]

    assert gone == []
    assert len(named) > 30
