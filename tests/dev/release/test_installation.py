"""The one file and the wheel run beside other packages of the same names, and leave those alone."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from cli.one_file import PACKAGES
from dev.layout import REPOSITORY
from dev.programs import from_venv
from dev.release.one_file import locked
from dev.release.version import current
from tests.dev.release.conftest import STRANGERS, write_strangers

PLAN = REPOSITORY / "examples" / "demo"
VALIDATED = "objects, no errors"


def run(*command: object, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder, with hardly any environment."""
    common = {"PATH": os.environ["PATH"], "HOME": str(cwd), "TMPDIR": env.get("TMPDIR", "/tmp")}
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env={**common, **env}, capture_output=True, text=True, timeout=120
    )


def unpacked(cache: Path) -> Path:
    """Return the one folder of packages in a cache."""
    (folder,) = (cache / "drplan" / "packages").iterdir()
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a user who has the one file."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds other people's packages, and then ours. It takes the libraries from the tests' one."""
    folder = tmp_path_factory.mktemp("shared") / "venv"
    venv.create(folder, symlinks=True)
    packages = site_packages(folder)
    write_strangers(packages)
    for name in ("yaml", "pydantic"):  # these are ours as well
        (packages / name / "__init__.py").unlink()
        (packages / name).rmdir()
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    install = ("pip", "install", "--quiet", "--offline", "--no-deps", "--python", folder / "bin" / "python")
    done = run(from_venv("uv"), *install, wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def site_packages(environment: Path) -> Path:
    (folder,) = environment.glob("lib/python*/site-packages")
    return folder


def test_the_one_file_loads_nothing_of_the_folder_the_path_or_the_environment(
    program: Path, environment: Path, strangers: Path, cache: Path
) -> None:
    for python in ([], [environment / "bin" / "python"]):
        done = run(
            *python, program, "validate", PLAN, cwd=strangers, PYTHONPATH=str(strangers), XDG_CACHE_HOME=str(cache)
        )
        assert VALIDATED in done.stderr


def test_the_one_file_is_the_plugin_of_kubectl_and_its_completion_by_name(
    program: Path, tmp_path: Path, cache: Path
) -> None:
    said = {}
    for name in ("kubectl-drplan", "kubectl_complete-drplan"):
        (tmp_path / name).symlink_to(program)
        said[name] = run(tmp_path / name, "status", "--help", cwd=tmp_path, XDG_CACHE_HOME=str(cache)).stdout
    assert said["kubectl-drplan"].startswith("usage: kubectl drplan status")
    assert said["kubectl_complete-drplan"].splitlines()[-1] == ":4"


def test_the_one_file_needs_no_cache_and_leaves_nothing_behind(program: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(program, "--version", cwd=tmp_path, XDG_CACHE_HOME="/dev/null", TMPDIR=str(temporary))
    assert done.stdout == f"drplan {current()}\n"
    assert [*temporary.iterdir()] == []


def test_packages_that_others_can_write_are_not_loaded(program: Path, tmp_path: Path) -> None:
    first = run(program, "--version", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    folder = unpacked(tmp_path / ".cache")
    (folder / "drplan" / "__init__.py").write_text("raise SystemExit('somebody else wrote this')\n")
    assert "somebody else" in run(program, "--version", cwd=tmp_path).stderr
    folder.chmod(0o777)
    assert run(program, "--version", cwd=tmp_path).stdout == first.stdout


def test_without_a_library_for_this_python_only_what_needs_it_fails(program: Path, tmp_path: Path) -> None:
    assert run(program, "--version", cwd=tmp_path).returncode == 0
    (library,) = unpacked(tmp_path / ".cache").glob("pydantic_core/*.so")
    library.unlink()
    assert run(program, "status", "--help", cwd=tmp_path).returncode == 0
    done = run(program, "validate", PLAN, cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: this file has no library for cpython-3\d+ on \S+, which this command needs: .*\n", done.stderr
    )


def test_an_older_python_hands_over_to_a_newer_one_or_says_what_is_needed(program: Path, tmp_path: Path) -> None:
    newer = tmp_path / "python3.12"
    newer.write_text('#!/bin/sh\necho newer "$@"\n')
    newer.chmod(0o755)
    pretend = "import runpy, sys; sys.version_info = (3, 9, 1); sys.argv[0] = sys.argv[1]; del sys.argv[1]; "
    pretend += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = (sys.executable, "-c", pretend, program, "--version")
    assert run(*command, cwd=tmp_path, PATH=f"{tmp_path}:/bin").stdout == f"newer {program} --version\n"
    done = run(*command, cwd=tmp_path, PATH="/nowhere")
    assert (done.returncode, done.stderr) == (1, "Error: drplan needs Python 3.11 or newer; this is 3.9\n")


def test_the_one_file_holds_what_is_locked_for_it_and_nothing_else(program: Path) -> None:
    with zipfile.ZipFile(program) as file, zipfile.ZipFile(BytesIO(file.read(PACKAGES))) as packages:
        names = packages.namelist()
        known = [packages.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    found = {re.findall(r"^Name: (\S+)$", each, re.MULTILINE)[0].lower().replace("_", "-") for each in known}
    assert found == {"drplan", *locked()}
    assert len([name for name in names if "/licenses/" in name]) >= len(found)
    assert {name.split("/")[0] for name in names if name.endswith(".so")} == {"pydantic_core", "yaml"}


def test_the_wheel_adds_one_name_to_an_environment_and_runs_there(environment: Path, strangers: Path) -> None:
    added = {each.name for each in site_packages(environment).iterdir()} - {*STRANGERS}
    assert {name for name in added if name != "libraries.pth" and not name.startswith("_")} == {
        "drplan",
        f"drplan-{current()}.dist-info",
    }
    for name in ("drplan", "kubectl-drplan"):
        done = run(environment / "bin" / name, "validate", PLAN, cwd=strangers)
        assert VALIDATED in done.stderr
    assert run(environment / "bin" / "drplan", "--version", cwd=strangers).stdout == f"drplan {current()}\n"
    for name in STRANGERS:
        done = run(environment / "bin" / "python", "-c", f"import {name}", cwd=environment)
        assert done.stderr == f"loaded the {name} of somebody else\n"


def commands_of_the_manifests() -> list[list[str]]:
    """Return how worker, bridge and codec endpoint are started."""
    files = [*(REPOSITORY / "deploy" / "install").glob("*.yaml"), REPOSITORY / "deploy" / "codec-server.yaml"]
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text())]
    pods = [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]
    return [container["command"] for pod in pods for container in pod["containers"]]


def variables_of_the_image(root: Path) -> Mapping[str, str]:
    """Return the variables of Dockerfile by which Python finds modules, with our folder where it is here."""
    variables = dict(re.findall(r"(PYTHON\w+PATH|PYTHONPATH)=(\S+)", (REPOSITORY / "Dockerfile").read_text()))
    return {name: value.replace("/opt/drplan/root", str(root)) for name, value in variables.items()}


def test_the_commands_of_the_image_do_not_look_into_the_current_folder(environment: Path, strangers: Path) -> None:
    root = site_packages(environment) / "drplan" / "root"
    variables = variables_of_the_image(root)
    programs = [environment / "bin" / command[0] for command in commands_of_the_manifests()]
    for program, command in zip(programs, commands_of_the_manifests(), strict=True):
        *flags, option, module = command[1:]
        where = f"from importlib.util import find_spec; print(find_spec({module!r}).origin)"
        done = run(program, *flags, "-c", where, cwd=strangers, **variables)
        assert (option, done.stdout.startswith(f"{root}/")) == ("-m", True), done.stderr
    (worker,) = (command for command in commands_of_the_manifests() if command[-1] == "worker")
    done = run(programs[0], *worker[1:], "--help", cwd=strangers, **variables)
    assert done.stdout.startswith("usage: python -m worker"), done.stderr
