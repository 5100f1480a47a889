"""The pages under docs/spec say what models and program do."""

from pathlib import Path

import pytest

from api.fields import TABLES, filled
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.support import unsupported
from tests.api.documents import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "spec").glob("*.md"))

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@pages
def test_the_field_tables_are_not_stale(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert filled(text) == text, "run `make crds`"


def test_every_model_has_its_table_once() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name: text.count(f"<!-- fields: {name} -->") for name in TABLES} == dict.fromkeys(TABLES, 1)


def _everything_unsupported() -> set[str]:
    """Give what planning names of a plan that asks for all that is not there yet."""
    options = {"rollback": {}, "dependsOn": ["b"], "when": "x", "hookType": "y", "hookCleanup": {}, "waitReady": True}
    config_map = {"manifest": "$(params.x)", "operation": "Patch"}
    all_options = {"name": "a", "type": "KubernetesResource", "resource": config_map, **options}
    per_cluster = {"name": "b", "type": "Subscription", "clusterExecutionMode": "PerCluster"}
    spec = {"parameters": [{"name": "x"}], "actions": [all_options, per_cluster]}
    metadata = {"name": "w", "namespace": "default"}
    stages = [{"name": "s", "workflows": [{"workflowRef": metadata}]}]
    dr_workflow = DRWorkflow.model_validate({"metadata": metadata, "spec": spec})
    plan = DRPlan.model_validate({"metadata": metadata, "spec": {"stages": stages}})
    return {feature.message for feature in unsupported(plan, {("default", "w"): dr_workflow})}


def test_what_is_not_supported_yet_stands_on_the_page() -> None:
    text = (REPOSITORY / "docs" / "spec" / "drworkflow.md").read_text(encoding="utf-8")
    page = text[text.index("## Not supported yet") :]
    named = {feature.removesuffix(" actions").removeprefix("operation ") for feature in _everything_unsupported()}

    assert len(named) == 10
    assert {feature for feature in named if feature not in page} == set()
