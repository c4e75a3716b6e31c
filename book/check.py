"""
Look at every page of the built book, as far as a machine can.

Every link inside the book leads to a page and a place on it. Every picture says in
words what it shows. Nothing is fetched from another host: the book works offline.
"""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}


class Page(HTMLParser):
    """What a page refers to, and what it offers to be referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.silent = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link, a place, or what the browser would fetch."""
        named = {key: value or "" for key, value in attrs}
        self.places.update(filter(None, (named.get("id"), named.get("name"))))
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if tag in FETCHED and FETCHED[tag] in named:
            self.fetched.append(named[FETCHED[tag]])
        if tag == "img" and not named.get("alt"):
            self.silent += 1


def troubles(site: Path) -> list[str]:
    """What is wrong with the pages under *site*, one line for each."""
    pages = {
        path.resolve(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")
    }
    found = [] if len(pages) > 20 else [f"only {len(pages)} pages"]
    for path, page in sorted(pages.items()):
        name = path.relative_to(site.resolve())
        if page.silent:
            found.append(f"{name}: {page.silent} pictures without words")
        for target in page.fetched:
            if urlsplit(target).netloc:
                found.append(f"{name}: fetches {target:.80}")
        for target in page.links:
            if said := _dead(path, target, pages):
                found.append(f"{name}: {target:.80} {said}")
    return found


def _dead(path: Path, target: str, pages: dict[Path, Page]) -> str:
    """Why a link leads nowhere, or an empty text; other hosts are not asked."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return ""
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.exists():
        return "is not there"
    if parts.fragment and there in pages:
        known = pages[there].places
        if unquote(parts.fragment) not in known:
            return "has no such place"
    return ""
