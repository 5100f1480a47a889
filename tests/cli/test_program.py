"""The command line itself: help, exit codes, output for programs, completion, and what it loads."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from cli.commands.completion import SCRIPTS
from cli.main import COMMANDS, command_parser
from tests.cli.program import Result, run
from tests.cli.scenarios import SCENARIOS, Object
from tests.kube.scripted_server import kubeconfig, serving

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("kubernetes", "temporalio", "pydantic", "aiohttp", "api.execution", "api.meta")


async def asked(body: Object, *arguments: str, folder: Path) -> Result:
    """Run a command against an API server that has one execution."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name == "drplanexecutions":
            return web.json_response({"kind": "DRPlanExecutionList", "items": [body]})
        if name == body["metadata"]["name"]:
            return web.json_response(body)
        said = {"kind": "Status", "reason": "NotFound", "message": f'"{name}" not found', "details": {"name": name}}
        return web.json_response(said, status=404)

    async with serving(answer) as url:
        file = folder / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        return await asyncio.to_thread(run, *arguments, "--kubeconfig", str(file))


def test_a_help_loads_nothing_that_takes_long() -> None:
    program = (
        "import sys; from cli.main import main\n"
        f"for words in {[['--help'], *([name, '--help'] for name in COMMANDS)]}:\n"
        "    try: main(words)\n    except SystemExit: pass\n"
        f"sys.exit([name for name in {HEAVY} if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Exit codes:") == len(COMMANDS) + 1


def test_what_status_needs_loads_nothing_that_takes_long() -> None:
    modules = "cli.commands.status, cli.commands.list, cli.commands.watch, cli.commands.report, kube.blocking"
    program = f"import sys, {modules}\nsys.exit([name for name in {HEAVY} if name in sys.modules] or 0)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_a_module_with_a_help() -> None:
    for name in COMMANDS:
        assert name in run("--help").stdout
        assert command_parser(name).prog == f"drplan {name}"
    modules = {file.stem for file in (REPOSITORY / "cli" / "commands").glob("[!_]*.py")}
    assert modules == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["statsu"], 'unknown command "statsu"'),
        (["status", "--bogus"], "unrecognized arguments: --bogus"),
        (["execute"], "the following arguments are required: PLAN"),
        (["status", "-o", "xml"], "invalid choice: 'xml'"),
        (["execute", "shop", "-p", "x"], "a parameter is NAME=VALUE"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_cluster_that_cannot_be_reached_ends_with_4(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9")))
    for command in (["status", "x"], ["watch", "x"], ["list"], ["execute", "shop"], ["wait", "x"], ["cancel", "x"]):
        done = run(*command, "--kubeconfig", str(file))
        assert (done.exit_code, done.stdout) == (4, ""), command
        assert "127.0.0.1:9 gave no answer" in done.stderr
    assert run("status", "x", "--kubeconfig", str(tmp_path / "none")).exit_code == 4


@pytest.mark.parametrize(
    ("name", "code"), [("success", 0), ("verified", 0), ("differs", 3), ("forbidden", 1), ("partly-executed", 1)]
)
@pytest.mark.parametrize("command", ["watch", "wait"])
async def test_the_exit_code_tells_how_it_ended(command: str, name: str, code: int, tmp_path: Path) -> None:
    body = SCENARIOS[name]()
    done = await asked(body, command, body["metadata"]["name"], folder=tmp_path)
    assert (done.exit_code, done.stderr) == (code, "")
    assert str(body["status"]["phase"]) in done.stdout


async def test_a_success_that_leaves_objects_standing_ends_with_3(tmp_path: Path) -> None:
    body = SCENARIOS["success"]()
    for kind in ("Clean", "Verified"):
        told = {"type": kind, "status": "False", "reason": "R", "message": "ConfigMap default/a"}
        others = [each for each in body["status"]["conditions"] if each["type"] != "Clean"]
        changed = {**body, "status": {**body["status"], "conditions": [*others, told]}}
        assert (await asked(changed, "wait", "shop-back", folder=tmp_path)).exit_code == 3


async def test_status_ends_with_0_however_the_execution_fares(tmp_path: Path) -> None:
    body = SCENARIOS["forbidden"]()
    done = await asked(body, "-n", "default", "status", "@latest", folder=tmp_path)
    assert (done.exit_code, done.stdout.splitlines()[0].split()[1:3]) == (0, ["shop-back", "Failed"])
    assert (await asked(body, "status", "none", folder=tmp_path)).exit_code == 1


async def test_output_for_programs_is_the_object(tmp_path: Path) -> None:
    body = SCENARIOS["forbidden"]()
    body["status"]["message"] = "café \x9b \u202e \\u00e9"
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        done = await asked(body, "status", "shop-back", "-o", form, folder=tmp_path)
        assert read(done.stdout) == body
        assert all(each.isprintable() for each in done.stdout.replace("\n", ""))
        listed = read((await asked(body, "list", "-o", form, folder=tmp_path)).stdout)
        assert (listed["kind"], listed["items"]) == ("List", [body])
    name = (await asked(body, "status", "-o", "name", folder=tmp_path)).stdout
    assert name == "drplanexecution.dr.bkbcs.tencent.com/shop-back\n"


async def test_a_list_has_the_columns_of_kubectl(tmp_path: Path) -> None:
    head, row = (await asked(SCENARIOS["forbidden"](), "list", "-A", "-o", "wide", folder=tmp_path)).stdout.splitlines()
    columns = ["NAMESPACE", "NAME", "PLAN", "OPERATION", "PHASE", "STAGES", "ACTIONS", "AGE", "DURATION"]
    columns += ["WORKED", "PEOPLE", "TURN", "MESSAGE"]
    assert head.split() == columns
    assert row.split()[:7] == ["default", "shop-back", "shop", "Revert", "Failed", "1/2", "3/5"]
    assert row.split()[8:12] == ["1m30s", "1m30s", "0s", "0s"]


async def test_open_prints_the_address_of_the_run(tmp_path: Path) -> None:
    done = await asked(SCENARIOS["success"](), "open", "--ui", "https://ui.example.com/", folder=tmp_path)
    path = "namespaces/default/workflows/revert%2Fdefault%2Fshop-back%2F7f3a/0191/history"
    assert done.stdout == f"https://ui.example.com/{path}\n"
    assert (await asked(SCENARIOS["plan-locked"](), "open", folder=tmp_path)).exit_code == 1


async def test_completion_knows_commands_options_values_and_names(tmp_path: Path) -> None:
    file = tmp_path / "config"
    body = SCENARIOS["success"]()

    async def complete(command: str, *words: str) -> list[str]:
        options = ["--kubeconfig", str(file)] if words else []
        return (await _complete(body, [command, *options, *words], tmp_path)).stdout.split()

    assert await complete("st") == ["status"]
    assert await complete("status", "") == ["@latest", "shop-back"]
    assert await complete("execute", "sh") == ["shop"]
    assert await complete("status", "-o", "") == ["json", "yaml", "name", "wide"]
    assert await complete("revert", "--on-m") == ["--on-missing"]
    assert await complete("status", "--context", "") == ["test"]
    assert run("__complete", "status", "--kubeconfig", "/nowhere", "").output == ""


async def _complete(body: Object, words: list[str], folder: Path) -> Result:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        name = "shop" if request.path.endswith("drplans") else body["metadata"]["name"]
        return web.json_response({"items": [{"metadata": {"name": name}}]})

    async with serving(answer) as url:
        (folder / "config").write_text(yaml.safe_dump(kubeconfig(url)))
        return await asyncio.to_thread(run, "__complete", *words)


def test_bash_completes_by_the_script(tmp_path: Path) -> None:
    program = tmp_path / "drplan"
    program.write_text(f'#!/bin/sh\ncd "{REPOSITORY}" && exec "{sys.executable}" -m cli.main "$@"\n')
    program.chmod(0o755)
    script = f'{SCRIPTS["bash"]}\nCOMP_WORDS=({program} "rep"); COMP_CWORD=1; _drplan; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.stderr) == (["report"], "")


def test_kubectl_completes_by_the_program_that_it_looks_for() -> None:
    program = "import sys; sys.argv[1:] = ['li']; from cli.completion import run; run()"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["list", ":4"]
