"""The models read every object that the older CRDs accept, and writing it again loses nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.comparison import in_whole_seconds, lost
from tests.api.documents import MODELS, Document, handwritten, reference, schema
from tests.api.random_documents import complete, objects

KINDS = {"drplans": "DRPlan", "drworkflows": "DRWorkflow", "drplanexecutions": "DRPlanExecution"}

plurals = pytest.mark.parametrize("plural", MODELS)


def _without_nulls(value: Any) -> Any:
    """Give what the API server stores: it prunes the nulls of fields."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _lost_by_the_model(plural: str, document: Document) -> list[str]:
    stored = in_whole_seconds(_without_nulls(document))
    written = MODELS[plural].model_validate(stored).to_object()
    return list(lost(stored, in_whole_seconds(written)))


@plurals
@settings(max_examples=settings().max_examples)
@given(data=st.data())
def test_nothing_of_a_generated_object_is_lost(plural: str, data: st.DataObject) -> None:
    document = data.draw(objects(plural))
    metadata = {"name": "any", "namespace": "default", "labels": {"a": "b"}, "generation": 3}

    assert _lost_by_the_model(plural, {**document, "metadata": metadata}) == []


@plurals
def test_nothing_of_an_object_with_every_field_is_lost(plural: str) -> None:
    fields = schema(reference(plural))["properties"]
    assert _lost_by_the_model(plural, {part: complete(fields[part]) for part in ("spec", "status")}) == []


@plurals
def test_nothing_of_a_handwritten_object_is_lost(plural: str) -> None:
    documents = handwritten(plural)

    assert {document["kind"] for document in documents} == {KINDS[plural]}
    for document in documents:
        assert _lost_by_the_model(plural, document) == [], document["metadata"]["name"]
