"""Every link in the pages leads somewhere."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import REPOSITORY, Page, pages


def broken(page: Page, link: str) -> str | None:
    """Say what is wrong with a link within the repository; None where nothing is."""
    parts = urlsplit(link)
    target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if not target.is_relative_to(REPOSITORY):
        return f"{link}: leaves the repository"
    if not target.exists():
        return f"{link}: no such file"
    if parts.fragment and target.suffix == ".md" and unquote(parts.fragment) not in Page(target).anchors():
        return f"{link}: no such heading"
    return None


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_within_the_repository_resolve(page: Page) -> None:
    inside = [link for link in page.links() if not urlsplit(link).scheme]
    assert not [problem for link in inside if (problem := broken(page, link))]


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_to_the_outside_are_https(page: Page) -> None:
    outside = [link for link in page.links() if urlsplit(link).scheme]
    assert not [link for link in outside if urlsplit(link).scheme != "https"]


def test_a_dead_link_would_be_noticed(tmp_path: Path) -> None:
    readme = Page(REPOSITORY / "README.md")
    assert broken(readme, "docs/nowhere.md") == "docs/nowhere.md: no such file"
    assert broken(readme, "docs/concepts.md#no-such-word") == "docs/concepts.md#no-such-word: no such heading"
    assert broken(readme, f"../{tmp_path.name}") == f"../{tmp_path.name}: leaves the repository"


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [REPOSITORY / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        links = [urlsplit(link) for link in Page(path).links()]
        waiting += [(path.parent / link.path).resolve() for link in links if link.path and not link.scheme]
    assert not {str(page) for page in pages() if page.path not in reached}
