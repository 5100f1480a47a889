"""Objects stored under the older CRDs stay whole and can be changed after ours have taken their place."""

import json
import re
from copy import deepcopy

import pytest
import yaml

from dev.stack import Stack
from tests.api.comparison import lost
from tests.api.crd_group import CrdGroup
from tests.api.documents import MODELS, Document, committed, handwritten, in_group, reference, schema
from tests.api.random_documents import complete
from tests.docs.pages import pages
from tests.eventually import until


def _old_objects(plural: str) -> list[Document]:
    fields = schema(reference(plural))["properties"]
    every_field = {part: complete(fields[part]) for part in ("spec", "status")}
    return [every_field, *handwritten(plural)]


def _without_enums(crd: Document) -> Document:
    """Give a CRD that is as ours but lets any word stand where ours knows only some."""
    loose = deepcopy(crd)
    _drop_enums(schema(loose))
    return loose


def _drop_enums(node: Document) -> None:
    node.pop("enum", None)
    for field in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
        _drop_enums(field)


def _upgrade(crds: CrdGroup) -> None:
    """Put our CRDs in the place of those there and wait until they are what objects are read by."""
    crds.install(*(committed(plural) for plural in MODELS))
    probe = {"spec": {"planRef": "x", "operationType": "Revert", "onMissing": "Ignore"}}
    until(lambda: "onMissing" in crds.create("drplanexecutions", probe)["spec"])
    plan = {
        "spec": {"serviceAccountName": "x", "stages": [{"name": "s", "workflows": [{"workflowRef": {"name": "w"}}]}]}
    }
    until(lambda: "serviceAccountName" in crds.create("drplans", plan)["spec"])
    # The old CRD prunes what it does not know of a Localization's spec.
    action = {"name": "a", "type": "Localization", "localization": {"name": "n", "namespace": "n", "spec": {"new": 1}}}
    workflow = {"spec": {"actions": [action]}}
    until(lambda: "new" in str(crds.create("drworkflows", workflow)["spec"]))


def _touch(crds: CrdGroup, plural: str, stored: Document) -> Document:
    """Change metadata and status of an object; give what is then read."""
    changed = {**stored, "metadata": {**stored["metadata"], "annotations": {"touched": "yes"}}}
    renewed = crds.replace(plural, changed)
    crds.write_status(plural, renewed, {**stored.get("status", {}), "observedGeneration": 7})
    return crds.read(plural, stored["metadata"]["name"])


@pytest.mark.parametrize("plural", MODELS)
def test_stored_objects_read_the_same_and_can_be_changed(plural: str, upgraded: CrdGroup) -> None:
    before = [upgraded.store(plural, document) for document in _old_objects(plural)]

    _upgrade(upgraded)

    for old in before:
        new = _touch(upgraded, plural, old)
        kept = {part: old.get(part, {}) for part in ("spec", "status")}
        kept["status"] = {**kept["status"], "observedGeneration": 7}
        assert list(lost(kept, new)) == []
        assert new["spec"] == old["spec"]
        assert new["metadata"]["annotations"] == {"touched": "yes"}


def test_a_word_that_no_enum_knows_does_not_lock_a_stored_execution(upgraded: CrdGroup) -> None:
    upgraded.install(_without_enums(reference("drplanexecutions")))
    odd: Document = {"spec": {"planRef": "x", "operationType": "Undo"}, "status": {"phase": "Odd", "message": "kept"}}
    until(lambda: upgraded.accepts("drplanexecutions", odd))
    stored = upgraded.store("drplanexecutions", odd)

    _upgrade(upgraded)
    touched = _touch(upgraded, "drplanexecutions", stored)

    assert touched["spec"] == odd["spec"]
    assert touched["status"] == {"phase": "Odd", "message": "kept", "observedGeneration": 7}


_APPLIES_DEFINITIONS = re.compile(r"kubectl (apply[^`\n]*?)(?:--filename|-f) deploy/crds")


def _commands() -> list[list[str]]:
    """Every command of the pages that applies our definitions, up to the files."""
    return [match.split() for page in pages() for match in _APPLIES_DEFINITIONS.findall(page.path.read_text())]


def test_every_command_of_the_pages_takes_over_what_others_installed() -> None:
    commands = _commands()
    assert len(commands) >= 3
    for each in commands:
        assert each[:3] == ["apply", "--server-side", "--force-conflicts"]
        assert each[3:] in ([], ["--dry-run=server"])


@pytest.mark.parametrize("install", [("create",), ("create", "--field-manager=helm"), ("apply",)])
def test_ours_take_the_place_of_definitions_of_another_field_manager(stack: Stack, install: tuple[str, ...]) -> None:
    group = f"by-{len(install)}-{install[0]}.test"
    older, newer = ([in_group(read(plural), group) for plural in MODELS] for read in (reference, committed))
    names = [crd["metadata"]["name"] for crd in newer]
    stack.kubectl(*install, "--filename=-", stdin=yaml.safe_dump_all(older))
    try:
        stack.kubectl(*_commands()[0][:3], "--filename=-", stdin=yaml.safe_dump_all(newer))
        stored = json.loads(stack.kubectl("get", "crd", *names, "--output=json").stdout)["items"]
    finally:
        # While they are served, `kubectl get drplan` of another test may mean their kinds.
        stack.kubectl("delete", "crd", *names)
    assert [each["spec"]["versions"] for each in stored] == [crd["spec"]["versions"] for crd in newer]
