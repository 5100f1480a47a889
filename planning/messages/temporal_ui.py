"""What Temporal's UI shows of a run besides its history: summaries, details and current details.

Temporal bounds a summary to 400 bytes and details to 20,000, and a workflow task that goes over is repeated for ever,
so every function keeps within. The UI renders details as Markdown, with tables and links, which `{namespace}` in an
address makes those of its own pages. Names and messages are escaped: none of them becomes a link.
Source: Temporal, "User metadata"; the UI, src/lib/utilities/render-markdown.ts.
"""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.nodes import StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.requests import PersonRequest
from api.steps import RollbackStep
from planning.messages.text import bounded, counted, excerpt, listed, placed

SUMMARY_BOUND = 200
"""Bytes of UTF-8: one line."""
DETAILS_BOUND = 1000
"""Bytes of UTF-8. Small, for hundreds of children may be started by one command batch of 4 MB."""
NAME_BOUND = 60
"""Bytes of a name in a table."""
GAP = "\N{EM SPACE}"
"""At the end of a cell: the UI shows tables without room between their columns."""
TABLE_HEAD = f"| Stage{GAP} | Phase{GAP} | Workflows{GAP} | Actions{GAP} | Duration |\n" + "| --- " * 5 + "|"
_ESCAPES = {ord(sign): f"\\{sign}" for sign in "\\`*_{}[]<>|#!&~"} | {ord(sign): " " for sign in "\r\n"}
_NOT_IN_A_CAPTION = str.maketrans("<>", "()")


# A summary is one line. The list and the history show it as it is, the page of the run as Markdown.


def run_summary(execution: DRPlanExecution) -> str:
    """Return one line for the list of workflows: `Execute nginx-plan: default/nginx-exec-001`."""
    spec, meta = execution.spec, execution.metadata
    return caption(f"{spec.operation_type} {spec.plan_ref}: {meta.namespace}/{meta.name}")


def rehearsal_summary(plan: ObjectKey) -> str:
    """Return one line for a rehearsal in the list of workflows."""
    return caption(f"Rehearse {plan.name}: {plan.namespace}/{plan.name}")


def caption(text: str) -> str:
    """Return a text as one line within the bound, without what Markdown would take for a link."""
    line = " ".join(text.split()).translate(_NOT_IN_A_CAPTION).replace("](", "] (")
    return bounded(line, SUMMARY_BOUND)


def execute_caption(action: str, title: str) -> str:
    """Caption an action by its name and what it does: `create-a: Create Localization default/nginx-loc-a`."""
    return caption(action if title == action else f"{action}: {title}")


def rollback_caption(step: RollbackStep, action: str) -> str:
    """Caption a rollback by its action and what it does: `create-a: delete Localization default/nginx-loc-a`.

    The title of a custom rollback names the action already.
    """
    if step.restoration is not None:
        return caption(f"{action}: restore {placed(step.restoration.target)}")
    if step.refusal is not None:
        return caption(f"{action}: refuse: {step.refusal.message}")
    if step.custom is not None:
        return caption(step.custom.step.title)
    if not step.deletions:
        return caption(f"roll back {action}")
    more = len(step.deletions) - 1
    others = f" and {more} more" if more else ""
    return caption(f"{action}: delete {placed(step.deletions[0].target)}{others}")


def look_caption(of_action: str) -> str:
    """Caption the last look at an action that a cancel found between attempts."""
    return caption(f"look again at {of_action}")


def load_caption(operation: OperationType, execution: ObjectKey) -> str:
    """Caption the reading and deciding at a root's beginning."""
    return caption(f"plan the {operation.lower()} {execution.namespace}/{execution.name}")


def rehearse_caption(plan: ObjectKey) -> str:
    """Caption the activity that asks what an execution of a plan would do."""
    return caption(f"ask what an execution of {plan.namespace}/{plan.name} would do")


def store_record_caption(part: int) -> str:
    """Caption the activity that stores a part of the record for a Revert."""
    return "Store the record for a Revert" + (f", part {part}" if part else "")


def decide_again_caption(action: str) -> str:
    """Caption the activity that decides again on an action that was refused."""
    return caption(f"Decide again on {excerpt(action)}")


def store_parameters_caption(action: str, request: PersonRequest) -> str:
    """Caption the activity that stores the parameters of a retry."""
    return caption(f"{excerpt(action)}: store the parameters of a retry by {excerpt(request.by)}")


def stage_summary(node: StageStatus) -> str:
    """Return the summary of a stage's run; that it is a stage, the type beside it says."""
    return caption(f"{node.name}: {counted(len(node.workflows), 'workflow')}, {counted(len(node.actions), 'action')}")


def workflow_summary(node: WorkflowExecutionStatus) -> str:
    """Return the summary of the run of a DRWorkflow."""
    name = f"{node.workflow_ref.in_namespace}/{node.workflow_ref.name}"
    return caption(f"{name}: {counted(len(node.actions), 'action')}")


# Details are Markdown.


def escaped(text: str) -> str:
    """Return a text for Markdown, as one line in which no sign has a meaning."""
    return text.translate(_ESCAPES)


def run_link(text: str, workflow_id: str) -> str:
    """Link to the page of a run in the UI that shows the link, under whatever address that is."""
    return f"[{escaped(text)}](namespaces/{{namespace}}/workflows/{quote(workflow_id, safe='')})"


def query_link(text: str, query: str) -> str:
    """Link to the runs that a query finds."""
    return f"[{escaped(text)}](namespaces/{{namespace}}/workflows?query={quote(query, safe='')})"


def original_details(original: str, workflow_id: str | None) -> str:
    """Say what a Revert takes back, with a link to that run where its id is known."""
    return f"Takes back {run_link(original, workflow_id) if workflow_id else f'`{original}`'}."


def reverts_details(query: str) -> str:
    """Link from an Execute to the Reverts that took it back."""
    return f"{query_link('Reverts of it', query)}: `{query}`."


def object_details(execution: DRPlanExecution) -> str:
    """Return where the object is that a run carries out."""
    meta = execution.metadata
    return f"`kubectl describe drplanexecution -n {meta.namespace} {meta.name}` (uid {meta.uid})"


def stage_details(node: StageStatus) -> str:
    """Return the workflows of a stage in the order in which they run."""
    order = "in parallel" if node.parallel else "one after the other"
    return _named(f"Workflows, {order}", [child.workflow_ref.name for child in node.workflows])


def workflow_details(node: WorkflowExecutionStatus, *, parallel: bool = False) -> str:
    """Return the actions of a DRWorkflow in the order in which they run."""
    order = "each after those that it depends on" if parallel else "one after the other"
    return _named(f"Actions, {order}", [action.name for action in node.actions])


def _named(what: str, names: Sequence[str]) -> str:
    return f"{what}: {escaped(listed(names, DETAILS_BOUND // 2 - 100, ', '))}"


# Current details change while a run goes on. The UI asks the worker for them.


def turn_details(what: str, index: int, total: int, name: str) -> str:
    """Return which part runs now: `Action 2 of 5: create-b`. `index` counts from 0."""
    return f"{what} {index + 1} of {total}: {escaped(bounded(name, DETAILS_BOUND // 2))}"


def parallel_details(what: str, ended: int, total: int, running: Sequence[str]) -> str:
    """Return how many parts (`workflow`, `action`) have ended and which run now."""
    names = escaped(listed(running, DETAILS_BOUND // 2 - 100, ", ")) if running else "nothing"
    return f"{ended} of {counted(total, what)} ended; now: {names}"


def end_details(phase: Phase | None, message: str | None) -> str:
    """Return how a part ended."""
    return f"**{phase}**: {escaped(bounded(message or '', DETAILS_BOUND // 2))}"


def awaiting_details(message: str) -> str:
    """Return what a run waits for."""
    return f"**Waiting**: {escaped(bounded(message, DETAILS_BOUND // 2))}"


def progress_details(ended: int, total: int) -> str:
    """Return how far a root is."""
    return f"**Running**: {ended} of {counted(total, 'stage')} ended"


def failure_details(path: Sequence[str], run: tuple[str, str] | None, message: str | None) -> str:
    """Return where a run failed first, as a path down to the action, with a link to the run that carried it out."""
    where = " / ".join(escaped(bounded(name, NAME_BOUND)) for name in path)
    link = f" ({run_link(*run)})" if run else ""
    said = f": {escaped(bounded(message, DETAILS_BOUND // 2))}" if message else ""
    return f"Failed at {where}{link}{said}"


def stage_row(stage: StageStatus, workflow_id: str | None) -> str:
    """Return a stage's row; how far a stage is that runs, only its own run knows."""
    name = bounded(stage.name, NAME_BOUND)
    known = stage.phase.terminal
    phases = ([node.phase for node in stage.workflows], [node.phase for node in stage.actions])
    counts = [f"{each.count(Phase.SUCCEEDED)} of {len(each)}" if known else f"of {len(each)}" for each in phases]
    first = run_link(name, workflow_id) if workflow_id else escaped(name)
    phase = f"**{stage.phase}**" if stage.phase in (Phase.RUNNING, Phase.FAILED) else str(stage.phase)
    cells = [f"{cell}{GAP}" for cell in (first, phase, *counts)]
    return f"| {' | '.join(cells)} | {stage.duration or ''} |"


def more_stages(phases: Sequence[Phase]) -> str:
    """Count the stages that a table leaves out."""
    counts = Counter(phases)
    return f"And {counted(len(phases), 'stage')} more: " + ", ".join(f"{n} {phase}" for phase, n in counts.items())
