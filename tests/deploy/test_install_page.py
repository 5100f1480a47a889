"""The commands of docs/install.md work as they are written, and grant what the page says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.helm import find_helm
from dev.stack import Stack
from tests.deploy.rendered import documents, named, pod_of
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.page_commands import run, shell_of
from tests.eventually import until

PAGE = Page(REPOSITORY / "docs" / "install.md")
OPERATIONS = Page(REPOSITORY / "docs" / "operations.md")
WITHOUT_POLICIES = " ".join(f"--set admission.{each}=false" for each in ("protect", "requests", "definitions"))
"""Other tests write to the same API server what the policies would refuse."""


def commands(heading: str, page: Page = PAGE) -> list[str]:
    """Give the blocks of commands between a heading and the next one, but those that need a container engine."""
    found: list[str] = []
    inside = False
    for before, token in zip(page.tokens, page.tokens[1:], strict=False):
        if before.type == "heading_open":
            inside = token.content == heading
        elif inside and token.type == "fence" and token.info == "sh" and "docker" not in token.content:
            found.append(token.content)
    assert found, f"no commands below {heading!r}"
    return found


@pytest.fixture
def shell(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `kubectl` and `helm` act on the stack as the administrator."""
    variables = shell_of(stack, tmp_path)
    helm = tmp_path / "bin" / "helm"
    helm.write_text(f"""#!/bin/sh
case "$1" in upgrade) exec {find_helm()} "$@" {WITHOUT_POLICIES};; *) exec {find_helm()} "$@";; esac
""")
    helm.chmod(0o755)
    yield variables
    stack.kubectl("delete", "namespace", "shop", "--ignore-not-found", "--timeout=60s")
    stack.kubectl("delete", "--ignore-not-found", f"--filename={REPOSITORY / 'deploy' / 'install'}")


def may_impersonate(stack: Stack, namespace: str, kubeconfig: Path) -> bool:
    question = ("auth", "can-i", "impersonate", "serviceaccounts", f"--namespace={namespace}")
    return stack.kubectl(f"--kubeconfig={kubeconfig}", *question, check=False).stdout.strip() == "yes"


def test_after_the_steps_the_worker_serves_the_open_namespace_and_no_other(stack: Stack, shell: dict[str, str]) -> None:
    for command in commands("With kubectl"):
        run(shell, command)
    worker = stack.layout.kubeconfig_of("worker")
    served = {each for each in ("shop", "kube-system", "drplan-system") if may_impersonate(stack, each, worker)}
    assert served == {"shop"}


def test_the_kubeconfigs_for_compose_have_the_rights_of_worker_and_bridge(
    stack: Stack, shell: dict[str, str], tmp_path: Path
) -> None:
    stack.kubectl("create", "namespace", "shop")
    for command in (*commands("With compose"), commands("Which namespaces", OPERATIONS)[0]):
        run(shell, command)
    for name in ("worker", "bridge"):
        kubeconfig = tmp_path / "drplan-kubeconfigs" / f"{name}.kubeconfig"
        assert kubeconfig.stat().st_mode & 0o077 == 0
        user = stack.kubectl(f"--kubeconfig={kubeconfig}", "auth", "whoami", "--output=yaml").stdout
        assert f"username: system:serviceaccount:drplan-system:drplan-{name}\n" in user
        assert may_impersonate(stack, "shop", kubeconfig) is (name == "worker")
        assert not may_impersonate(stack, "kube-system", kubeconfig)


def test_every_namespace_with_a_label_is_opened_by_one_command(stack: Stack, shell: dict[str, str]) -> None:
    by_label = commands("Which namespaces", OPERATIONS)[1]
    assert run(shell, by_label) == ""
    stack.kubectl("create", "namespace", "shop")
    stack.kubectl("label", "namespace", "shop", "drplan=open")
    assert "rolebinding.rbac.authorization.k8s.io/drplan-worker created" in run(shell, by_label)
    assert may_impersonate(stack, "shop", stack.layout.kubeconfig_of("worker"))


def test_the_commands_of_helm_take_over_install_open_and_uninstall(stack: Stack, shell: dict[str, str]) -> None:
    install, open_namespace, cloud, take_over = commands("With Helm")
    worker = stack.layout.kubeconfig_of("worker")
    try:
        run(shell, take_over)
        assert "What to do next" in run(shell, install)
        run(shell, open_namespace)
        assert may_impersonate(stack, "shop", worker)
        run(shell | {"TEMPORAL_API_KEY": "secret"}, cloud)
        settings = stack.kubectl("get", "configmap", "drplan-settings", "--namespace=drplan-system", "--output=yaml")
        assert "TEMPORAL_NAMESPACE: dr.a1b2c\n" in settings.stdout
        run(shell, commands("Without access to the internet")[0])
        run(shell, commands("Uninstall")[0])
        assert not may_impersonate(stack, "shop", worker)
    finally:
        stack.kubectl("delete", "secret", "temporal-cloud", "--namespace=drplan-system", "--ignore-not-found")
        run(shell, commands("With kubectl")[0])
        until(lambda: may_impersonate(stack, "default", worker), "the roles of the manifests are back")


def test_the_overlay_of_the_page_has_its_image_and_settings(stack: Stack, tmp_path: Path) -> None:
    (text,) = (each.content for each in PAGE.tokens if each.type == "fence" and "Kustomization" in each.content)
    overlay = tmp_path / "kustomization.yaml"
    overlay.write_text(text.replace("../deploy", os.path.relpath(REPOSITORY / "deploy", tmp_path)))
    objects = named(documents(stack.kubectl("kustomize", str(tmp_path)).stdout))
    assert {pod_of(list(objects.values()), each)["containers"][0]["image"] for each in ("worker", "bridge")} == {
        "registry.example.com/drplan@sha256:" + "0a" * 32
    }
    settings = objects["ConfigMap/drplan-system/drplan-settings"]["data"]
    assert (settings["TEMPORAL_ADDRESS"], settings["DRPLAN_TASK_QUEUE"]) == ("temporal.example.com:7233", "drplan")
    every = stack.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", f"--kustomize={tmp_path}")
    assert every.stdout.count("serverside-applied") == len(objects)
