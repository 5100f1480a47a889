"""`drplan preview`: what it creates and prints, and the command that it ends with."""

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from cli.commands import execute, revert
from cli.main import command_parser
from cli.preview import next_command
from tests.cli.program import Result, run
from tests.kube.scripted_server import kubeconfig, serving

Object = dict[str, Any]
DIGEST = "3f2a9c0d1b44"
SEEN: Object = {"digest": DIGEST, "obstacleCount": 0, "estimatedDuration": "1m30s", "estimatedFrom": 3}
GENERAL = {"reason": "Invalid", "message": "parameter region has no value"}
OBSTACLE = {"stage": "s", "workflow": "default/w", "action": "a", "reason": "Forbidden", "message": "no right"}


def stages(phase: str, message: str) -> list[Object]:
    action = {"name": "a", "type": "KubernetesResource", "phase": phase, "message": message}
    node = {"workflowRef": {"name": "w"}, "phase": phase, "actionStatuses": [action]}
    return [{"name": "s", "phase": phase, "workflowExecutions": [node]}]


ENDS: dict[str, Object] = {
    "Succeeded": {
        "message": "Preview: would execute the plan",
        "preview": SEEN,
        "stageStatuses": stages("Succeeded", "Would create ConfigMap default/a"),
    },
    "Failed": {
        "message": "Preview: 2 obstacles",
        "preview": {"digest": DIGEST, "obstacleCount": 2, "obstacles": [GENERAL, OBSTACLE]},
        "stageStatuses": stages("Failed", "Would fail: no right"),
    },
}


class Server:
    """An API server with a plan `shop` and its Execute `move`, whose bridge ends every execution at once."""

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self.created: Object = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if request.method == "POST" and name == "selfsubjectreviews":
            return web.json_response({"status": {"userInfo": {"username": "ada"}}})
        if request.method == "POST":
            self.created = json.loads(await request.read())
            self.created["metadata"].setdefault("name", f"{self.created['metadata'].get('generateName')}x")
            return web.json_response(self.created)
        move = {"metadata": {"name": "move"}, "spec": {"planRef": "shop", "operationType": "Execute"}}
        if name == "drplanexecutions":
            return web.json_response({"items": [move]})
        if name in ("move", "shop"):
            return web.json_response(move)
        return web.json_response({**self.created, "status": {"phase": self.phase, **ENDS[self.phase]}})


async def previewed(folder: Path, *words: str, phase: str = "Succeeded") -> tuple[Result, Object]:
    server = Server(phase)
    async with serving(server.answer) as url:
        file = folder / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        done = await asyncio.to_thread(run, "preview", *words, "--kubeconfig", str(file))
    return done, server.created


async def test_without_obstacles_it_ends_with_the_command_that_does_what_was_shown(tmp_path: Path) -> None:
    done, created = await previewed(tmp_path, "shop", "--mode", "Upgrade", "-p", "a=b c", "--on-failure", "Pause")
    assert (done.exit_code, done.stderr) == (0, "")
    assert created["spec"].pop("dryRun") is True
    assert created["metadata"]["generateName"] == "shop-preview-"
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "✔ shop-preview-x  Succeeded  Preview: Execute of shop  ",
        "  Preview: would execute the plan",
        f"  digest {DIGEST}",
        "  expected to work 1m30s, from 3 before",
    ]
    assert lines[4] == "→ no obstacle: carry out what was shown"
    command = shlex.split(lines[5])
    assert command[:5] == ["drplan", "execute", "shop", "--namespace", "default"]
    options = command_parser("execute").parse_args(command[2:])
    assert options.preview_digest == DIGEST
    spec = {"planRef": "shop", "operationType": "Execute", "onFailure": options.on_failure}
    assert spec | execute.path_fields(options) == created["spec"]
    assert lines[-1].endswith("✔ a  Would create ConfigMap default/a")


async def test_a_revert_is_previewed_with_its_options(tmp_path: Path) -> None:
    scope = ["--on-missing", "Ignore", "--include-partial", "--stage", "a b", "--action", "x", "--force"]
    done, created = await previewed(tmp_path, "shop", "--revert", "@latest", *scope)
    assert done.exit_code == 0
    assert created["metadata"]["generateName"] == "move-preview-"
    assert created["spec"]["revertExecutionRef"] == "move"
    command = next(line for line in done.stdout.splitlines() if "--preview-digest" in line)
    options = command_parser("revert").parse_args(shlex.split(command)[2:])
    assert (options.execution, options.preview_digest) == ("move", DIGEST)
    assert revert.scope_fields(options, "move").items() <= created["spec"].items()
    assert options.include_partial
    assert options.stage == ["a b"]
    back, created = await previewed(tmp_path, "shop", "--revert", "move", "--return-to")
    assert (created["spec"]["revertTo"], "revertExecutionRef" in created["spec"]) == ("move", False)
    assert (
        f"    drplan revert move --namespace default --kubeconfig {tmp_path}/config --return-to"
        in back.stdout.splitlines()
    )


async def test_every_obstacle_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    done, _ = await previewed(tmp_path, "shop", phase="Failed")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "✘ parameter region has no value" in lines
    assert lines.index("✘ s / w / a") + 1 == lines.index("  Would fail: no right")
    at = lines.index("→ there are obstacles: remove them, then preview again")
    assert lines[at + 1].split()[:5] == ["drplan", "preview", "shop", "--namespace", "default"]
    again, _ = await previewed(tmp_path, "shop", "--revert", "move", phase="Failed")
    assert "drplan preview shop --revert move --namespace default" in again.stdout


@pytest.mark.parametrize(("form", "begins"), [("json", "{"), ("yaml", "apiVersion"), ("name", "drplanexecution.dr.")])
async def test_programs_read_the_object(tmp_path: Path, form: str, begins: str) -> None:
    done, _ = await previewed(tmp_path, "shop", "-o", form, phase="Failed")
    assert (done.exit_code, done.stdout[: len(begins)]) == (1, begins)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["shop", "--force"], "options of a Revert need --revert NAME"),
        (["shop", "--revert", "move", "--mode", "Upgrade"], "a Revert takes no --mode"),
        (["other", "--revert", "move"], "is one of DRPlan shop, not of other"),
    ],
)
async def test_what_cannot_be_meant_is_refused(tmp_path: Path, words: list[str], why: str) -> None:
    done, created = await previewed(tmp_path, *words)
    assert (done.exit_code, created) == (2, {})
    assert why in done.stderr


def test_what_the_command_line_cannot_say_has_no_command() -> None:
    spec = {"planRef": "shop", "operationType": "Execute", "dryRun": True}
    status = {"phase": "Succeeded", "preview": SEEN}

    def command(**fields: Any) -> str:
        body = {"metadata": {"namespace": "n"}, "spec": spec | fields, "status": status}
        return next_command(body, {"--context": "a b", "--kubeconfig": None})

    assert command() == f"drplan execute shop --namespace n --context 'a b' --preview-digest {DIGEST}"
    assert command(params=[{"name": "a", "valueFrom": {}}]) == ""
    assert command(ignoreMissing=[{"kind": "Job", "name": "a"}]) == ""
    assert command(dryRun=None) == ""


def test_its_options_are_those_of_execute_and_revert() -> None:
    def options(command: str) -> set[str]:
        return {option for action in command_parser(command)._actions for option in action.option_strings}

    others = {"--dry-run", "--preview-digest", "--wait", "--no-wait"}
    assert options("preview") - {"--revert"} == (options("execute") | options("revert")) - others
