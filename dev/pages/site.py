"""Stages the pages of the repository for the site, and is the hook of the program that builds it.

`make docs` runs `python -m dev.pages.site` and mkdocs. All pages, and every file of the repository that one of them links to, keep
their places below `.site/pages`: a link that works in the repository works on the site. Source: mkdocs.yml.
"""

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dev.layout import REPOSITORY

FOLDERS = ("docs", "examples")
PAGES = REPOSITORY / ".site" / "pages"
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Return the pages that people read: those at the top, and all below `docs` and `examples`."""
    return sorted([*REPOSITORY.glob("*.md"), *(page for each in FOLDERS for page in (REPOSITORY / each).rglob("*.md"))])


def linked_files(page: Path) -> set[Path]:
    """Return the files of the repository to which a page links."""
    links = [urlsplit(link) for link in _LINK.findall(page.read_text(encoding="utf-8"))]
    targets = {(page.parent / unquote(link.path)).resolve() for link in links if link.path and not link.scheme}
    return {each for each in targets if each.is_file() and each.is_relative_to(REPOSITORY)}


def stage(folder: Path) -> None:
    """Copy the pages and what they link to, in place of what the folder held."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in {file for page in pages() for file in (page, *linked_files(page))}:
        target = folder / file.relative_to(REPOSITORY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Mark Chinese pages as such: a browser chooses their letters by that, and a screen reader their voice."""
    del config
    return output.replace('<html lang="en"', '<html lang="zh-CN"', 1) if "/zh/" in f"/{page.file.src_uri}" else output


def on_post_build(config: Any) -> None:
    """Have `runbooks/NAME`, as the links of alerts are, lead to the page."""
    for page in Path(config["site_dir"]).glob("docs/**/runbooks/*.html"):
        folder = page.with_suffix("")
        folder.mkdir(exist_ok=True)
        link = f'<meta http-equiv="refresh" content="0; url=../{page.name}"><a href="../{page.name}">{page.stem}</a>\n'
        (folder / "index.html").write_text(f"<!doctype html><title>{page.stem}</title>{link}", encoding="utf-8")


if __name__ == "__main__":
    stage(PAGES)
