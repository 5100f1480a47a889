"""The workflow classes that a worker serves, and what its sandbox must not load again."""

from workflows.execute_plan import ExecutePlan
from workflows.execute_stage import ExecuteStage
from workflows.execute_workflow import ExecuteWorkflow
from workflows.revert_plan import RevertPlan
from workflows.revert_stage import RevertStage
from workflows.revert_workflow import RevertWorkflow

WORKFLOWS: list[type] = [RevertPlan, RevertStage, RevertWorkflow, ExecutePlan, ExecuteStage, ExecuteWorkflow]

PASSTHROUGH = ("api", "planning", "durationpy", "pydantic", "pydantic_core", "yaml")
"""Deterministic and without state of their own, which the import contracts on `api` and `planning` hold;
loaded again for every run they would cost time and make two classes of every model."""
