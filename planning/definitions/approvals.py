"""What the stages of a tree need before they begin, from the plan.

Source: docs/spec/drplan.md, "Approval".
"""

from collections.abc import Sequence

from api.execution import DRPlanExecution
from api.nodes import StageStatus
from api.plan import DRPlan
from api.requests import REQUESTED_BY_ANNOTATION, Approval


def approvals_of(plan: DRPlan | None, stages: Sequence[StageStatus]) -> list[Approval | None]:
    """Return what each stage of a tree needs, by its name in the plan; empty where none needs anything."""
    asked = {stage.name: stage.approval for stage in plan.spec.stages} if plan else {}
    needed = [asked.get(stage.name) for stage in stages]
    return needed if any(needed) else []


def requested_by(execution: DRPlanExecution) -> str:
    """Return who created an execution, as the API server has checked it; empty where nobody says so."""
    return execution.metadata.annotations.get(REQUESTED_BY_ANNOTATION, "")


def lacks_requester(execution: DRPlanExecution, approvals: Sequence[Approval | None]) -> bool:
    """Return whether nobody can tell if an approval comes from somebody else than who created the execution."""
    return not requested_by(execution) and any(each and not each.allow_requester for each in approvals)
