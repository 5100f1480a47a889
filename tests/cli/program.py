"""`drplan` in this process, with what it prints."""

import contextlib
import io
from dataclasses import dataclass
from unittest import mock

from cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.stdout + self.stderr


class _Pipe(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        """What was written."""
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as in a pipe."""
    out, err = _Pipe(), _Pipe()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch("sys.stdin", io.StringIO(stdin or "")),
        mock.patch("sys.argv", ["drplan"]),
    ):
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse, after a help
            code = int(end.code or 0)
    return Result(code, out.text, err.text)
