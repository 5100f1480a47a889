"""The table of next steps in docs/operations.md, generated from the one in the code.

`python -m tests.docs.next_steps_page docs/operations.md` writes it between `<!-- next steps -->` and its end.
"""

import re
import sys
from pathlib import Path

from dev.pages.runbooks import example
from planning.messages.next_steps import ADVICE, Advice
from planning.messages.situations import Situation

_SLOT = re.compile(r"(<!-- next steps -->\n).*?(<!-- end of next steps -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with its table written again."""
    rows = "".join(_row(situation, advice) for situation, advice in ADVICE.items())
    head = "| the status shows | cause | remedy | command |\n| --- | --- | --- | --- |\n"
    return _SLOT.sub(lambda slot: slot[1] + head + rows + slot[2], page)


def _row(situation: Situation, advice: Advice) -> str:
    text = example(situation)
    what = f"{advice.what} ({advice.more})" if advice.more else advice.what
    cells = (advice.shows, advice.why, what, f"`{text}`" if text else "")
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
