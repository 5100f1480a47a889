"""The commands of docs/temporal.md and docs/uninstall.md are ones that Temporal and a real API server accept."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from tests.docs.pages import REPOSITORY, Page
from tests.e2e.page_commands import run, shell_of

DELETION = re.compile(r"^kubectl delete ", re.MULTILINE)


@pytest.fixture
def shell(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which the commands act on the stack as the administrator."""
    for name in ("client.crt", "client.key", "ca.crt"):
        (tmp_path / name).write_text(name)
    yield {**shell_of(stack, tmp_path), "CERTIFICATES": str(tmp_path), "CLOUD_KEY": "key"}
    secrets = ("drplan-temporal-tls", "drplan-temporal-api-key")
    stack.kubectl("delete", "secret", *secrets, "--namespace=drplan-system", "--ignore-not-found")
    stack.kubectl("delete", "--ignore-not-found", f"--filename={REPOSITORY / 'deploy' / 'install'}")
    stack.kubectl("delete", "namespace", "shop", "--ignore-not-found", "--timeout=60s")


def test_every_command_is_accepted(stack: Stack, shell: dict[str, str]) -> None:
    stack.kubectl("apply", f"--filename={REPOSITORY / 'deploy' / 'install'}")
    for block in Page(REPOSITORY / "docs" / "temporal.md").fences("sh"):
        run(shell, block)
    stack.kubectl("create", "namespace", "shop")
    stack.kubectl("apply", "--namespace=shop", f"--filename={REPOSITORY / 'deploy' / 'team-namespace.yaml'}")
    blocks = Page(REPOSITORY / "docs" / "uninstall.md").fences("sh")
    assert len([block for block in blocks if DELETION.search(block)]) >= 3
    for block in blocks:
        run(shell, DELETION.sub("kubectl delete --dry-run=server ", block))
    assert (Path(shell["HOME"]) / "drplan-backup.yaml").stat().st_size > 0
