"""Each program comes from the first source that has it, and nothing is fetched or built twice."""

from pathlib import Path

import pytest

from dev import StackError
from dev.build import built_folder
from dev.cache import ETCD, KUBERNETES
from dev.programs import find_servers
from tests.dev.conftest import FakeGo
from tests.dev.test_archive import CONTENT, Served, publish

KUBE_APISERVER = "k8s.io/kubernetes/cmd/kube-apiserver"
KUBE_CONTROLLER_MANAGER = "./kube-controller-manager"
ETCD_SERVER = "./etcd"


def _put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{name} of {folder.name}")


def test_without_any_source_all_three_are_built_into_the_cache_by_version(fake_go: FakeGo, cache: Path) -> None:
    found = find_servers()

    assert fake_go.builds() == [KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, ETCD_SERVER]
    assert {name: path.read_text() for name, path in found.items()} == {
        "kube-apiserver": f"built {KUBE_APISERVER}\n",
        "kube-controller-manager": f"built {KUBE_CONTROLLER_MANAGER}\n",
        "etcd": f"built {ETCD_SERVER}\n",
    }
    assert found["etcd"].parent.name.startswith(ETCD)
    assert found["kube-apiserver"].parent.name.startswith(KUBERNETES)


def test_what_is_in_the_cache_is_not_built_again(fake_go: FakeGo) -> None:
    first = find_servers()

    assert find_servers() == first
    assert len(fake_go.builds()) == 3


def test_the_archive_goes_before_building_but_lacks_the_controller_manager(
    fake_go: FakeGo, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, monkeypatch, CONTENT)

    found = find_servers()

    assert found["kube-apiserver"].read_bytes() == CONTENT["kube-apiserver"]
    assert fake_go.builds() == [KUBE_CONTROLLER_MANAGER]


def test_the_archive_is_not_fetched_again(fake_go: FakeGo, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served, monkeypatch, CONTENT)
    first = find_servers()
    monkeypatch.setenv("DRPLAN_ENVTEST_INDEX", "http://127.0.0.1:1/releases.yaml")

    assert find_servers() == first
    assert fake_go.builds() == [KUBE_CONTROLLER_MANAGER]


def test_a_bad_archive_is_not_used_and_the_servers_are_built(
    fake_go: FakeGo, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(served, monkeypatch, CONTENT, sha512="0" * 128)

    find_servers()

    assert len(fake_go.builds()) == 3
    assert "does not have its published hash and was thrown away" in capsys.readouterr().out


def test_a_persons_own_folder_goes_before_all(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_servers()
    _put(tmp_path / "assets", "kube-apiserver", "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    found = find_servers()

    assert found["kube-apiserver"] == tmp_path / "assets" / "kube-apiserver"
    assert found["etcd"] == tmp_path / "assets" / "etcd"
    assert found["kube-controller-manager"].parent == built_folder("kube-controller-manager")


def test_a_folder_that_is_named_but_lacks_a_server_is_an_error(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(tmp_path / "assets", "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    with pytest.raises(StackError, match="holds no kube-apiserver"):
        find_servers()
    assert not cache.exists()


def test_an_old_toolchain_is_not_used(fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.19.8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(StackError, match="pip could not install a Go toolchain"):
        find_servers()
    assert fake_go.builds() == []
