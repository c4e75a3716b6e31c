"""
Look at the built book as a reader does, in a real browser, from `file://`.

    python book/browse.py [--site build/book/site] [--shots FOLDER]

Every page is opened at 700 pixels: nothing is wider than the window, no picture is
broken, nothing is said on the console, and nothing is asked of another host. Then the
search finds a word, and the switch of the theme changes the page. With `--shots`, three
pages are kept as pictures, light and dark, for a person to look at.

It needs Chromium or Chrome; without one it says so and its exit status is 2.
"""

import argparse
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

SITE = Path(__file__).resolve().parents[1] / "build" / "book" / "site"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--disable-background-networking", "--disable-sync", "--no-first-run")
NARROW = {"width": 700, "height": 900}
SHOTS = ("index", "notebooks/04_retry", "api/stores")
# A table or a listing may be wide, if it scrolls by itself and not the page.
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BROKEN = "[...document.images].filter(one => !one.naturalWidth).length"
PAPER = "getComputedStyle(document.body).backgroundColor"


NEAR = {"file", "data", "blob", "about"}  # what is asked of nobody


class Reader:
    """
    A page of the browser, and what it said and asked for.

    Args:
        browser: Where it is opened.

        site: The folder with the book.
    """

    def __init__(self, browser: Browser, site: Path) -> None:
        self.site = site
        self.page: Page = browser.new_page(viewport=NARROW)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console",
            lambda told: told.type == "error" and self.said.append(told.text),
        )

    def open(self, name: str) -> None:
        """Go to a page of the book, by its path without `.html`."""
        self.page.goto((self.site / f"{name}.html").as_uri())

    def troubles(self, name: str) -> list[str]:
        """What is wrong with a page, in words."""
        self.said.clear()
        self.asked.clear()
        self.open(name)
        wide, broken = self.page.evaluate(TOO_WIDE), self.page.evaluate(BROKEN)
        away = [url for url in self.asked if urlsplit(url).scheme not in NEAR]
        found = [f"says: {text:.120}" for text in self.said]
        found += [f"asks for {url:.120}" for url in away]
        found += [f"is {wide} pixels too wide"] if wide > 0 else []
        found += [f"has {broken} broken pictures"] if broken else []
        return [f"{name}: {text}" for text in found]


def search(reader: Reader, word: str = "idempotency") -> list[str]:
    """The search finds *word*, without a server."""
    reader.said.clear()
    reader.open("index")
    reader.page.set_viewport_size({"width": 1200, "height": 900})
    box = reader.page.locator(".sidebar-search").first
    box.fill(word)
    box.press("Enter")
    results = reader.page.locator("#search-results li a")
    results.first.wait_for()
    found = [f"search: says {text:.120}" for text in reader.said]
    if results.count() < 3:
        found.append(f"search: {results.count()} pages for {word!r}")
    return found


def themes(reader: Reader) -> list[str]:
    """The switch leads from light to dark, and the choice is kept on the next page."""
    reader.open("index")
    seen = set()
    for _ in range(3):
        seen.add(reader.page.evaluate(PAPER))
        reader.page.locator(".content-icon-container .theme-toggle").click()
    before = reader.page.locator("body").get_attribute("data-theme") or ""
    reader.open("glossary")
    expect(reader.page.locator("body")).to_have_attribute("data-theme", before)
    return [] if len(seen) == 2 else [f"themes: the page has {len(seen)} colours"]


def shoot(browser: Browser, site: Path, folder: Path) -> None:
    """Keep three pages as pictures, in both themes."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        context = browser.new_context(viewport=NARROW, color_scheme=theme)
        page = context.new_page()
        for name in SHOTS:
            page.goto((site / f"{name}.html").as_uri())
            page.screenshot(path=folder / f"{name.replace('/', '-')}-{theme}.png")
        context.close()


def main() -> int:
    """Look, and say what is wrong: 1 when anything is, 2 when nobody could look."""
    parser = argparse.ArgumentParser(description="Look at the book in a browser.")
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--shots", type=Path)
    asked = parser.parse_args()
    site = asked.site.resolve()
    if not (site / "index.html").is_file():
        print(f"There is no book in {site}: `make book` builds it.")
        return 2
    if not (path := next(filter(None, map(shutil.which, BROWSERS)), None)):
        print("There is no Chromium or Chrome here to look with.")
        return 2
    names = [str(one.relative_to(site).with_suffix("")) for one in site.rglob("*.html")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        reader = Reader(browser, site)
        found = [line for name in sorted(names) for line in reader.troubles(name)]
        found += search(reader) + themes(reader)
        if asked.shots:
            shoot(browser, site, asked.shots)
        browser.close()
    print(*found, f"{len(names)} pages, {len(found)} troubles", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
