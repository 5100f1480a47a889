"""Where lines are printed: how wide it is, whether it has colours, which characters it can show.

Whatever comes from a cluster passes through `neutral`: no object can move the cursor, hide text or forge a line.
"""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of writing, invisible ones, and halves of pairs."""
_COLOURS = {
    "bold": "1",
    "faint": "90",
    "good": "32",
    "bad": "1;31",
    "reason": "31",
    "busy": "1;36",
    "fact": "36",
    "warn": "33",
}
_ASCII = {
    "✔": "+",
    "✘": "x",
    "▶": ">",
    "■": "#",
    "↷": "~",
    "○": ".",
    "→": "->",
    "…": "...",
    "├── ": "|-- ",
    "└── ": "`-- ",
    "│   ": "|   ",
}


def neutral(text: object) -> str:
    """Return a text with every control character made visible; a line end is a space."""
    return _CONTROL.sub(_escaped, "" if text is None else str(text))


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    if character in "\n\t\r\u2028\u2029":
        return " "
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


@dataclass(frozen=True)
class Line:
    """A line to print, as texts with the name of a style each."""

    spans: tuple[tuple[str, str], ...]
    hang: int = 0
    """Columns by which further rows are indented, where it is wider than the terminal."""
    cut: bool = False
    """Whether what is too wide for a terminal is left out, not wrapped."""
    unbroken: bool = False
    """Whether it is left to the terminal to wrap it: a command that is to be copied."""
    rank: int = 0
    """What is left out first where there is no room: the highest."""

    @property
    def text(self) -> str:
        """The line without colours."""
        return "".join(text for text, _ in self.spans)


def line(*spans: str | tuple[str, str], hang: int = 0, cut: bool = False, unbroken: bool = False) -> Line:
    """Return a line of neutral texts; empty ones are left out."""
    pairs = ((each, "") if isinstance(each, str) else each for each in spans)
    return Line(tuple((neutral(text), style) for text, style in pairs if text), hang, cut, unbroken)


@dataclass(frozen=True)
class Terminal:
    """A terminal, or a pipe where `width` is None: there nothing is wrapped, cut or left out."""

    width: int | None = None
    height: int | None = None
    colour: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO | None = None, no_color: bool = False) -> "Terminal":
        """Return what a stream is, standard output by default."""
        stream = stream or sys.stdout
        tty = stream.isatty()
        size = shutil.get_terminal_size() if tty else None
        dumb = os.environ.get("TERM") == "dumb"
        return cls(
            width=size.columns if size else None,
            height=size.lines if size else None,
            colour=tty and not no_color and not os.environ.get("NO_COLOR") and not dumb,
            unicode=(stream.encoding or "").lower().replace("-", "") == "utf8",
        )

    def rows(self, lines: Iterable[Line]) -> list[str]:
        """Return what is printed for some lines, a text for each row of the terminal."""
        return [row for each in lines for row in self._rows(each)]

    def height_of(self, lines: Iterable[Line]) -> int:
        """Return how many rows some lines take."""
        return sum(self._height_of(each) for each in lines)

    def _height_of(self, each: Line) -> int:
        if each.unbroken and self.width:
            return max(1, -(-_width(self._shown(each.text)) // self.width))
        return len(self._rows(each))

    def _rows(self, each: Line) -> list[str]:
        cells = [(self._shown(text), style) for text, style in each.spans]
        if self.width is None or each.unbroken or sum(_width(text) for text, _ in cells) <= self.width:
            return [self._painted(cells)]
        if each.cut:
            return [self._painted(_cropped(cells, self.width, self._shown("…")))]
        return [self._painted(row).rstrip() for row in _wrapped(cells, self.width, each.hang)]

    def _shown(self, text: str) -> str:
        if self.unicode:
            return text
        for character, plain in _ASCII.items():
            text = text.replace(character, plain)
        return text.encode("ascii", "backslashreplace").decode()

    def _painted(self, cells: Iterable[tuple[str, str]]) -> str:
        if not self.colour:
            return "".join(text for text, _ in cells)
        return "".join(f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if style else text for text, style in cells)


def _width(text: str) -> int:
    """Return how many columns a text takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _cropped(cells: Sequence[tuple[str, str]], width: int, mark: str) -> Iterator[tuple[str, str]]:
    left = width - len(mark)
    for text, style in cells:
        kept = ""
        for each in text:
            if _width(each) > left:
                yield kept + mark, style
                return
            kept, left = kept + each, left - _width(each)
        yield kept, style


def _wrapped(cells: Sequence[tuple[str, str]], width: int, hang: int) -> Iterator[list[tuple[str, str]]]:
    """Yield the rows of a line, broken at spaces where there are any."""
    hang = min(hang, width // 2)
    row: list[tuple[str, str]] = []
    used = 0
    for text, style in cells:
        for word in re.findall(r" +|[^ ]+", text):
            if used + _width(word) > width and used > hang:
                yield row
                row, used = [(" " * hang, "")], hang
                if word.isspace():
                    continue
            while used + _width(word) > width:
                part, word = _split(word, width - used)
                yield [*row, (part, style)]
                row, used = [(" " * hang, "")], hang
            row, used = [*row, (word, style)], used + _width(word)
    yield row


def _split(word: str, columns: int) -> tuple[str, str]:
    used = 0
    for place, each in enumerate(word):
        used += _width(each)
        if used > columns:
            return word[: max(place, 1)], word[max(place, 1) :]
    return word, ""


def show(lines: Iterable[Line], terminal: Terminal) -> None:
    """Print lines to standard output."""
    sys.stdout.write("".join(f"{row}\n" for row in terminal.rows(lines)))
    sys.stdout.flush()
