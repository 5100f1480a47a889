"""The Markdown pages of the repository, as a reader's program sees them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix()

    @property
    def tokens(self) -> list[Token]:
        return _parsed(self.path)

    def inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or []

    def links(self) -> list[str]:
        """Targets of links and images, as written."""
        wanted = {"link_open": "href", "image": "src"}
        return [str(token.attrs[wanted[token.type]]) for token in self.inline() if token.type in wanted]

    def headings(self) -> list[str]:
        """The text of every heading, without its markup."""
        return list(_headings(self))

    def anchors(self) -> set[str]:
        return {slug(heading) for heading in _headings(self)}

    def code_spans(self) -> list[str]:
        return [token.content for token in self.inline() if token.type == "code_inline"]

    def fences(self, *languages: str) -> list[str]:
        """Bodies of the code blocks in these languages."""
        return [token.content for token in self.tokens if token.type == "fence" and token.info.strip() in languages]

    def tables(self) -> list[list[list[Token]]]:
        """Rows of cells of every table, the header row first."""
        found: list[list[list[Token]]] = []
        for before, token in pairwise(self.tokens):
            if token.type == "table_open":
                found.append([])
            elif token.type == "tr_open":
                found[-1].append([])
            elif token.type == "inline" and before.type in ("td_open", "th_open"):
                found[-1][-1].append(token)
        return found


@cache
def _headings(page: Page) -> list[str]:
    pairs = zip(page.tokens, page.tokens[1:], strict=False)
    inside = [text for opening, text in pairs if opening.type == "heading_open"]
    return ["".join(part.content for part in text.children or []) for text in inside]


@cache
def _parsed(path: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(path.read_text())


def slug(heading: str) -> str:
    """The anchor that forges give a heading: lower case, words joined by hyphens, other signs dropped."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def pages() -> list[Page]:
    """All pages that people read: those at the top and everything under docs."""
    files = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "examples").rglob("*.md")]
    return [Page(file) for file in sorted(files)]
