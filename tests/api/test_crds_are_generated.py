"""The committed CRDs are what the models say, and fit to be read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.crds import KINDS, render
from api.schema import ADDITIVE
from tests.api.documents import COMMITTED, MODELS, REPOSITORY, committed, schema, walk


def test_the_committed_files_are_not_stale() -> None:
    expected = {f"{kind.plural}.yaml": render(kind) for kind in KINDS}
    found = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.iterdir()}

    assert found == expected, "run `make crds`"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_program_writes_the_same_whatever_the_hash_seed(seed: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.crds", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)

    for kind in KINDS:
        assert (tmp_path / f"{kind.plural}.yaml").read_text(encoding="utf-8") == render(kind)


@pytest.mark.parametrize("plural", MODELS)
def test_every_field_is_described_for_kubectl_explain(plural: str) -> None:
    fields = [(path, node) for path, node in walk(schema(committed(plural))) if path.rpartition(".")[2].isalnum()]
    silent = [path for path, node in fields if not node.get("description") and path != ".metadata"]
    marked = [path for path, node in fields if ADDITIVE in node.get("description", "")]

    assert silent == []
    assert marked == []
