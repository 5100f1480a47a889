"""What `make release` builds: complete, of one version, and the same each time."""

import hashlib
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from dev.layout import REPOSITORY
from dev.release.__main__ import Release, epoch_of_the_commit, main
from dev.release.build import build_wheel
from dev.release.one_file import PLATFORMS, this_platform
from dev.release.version import ReleaseError, changelog_date, current
from tests.dev.release.conftest import EPOCH

VERSION = current()
IMAGE = f"registry.example.com/team/drplan@sha256:{'0a' * 32}"
URL = "https://example.com/team/drplan/releases/download/v1"


def contents(file: Path) -> dict[str, bytes]:
    """Return the files of a compressed tar archive by their paths."""
    with tarfile.open(file) as archive:
        return {each.name: stream.read() for each in archive if (stream := archive.extractfile(each)) is not None}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release for this platform."""
    folder = tmp_path_factory.mktemp("dist")
    Release(VERSION, EPOCH, IMAGE, URL, (this_platform(),)).build(folder)
    return folder


def test_it_has_everything_and_the_sums_are_right(dist: Path) -> None:
    lines = [line.split("  ") for line in (dist / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert {name.replace(VERSION, "VERSION") for name in sums} == {
        "drplan-VERSION-cli.cdx.json",
        "drplan-VERSION-image.cdx.json",
        f"drplan-VERSION-{this_platform()}.tar.gz",
        "drplan-VERSION-manifests.tar.gz",
        "drplan-VERSION-py3-none-any.whl",
        "drplan-VERSION.tar.gz",
        "drplan-VERSION.tgz",
        "drplan.yaml",
    }
    assert {name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in sums} == sums


def test_the_same_commit_gives_the_same_files(dist: Path, tmp_path: Path) -> None:
    Release(VERSION, EPOCH, IMAGE, URL, (this_platform(),)).build(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text() == (dist / "SHA256SUMS").read_text()


def test_version_changelog_chart_and_manifests_agree() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert f"{VERSION} - {changelog_date(VERSION)}" in headings[:2]
    assert headings[0].startswith(VERSION) or headings[0] == "[Unreleased]"
    chart = yaml.safe_load((REPOSITORY / "deploy" / "charts" / "drplan" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    files = [
        *(REPOSITORY / "deploy").rglob("*.yaml"),
        *(REPOSITORY / "docs").rglob("*.md"),
        REPOSITORY / "docker-compose.yml",
    ]
    named = {found for file in files for found in re.findall(r"\bdrplan:(\d+\.\d+\.\d+)\b", file.read_text())}
    assert named == {VERSION}


def test_a_version_that_the_changelog_does_not_date_is_not_released() -> None:
    with pytest.raises(ReleaseError, match=r'CHANGELOG\.md has no heading "## 9\.9\.9 - YYYY-MM-DD"'):
        changelog_date("9.9.9")


def test_the_program_of_the_archive_runs_and_krew_finds_it(dist: Path, tmp_path: Path) -> None:
    file = dist / f"drplan-{VERSION}-{this_platform()}.tar.gz"
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path, filter="data")
    plugin = yaml.safe_load((dist / "drplan.yaml").read_text())
    (platform,) = plugin["spec"]["platforms"]
    assert all((tmp_path / each["from"]).is_file() for each in platform["files"])
    assert platform["uri"] == f"{URL}/{file.name}"
    assert platform["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert plugin["spec"]["homepage"] == "https://example.com/team/drplan"
    assert (plugin["metadata"]["name"], plugin["spec"]["version"]) == ("drplan", f"v{VERSION}")
    said = subprocess.run([tmp_path / platform["bin"], "--version"], capture_output=True, text=True, timeout=60)
    assert said.stdout == f"drplan {VERSION}\n"


def test_the_chart_is_packaged_as_helm_does_and_has_the_image(dist: Path) -> None:
    files = contents(dist / f"drplan-{VERSION}.tgz")
    assert {name.split("/")[0] for name in files} == {"drplan"}
    assert yaml.safe_load(files["drplan/Chart.yaml"])["version"] == VERSION
    image = yaml.safe_load(files["drplan/values.yaml"])["image"]
    assert f"{image['repository']}@{image['digest']}" == IMAGE


def test_the_manifests_have_the_image_and_none_of_the_local_stack(dist: Path) -> None:
    files = contents(dist / f"drplan-{VERSION}-manifests.tar.gz")
    folder = f"drplan-{VERSION}-manifests"
    assert {f"{folder}/install/worker.yaml", f"{folder}/crds/drplans.yaml", f"{folder}/team-namespace.yaml"} <= set(
        files
    )
    assert not [name for name in files if name.split("/")[1] in ("stack", "charts", "compose", "clusternet")]
    images = {found for each in files.values() for found in re.findall(r"image: (\S+)", each.decode())}
    assert images == {IMAGE}


def test_the_sources_build_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / f"drplan-{VERSION}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    wheel = build_wheel(dist.parent, EPOCH, tmp_path / f"drplan-{VERSION}")
    assert wheel.read_bytes() == (dist / wheel.name).read_bytes()


def test_what_is_built_on_a_machine_is_not_in_the_sources(dist: Path) -> None:
    names = {name.partition("/")[2] for name in contents(dist / f"drplan-{VERSION}.tar.gz")}
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert {name for name in names if name.endswith((".pyc", ".so")) or name.startswith((".venv", "dist/"))} == set()
    assert {name for name in tracked.splitlines() if not name.startswith(".")} <= names


def test_a_folder_of_other_files_is_not_emptied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    (tmp_path / "precious").touch()
    assert main([str(tmp_path), "--platforms", "this"]) == 1
    assert capsys.readouterr().err == f"Error: {tmp_path} holds files that are no release\n"


def test_the_time_is_that_of_the_commit_or_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
    assert epoch_of_the_commit() == 12


def test_the_names_of_the_platforms_are_those_of_krew() -> None:
    assert this_platform() in PLATFORMS
    assert {name.split("-")[0] for name in PLATFORMS} == {"linux", "darwin"}
