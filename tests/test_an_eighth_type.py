"""A further type of action is one module, one row and one line, beside its block in the definitions: one is added here.

A copy of the packages gets the type `Message`, which tells somebody something, and is then asked about it.
Source: CONTRIBUTING.md, "An action type".
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

ADDED = [
    ("api/phases.py", '    KUBERNETES_RESOURCE = "KubernetesResource"\n', '    MESSAGE = "Message"\n'),
    (
        "api/actions.py",
        '    rollback: OpenObject | None = None\n    """A custom rollback',
        '    message: Message | None = None\n    """Of type Message: what is said."""\n',
    ),
    (
        "api/actions.py",
        "class Action(Model):\n",
        'class Message(Model):\n    """What is said to somebody."""\n\n    to: str\n    text: str\n\n\n',
    ),
    (
        "planning/definitions/action_types.py",
        "        ActionType.HTTP: TypeRow(\n",
        """        ActionType.MESSAGE: TypeRow(
            block="message", outputs=(), templates=("to", "text"), named_by=NamedBy.NOTHING, otherwise=Rule.UNDEFINED
        ),
""",
    ),
    ("activities/registry.py", "        ActionType.HTTP: ", "        ActionType.MESSAGE: MessageEffect(),\n"),
    (
        "activities/registry.py",
        "from activities.load import",
        "from activities.message import MessageEffect\n",
    ),
]
"""File, what stands there, and what is put before it: the block, the row, the line."""

MODULE = """
from api.attempts import ActionOutcome
from api.phases import Phase


class MessageEffect:
    async def execute(self, action, attempt):
        said = action.definition.message
        return ActionOutcome(phase=Phase.SUCCEEDED, message=f"Told {said.to}: {said.text}")

    async def preview(self, action, attempt):
        said = action.definition.message
        return ActionOutcome(phase=Phase.SUCCEEDED, message=f"Would tell {said.to}: {said.text}")

    async def verify(self, action):
        return ActionOutcome(phase=Phase.CANCELED, message="Nobody knows")
"""

QUESTIONS = Path(__file__).with_name("questions_about_an_eighth_type.py")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    copy = tmp_path_factory.mktemp("eight")
    for package in ("api", "planning", "kube", "activities"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, added in ADDED:
        text = (copy / name).read_text()
        assert text.count(before) == 1, f"{name} has changed: this test adds its type before {before!r}"
        (copy / name).write_text(text.replace(before, added + before))
    (copy / "activities" / "message.py").write_text(MODULE)
    command = [sys.executable, shutil.copy(QUESTIONS, copy)]
    done = subprocess.run(command, cwd=copy, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    given: dict[str, Any] = json.loads(done.stdout)
    return given


def test_it_is_judged_like_any_other(answers: dict[str, Any]) -> None:
    assert answers["good"] == []
    assert answers["bad"] == [
        ["spec.actions[0].message", "an action of type Message needs message; add it or change the type"],
        [
            "spec.actions[1].message.to",
            "$(x.y) is no template; write $(params.<name>), $(planName) or $(outputs.<action>.<field>), "
            "or $$(x.y) for this very text",
        ],
    ]


def test_its_placeholders_are_filled_in_and_its_effect_carries_it_out(answers: dict[str, Any]) -> None:
    assert answers["outcome"] == "Told ops: <message.text>"


def test_a_revert_knows_what_to_make_of_it(answers: dict[str, Any]) -> None:
    assert answers["undo"] == "No rollback defined for Message action"


def test_the_definitions_have_its_block(answers: dict[str, Any]) -> None:
    assert answers["definition"] == ["text", "to"]
