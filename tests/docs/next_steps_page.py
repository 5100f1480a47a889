"""The table of next steps in docs/operations.md, generated from the one in the code.

`python -m tests.docs.next_steps_page docs/operations.md` writes it between `<!-- next steps -->` and its end.
"""

import re
import sys
from pathlib import Path

from planning.messages.next_steps import ADVICE, Advice, Situation, command

EXAMPLE = {
    "namespace": "default",
    "name": "shop-back",
    "plan": "shop",
    "label": "shop",
    "original": "shop-move",
    "later": "shop-again",
    "account": "system:serviceaccount:default:default",
    "workflow": "revert/default/shop-back/…",
    "activity": "action-0",
    "target": "sites/shop-east/gate",
    "again": "drplan revert shop-move --namespace default",
}
"""What the page puts into commands."""
_SLOT = re.compile(r"(<!-- next steps -->\n).*?(<!-- end of next steps -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with its table written again."""
    rows = "".join(_row(situation, advice) for situation, advice in ADVICE.items())
    head = "| the status shows | cause | remedy | command |\n| --- | --- | --- | --- |\n"
    return _SLOT.sub(lambda slot: slot[1] + head + rows + slot[2], page)


def _row(situation: Situation, advice: Advice) -> str:
    again = EXAMPLE["again"] if "another Revert" in advice.what else "drplan execute shop --namespace default"
    example = command(situation, {**EXAMPLE, "again": again})
    what = f"{advice.what} ({advice.more})" if advice.more else advice.what
    cells = (advice.shows, advice.why, what, f"`{example}`" if example else "")
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
