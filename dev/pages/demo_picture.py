"""docs/images/demo.svg: `make demo` in a terminal, at a moment of its Revert.

`python -m dev.pages.demo_picture` runs the demo in a terminal of its own and draws what is on it at the last moment at which
SHOWN holds. It is run by hand when the demo has changed: names and times are different in each run.
"""

import codecs
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from html import escape

from dev.layout import REPOSITORY

FILE = REPOSITORY / "docs" / "images" / "demo.svg"
COLUMNS, ROWS = 120, 50
SHOWN = ("── Execute ──", "Plan executed successfully", "── Revert ──", "1/3 actions rolled back", "○")
"""What is to be seen, each somewhere on the terminal."""
FIRST = "── Execute ──"
"""The first line that is drawn, below the command."""
LEFT_OUT = "── What now? ──"
"""A step that shows once more what is there already."""
_CODE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")
_COLOURS = {"31": "#ef6b73", "32": "#8fc26b", "33": "#e0b85c", "34": "#6cb2eb", "36": "#5ec4c4", "90": "#8b949e"}
_CELL, _LINE, _MARGIN, _TITLE = 8.43, 19, 16, 40

Cell = tuple[str, str]
"""A character, and the codes that were in force for it."""


class Screen:
    """A terminal without an upper end, for the codes that `drplan` writes: colours, going up, clearing below."""

    def __init__(self) -> None:
        self._lines: list[list[Cell]] = [[]]
        self._row = 0
        self._style = ""

    def write(self, text: str) -> None:
        """Show a text with its codes."""
        position = 0
        for code in _CODE.finditer(text):
            self._print(text[position : code.start()])
            self._obey(code[1], code[2])
            position = code.end()
        self._print(text[position:])

    def _obey(self, arguments: str, code: str) -> None:
        if code == "m":
            self._style = "" if arguments in ("", "0") else arguments
        elif code == "F":
            self._row = max(0, self._row - int(arguments or 1))
        elif code == "J":
            del self._lines[self._row :]
            self._lines.append([])

    def _print(self, text: str) -> None:
        for character in text.replace("\r", ""):
            if character == "\n":
                self._row += 1
                if self._row == len(self._lines):
                    self._lines.append([])
            else:
                self._lines[self._row].append((character, self._style))

    def text(self) -> str:
        """Return what is shown, without colours."""
        return "\n".join("".join(character for character, _ in line) for line in self._lines)

    def lines(self) -> list[list[Cell]]:
        """Return a copy of the lines."""
        return [list(line) for line in self._lines]


def demo() -> Iterator[str]:
    """Run the demo in a terminal; yield what it writes."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(REPOSITORY)
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        os.execve(sys.executable, [sys.executable, "-m", "dev.demo"], environment)  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := os.read(terminal, 65536):
            yield decoder.decode(chunk)
    except OSError:
        pass  # how a terminal says on Linux that its process has ended
    finally:
        os.waitpid(process, 0)


def moment(texts: Iterator[str]) -> list[list[Cell]]:
    """Return the lines at the last moment at which all that is to be seen is there. Raises LookupError."""
    screen, found = Screen(), None
    for text in texts:
        screen.write(text)
        if all(each in screen.text() for each in SHOWN):
            found = screen.lines()
    if found is None:
        raise LookupError("the demo has shown no moment with all of: " + ", ".join(SHOWN))
    lines, begun, drawn = [], False, False
    for line in found:
        text = "".join(character for character, _ in line)
        if text.startswith("──"):
            begun = begun or FIRST in text
            drawn = begun and LEFT_OUT not in text
        if drawn:
            lines += [line[start : start + COLUMNS] for start in range(0, len(line) or 1, COLUMNS)]
    while not lines[-1]:
        lines.pop()
    return lines


def picture(lines: list[list[Cell]]) -> str:
    """Return a terminal with these lines as SVG."""
    command: list[Cell] = [(character, "") for character in "$ make demo"]
    rows = [command, [], *lines]
    width, height = COLUMNS * _CELL + 2 * _MARGIN, _TITLE + len(rows) * _LINE + _MARGIN
    dots = "".join(
        f'  <circle cx="{22 + 20 * index}" cy="20" r="6" fill="{colour}"/>\n'
        for index, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">\n'
        "  <style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d0d7de;"
        " white-space: pre } .b { font-weight: bold }</style>\n"
        f'  <rect width="{width:.0f}" height="{height}" rx="10" fill="#1c2128"/>\n{dots}'
        + "".join(_row(number, row) for number, row in enumerate(rows))
        + "</svg>\n"
    )


def _row(number: int, cells: list[Cell]) -> str:
    """Return the texts of a line: one for each run of characters of one style, at its column."""
    y = _TITLE + 14 + number * _LINE
    parts, start = [], 0
    while start < len(cells):
        style = cells[start][1]
        end = start
        while end < len(cells) and cells[end][1] == style:
            end += 1
        text = "".join(character for character, _ in cells[start:end])
        if text.strip():
            x = _MARGIN + start * _CELL
            length = f' textLength="{len(text) * _CELL:.1f}"'
            words = escape(text).replace(" ", "\N{NO-BREAK SPACE}")
            parts.append(f'  <text x="{x:.1f}" y="{y}"{length}{_attributes(style)}>{words}</text>\n')
        start = end
    return "".join(parts)


def _attributes(style: str) -> str:
    codes = style.split(";")
    colour = next((_COLOURS[code] for code in codes if code in _COLOURS), _COLOURS["90"] if "2" in codes else "")
    return (' class="b"' if "1" in codes else "") + (f' style="fill: {colour}"' if colour else "")


if __name__ == "__main__":
    FILE.write_text(picture(moment(demo())), encoding="utf-8")
