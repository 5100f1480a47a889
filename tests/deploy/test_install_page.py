"""The commands of docs/operations.md that install drplan work as they are written, and grant what the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.page_commands import run, shell_of

PAGE = Page(REPOSITORY / "docs" / "operations.md")


def commands(heading: str) -> list[str]:
    """Give the blocks of commands between a heading and the next one, but those that need a container engine."""
    found: list[str] = []
    inside = False
    for before, token in zip(PAGE.tokens, PAGE.tokens[1:], strict=False):
        if before.type == "heading_open":
            inside = token.content == heading
        elif inside and token.type == "fence" and token.info == "sh" and "docker" not in token.content:
            found.append(token.content)
    assert found, f"no commands below {heading!r}"
    return found


@pytest.fixture
def shell(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` acts on the stack as the administrator."""
    yield shell_of(stack, tmp_path)
    stack.kubectl("delete", "namespace", "shop", "--ignore-not-found", "--timeout=60s")
    stack.kubectl("delete", "--ignore-not-found", f"--filename={REPOSITORY / 'deploy' / 'install'}")


def may_impersonate(stack: Stack, namespace: str, kubeconfig: Path) -> bool:
    question = ("auth", "can-i", "impersonate", "serviceaccounts", f"--namespace={namespace}")
    return stack.kubectl(f"--kubeconfig={kubeconfig}", *question, check=False).stdout.strip() == "yes"


def test_after_the_steps_the_worker_serves_the_open_namespace_and_no_other(stack: Stack, shell: dict[str, str]) -> None:
    for command in commands("Install"):
        run(shell, command)
    worker = stack.layout.kubeconfig_of("worker")
    served = {each for each in ("shop", "kube-system", "drplan-system") if may_impersonate(stack, each, worker)}
    assert served == {"shop"}


def test_the_kubeconfigs_for_compose_have_the_rights_of_worker_and_bridge(
    stack: Stack, shell: dict[str, str], tmp_path: Path
) -> None:
    stack.kubectl("create", "namespace", "shop")
    for command in (*commands("With compose instead"), commands("Which namespaces")[0]):
        run(shell, command)
    for name in ("worker", "bridge"):
        kubeconfig = tmp_path / "drplan" / f"{name}.kubeconfig"
        assert kubeconfig.stat().st_mode & 0o077 == 0
        user = stack.kubectl(f"--kubeconfig={kubeconfig}", "auth", "whoami", "--output=yaml").stdout
        assert f"username: system:serviceaccount:drplan-system:drplan-{name}\n" in user
        assert may_impersonate(stack, "shop", kubeconfig) is (name == "worker")
        assert not may_impersonate(stack, "kube-system", kubeconfig)


def test_every_namespace_with_a_label_is_opened_by_one_command(stack: Stack, shell: dict[str, str]) -> None:
    by_label = commands("Which namespaces")[1]
    assert run(shell, by_label) == ""
    stack.kubectl("create", "namespace", "shop")
    stack.kubectl("label", "namespace", "shop", "drplan=open")
    assert "rolebinding.rbac.authorization.k8s.io/drplan-worker created" in run(shell, by_label)
    assert may_impersonate(stack, "shop", stack.layout.kubeconfig_of("worker"))
