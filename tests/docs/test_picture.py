"""The picture in the README is one of a terminal, complete in itself, and shows what the program says today."""

import xml.etree.ElementTree as ElementTree

from api.phases import OperationType, Phase
from cli.screen import sign
from planning.messages import running as running_messages
from planning.messages import tree as tree_messages
from tests.docs.pages import REPOSITORY

PICTURE = REPOSITORY / "docs" / "images" / "demo.svg"


def shown() -> str:
    """Give the text of the picture; its spaces are of the kind that does not break."""
    texts = ElementTree.parse(PICTURE).iter("{http://www.w3.org/2000/svg}text")
    return "".join(text.text or "" for text in texts).replace("\N{NO-BREAK SPACE}", " ")


def test_it_shows_both_runs_in_the_words_of_the_program() -> None:
    text = shown()
    assert "make demo" in text
    assert tree_messages.plan_executed(2, 10, 0) in text
    assert running_messages.progress(OperationType.REVERT, 1, 3) in text


def test_it_shows_what_was_done_what_runs_and_what_is_to_come() -> None:
    text = shown()
    assert not [phase for phase in (Phase.SUCCEEDED, Phase.RUNNING, Phase.PENDING) if sign(phase)[0] not in text]


def test_it_loads_nothing_from_elsewhere() -> None:
    text = PICTURE.read_text()
    assert "url(http" not in text
    assert "href" not in text
