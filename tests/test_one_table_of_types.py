"""What is special about an action type stands in one table: nothing else asks which type an action is of.

Source: CONTRIBUTING.md, "An action type".
"""

import ast
from pathlib import Path

import pytest

from api.actions import Action
from api.nodes import ActionOutputs
from api.phases import ActionType
from planning.definitions.action_types import ACTION_TYPES
from tests.shipped import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
TABLES = {
    "planning/definitions/action_types.py": "the table itself",
    "activities/registry.py": "each type's effect",
}
"""Modules that may name single types, each with its reason."""


def names_single_types(path: Path) -> bool:
    """Tell whether a module names a member of ActionType."""
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == ActionType.__name__
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_no_other_module_names_a_single_type() -> None:
    files = [path for package in PACKAGES if package != "api" for path in (ROOT / package).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if names_single_types(path)}
    assert found - TABLES.keys() == set()


def test_every_type_has_its_row() -> None:
    assert set(ACTION_TYPES) == set(ActionType)


@pytest.mark.parametrize("action_type", ActionType)
def test_the_fields_that_a_row_names_exist(action_type: ActionType) -> None:
    kind = ACTION_TYPES[action_type]
    assert kind.block in Action.model_fields
    assert set(kind.outputs) <= set(ActionOutputs.model_fields)
    block = Action.model_fields[kind.block].annotation
    models = [part for part in getattr(block, "__args__", ()) if hasattr(part, "model_fields")]
    assert set(kind.templates) <= set(models[0].model_fields)


def test_no_two_types_share_a_block_or_a_record() -> None:
    blocks = [kind.block for kind in ACTION_TYPES.values()]
    records = [field for kind in ACTION_TYPES.values() for field in kind.outputs]
    assert len(set(blocks)) == len(blocks)
    assert len(set(records)) == len(records)
