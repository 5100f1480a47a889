"""The node of a child that ended without telling how far it came.

Its parent knows only that it was started. So every part of it that was to run ends as Failed with the
outcome said to be unknown: 'skipped' would claim that nothing was touched.
Source: docs/architecture.md, "Rules that always hold", 3.
"""

from datetime import datetime

from api.execution import StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from planning.status.transitions import stage_broken, workflow_broken


def _perhaps_begun(node: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    actions = [
        action.model_copy(update={"phase": Phase.RUNNING}) if action.phase is Phase.PENDING else action
        for action in node.actions
    ]
    phase = Phase.RUNNING if node.phase is Phase.PENDING else node.phase
    return node.model_copy(update={"phase": phase, "action_statuses": actions})


def unheard_workflow(node: WorkflowExecutionStatus, reason: str, now: datetime) -> WorkflowExecutionStatus:
    """Close the node of a workflow; `reason` says how its run ended."""
    return workflow_broken(_perhaps_begun(node), reason, now)


def unheard_stage(node: StageStatus, reason: str, now: datetime) -> StageStatus:
    """Close the node of a stage; `reason` says how its run ended."""
    workflows = [child if child.phase is Phase.SKIPPED else _perhaps_begun(child) for child in node.workflows]
    return stage_broken(node.model_copy(update={"workflow_executions": workflows}), reason, now)
