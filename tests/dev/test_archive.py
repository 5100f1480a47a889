"""The official archive of test programs is used if it is the published one, and only then."""

import hashlib
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
import yaml

from dev import archive
from dev.archive import ArchiveIndex, NoArchiveError, choose
from dev.cache import platform_name

Served = tuple[Path, str]
CONTENT = {"etcd": b"the etcd", "kube-apiserver": b"the server", "kubectl": b"the client"}


def publish(served: Served, monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes], sha512: str = "") -> None:
    folder, address = served
    name = f"envtest-v1.36.2-{platform_name()}.tar.gz"
    with tarfile.open(folder / name, "w:gz") as tar:
        for program, data in content.items():
            member = tarfile.TarInfo(f"controller-tools/envtest/{program}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    published = sha512 or hashlib.sha512((folder / name).read_bytes()).hexdigest()
    index = {"releases": {"v1.36.2": {name: {"hash": published, "selfLink": f"{address}/{name}"}}}}
    (folder / "releases.yaml").write_text(yaml.safe_dump(index))
    monkeypatch.setenv("DRPLAN_ENVTEST_INDEX", f"{address}/releases.yaml")


def test_the_servers_of_the_archive_are_installed(cache: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served, monkeypatch, CONTENT)

    found = archive.fetch("v1.36.3")

    assert {name: path.read_bytes() for name, path in found.items()} == {
        "etcd": b"the etcd",
        "kube-apiserver": b"the server",
    }
    assert all(os.access(path, os.X_OK) and path.is_relative_to(cache) for path in found.values())


def test_an_archive_without_its_published_hash_is_thrown_away(
    cache: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, monkeypatch, CONTENT, sha512="0" * 128)

    with pytest.raises(NoArchiveError, match="does not have its published hash"):
        archive.fetch("v1.36.3")

    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_an_archive_without_a_server_is_of_no_use(cache: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served, monkeypatch, {"etcd": b"the etcd"})

    with pytest.raises(NoArchiveError, match="the archive holds only etcd"):
        archive.fetch("v1.36.3")

    assert not (cache / "envtest").exists()


def test_without_internet_it_is_given_up_at_once(cache: Path) -> None:
    began = time.monotonic()

    with pytest.raises(NoArchiveError, match="Connection refused"):
        archive.fetch("v1.36.3")

    assert time.monotonic() - began < 2 * archive.TIMEOUT


def test_an_index_that_is_no_index_is_no_archive(cache: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = served
    (folder / "releases.yaml").write_text("<html>Sign in to the network</html>")
    monkeypatch.setenv("DRPLAN_ENVTEST_INDEX", f"{address}/releases.yaml")

    with pytest.raises(NoArchiveError, match="valid dictionary"):
        archive.fetch("v1.36.3")


def _index(*versions: str) -> ArchiveIndex:
    files = {v: {f"envtest-{v}-linux-arm64.tar.gz": {"hash": "h", "selfLink": v}} for v in versions}
    return ArchiveIndex.model_validate({"releases": files})


@pytest.mark.parametrize(
    ("published", "chosen"),
    [
        (["v1.36.0", "v1.36.2", "v1.36.10"], "v1.36.10"),
        (["v1.36.1", "v1.37.0", "v1.35.9"], "v1.36.1"),
        (["v1.36.0", "v1.36.1-beta.0"], "v1.36.0"),
    ],
)
def test_the_latest_patch_of_the_wanted_minor_version_is_chosen(published: list[str], chosen: str) -> None:
    assert choose(_index(*published), "v1.36.3", "linux-arm64").url == chosen


@pytest.mark.parametrize(("platform", "version"), [("linux-riscv64", "v1.36.1"), ("linux-arm64", "v1.35.0")])
def test_no_archive_for_the_platform_or_the_version_is_said(platform: str, version: str) -> None:
    with pytest.raises(NoArchiveError, match=f"none is published for Kubernetes 1.36 on {platform}"):
        choose(_index(version), "v1.36.3", platform)
