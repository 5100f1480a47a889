"""The site has every page of the repository, and every page is in its navigation or in a list of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.pages import site
from tests.docs.pages import REPOSITORY, Page, pages

LISTED_BY_THEIR_OWN_PAGE = ("docs/decisions/", "docs/runbooks/", "docs/zh/runbooks/")
"""Folders whose README lists what is in them."""


class _Configuration(yaml.SafeLoader):
    """Reads mkdocs.yml without the Python objects in it."""


_Configuration.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def navigation() -> list[str]:
    """Return the pages of the navigation."""
    return list(_files(yaml.load((REPOSITORY / "mkdocs.yml").read_text(), _Configuration)["nav"]))


def _files(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from _files(each)


def test_every_page_of_the_navigation_exists_and_is_there_once() -> None:
    assert not [name for name in navigation() if not (REPOSITORY / name).is_file()]
    assert len(set(navigation())) == len(navigation())


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_page_is_in_the_navigation_or_in_a_list(page: Page) -> None:
    name = str(page)
    listed = name.startswith(LISTED_BY_THEIR_OWN_PAGE) and page.path.name != "README.md"
    assert listed or name in navigation(), f"add {name} to `nav` in mkdocs.yml"
    if listed:
        assert page.path.name in Page(page.path.parent / "README.md").links()


def test_pages_and_what_they_link_to_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "left.md").write_text("of an earlier run")
    site.stage(tmp_path)
    assert {page.path.relative_to(REPOSITORY) for page in pages()} <= {
        file.relative_to(tmp_path) for file in tmp_path.rglob("*.md")
    }
    assert (tmp_path / "LICENSE").is_file()
    assert (tmp_path / "docs/images/demo.svg").is_file()
    assert not (tmp_path / "left.md").exists()
