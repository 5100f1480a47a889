"""The workflow classes that a worker serves, and the modules that its sandbox does not load again."""

from workflows.plan import ExecutePlan, PreviewPlan, RehearsePlan, RevertPlan
from workflows.proof import RevertProof
from workflows.stage import ExecuteStage, RevertStage
from workflows.workflow import ExecuteWorkflow, RevertWorkflow

WORKFLOWS: list[type] = [
    RevertPlan,
    RevertStage,
    RevertWorkflow,
    ExecutePlan,
    ExecuteStage,
    ExecuteWorkflow,
    PreviewPlan,
    RehearsePlan,
    RevertProof,
]

PASSTHROUGH = ("api", "planning", "durationpy", "pydantic", "pydantic_core", "yaml")
"""Deterministic modules without state, which the import contracts on `api` and `planning` check. Loading them again for
every run would take time and make a second class of every model."""
