"""What the older CRDs accept, ours accept on a real API server, and nothing of it is pruned."""

from copy import deepcopy

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.api.comparison import lost
from tests.api.crd_group import CrdGroup
from tests.api.documents import MODELS, OPEN_BODIES, Document, handwritten, reference, schema
from tests.api.random_documents import complete, objects

plurals = pytest.mark.parametrize("plural", MODELS)


def _closed(document: Document) -> Document:
    """Give spec and status without the bodies that only the older CRDs spell out, and so fill with defaults."""
    answer: Document = deepcopy({part: document.get(part) for part in ("spec", "status")})
    for path in OPEN_BODIES:
        block, body = path.split(".")[-2:]
        for action in answer["spec"].get("actions", []):
            action.get(block, {}).pop(body, None)
    return answer


def _compare(plural: str, document: Document, theirs: CrdGroup, ours: CrdGroup) -> None:
    old, new = theirs.store(plural, document), ours.store(plural, document)
    sent = {part: document[part] for part in ("spec", "status") if part in document}

    assert list(lost(sent, old)) == []
    assert list(lost(sent, new)) == []
    assert _closed(new) == _closed(old)


# What is lost is named by its path, which is worth more than the minutes that shrinking on a server would take.
@plurals
@settings(deadline=None, max_examples=100, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_generated_objects(plural: str, theirs: CrdGroup, ours: CrdGroup, data: st.DataObject) -> None:
    _compare(plural, data.draw(objects(plural)), theirs, ours)


@plurals
def test_an_object_with_every_field(plural: str, theirs: CrdGroup, ours: CrdGroup) -> None:
    fields = schema(reference(plural))["properties"]
    _compare(plural, {part: complete(fields[part]) for part in ("spec", "status")}, theirs, ours)


@plurals
def test_handwritten_objects(plural: str, theirs: CrdGroup, ours: CrdGroup) -> None:
    for document in handwritten(plural):
        _compare(plural, document, theirs, ours)
