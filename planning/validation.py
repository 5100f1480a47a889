"""Objects to the list of everything that is wrong with them, each with its field path and remedy.

The bridge marks plans and workflows Invalid with it, and an Execute ends as Failed before it begins.
What is right but not supported yet is told apart: `unsupported`, from planning.support.
Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterator, Sequence

from api.actions import Action
from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow, ExecutorType
from planning import faults
from planning.attempts import attempt_faults
from planning.fields import FieldError, plan_subject, used_workflows, workflow_subject
from planning.kinds import Says, block_of, kind_of, operation_of
from planning.lookup import Workflows, definition, full_name
from planning.manifest import ManifestError, parse_manifest
from planning.order import execution_order, sorted_by_need, stage_needs
from planning.support import unsupported as unsupported
from planning.templates import has_template


def plan_errors(plan: DRPlan, workflows: Workflows | None) -> list[FieldError]:
    """Find what is wrong with a plan; references are looked up only where `workflows` is given."""
    subject = plan_subject(plan)
    found = [*_stage_errors(plan), *(_reference_errors(plan, workflows) if workflows is not None else ())]
    return [FieldError(path=path, message=message, subject=subject) for path, message in found]


def _stage_errors(plan: DRPlan) -> Iterator[tuple[str, str]]:
    stages = plan.spec.stages
    names = [stage.name for stage in stages]
    known = frozenset(names)
    yield from _repeated(names, "spec.stages", "stage")
    for index, stage in enumerate(stages):
        for place, name in enumerate(stage.depends_on or []):
            if name not in known:
                yield f"spec.stages[{index}].dependsOn[{place}]", faults.unknown_dependency(name)
    if len(execution_order(plan)) < len(stages):
        circle = _circle(plan)
        yield f"spec.stages[{circle[0]}].dependsOn", faults.cycle([names[place] for place in circle])


def _repeated(names: Sequence[str], path: str, what: str) -> Iterator[tuple[str, str]]:
    """Find names that stand more than once; the first keeps its right to the name."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            yield f"{path}[{index}].name", faults.name_twice(what, name)
        seen[name] = index


def _circle(plan: DRPlan) -> list[int]:
    """Find one circle of stages, starting at its lowest place; the plan has one."""
    stages = plan.spec.stages
    needs = stage_needs([stage.name for stage in stages], [stage.depends_on or [] for stage in stages])
    free = frozenset(sorted_by_need(needs))
    place = next(place for place in range(len(stages)) if place not in free)
    trail: list[int] = []
    while place not in trail:
        trail.append(place)
        place = min(needed for needed in needs[place] if needed not in free)
    circle = trail[trail.index(place) :]
    start = circle.index(min(circle))
    return circle[start:] + circle[:start]


def _reference_errors(plan: DRPlan, workflows: Workflows) -> Iterator[tuple[str, str]]:
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            if definition(workflows, reference.workflow_ref) is None:
                path = f"spec.stages[{index}].workflows[{place}].workflowRef"
                yield path, faults.missing_workflow(full_name(reference.workflow_ref))


def workflow_errors(workflow: DRWorkflow) -> list[FieldError]:
    """Find what is wrong with a DRWorkflow."""
    subject = workflow_subject(workflow)
    return [FieldError(path=path, message=message, subject=subject) for path, message in _workflow_errors(workflow)]


def _workflow_errors(workflow: DRWorkflow) -> Iterator[tuple[str, str]]:
    spec = workflow.spec
    if spec.executor is not None and spec.executor.type is ExecutorType.ARGO:
        yield "spec.executor.type", faults.argo()
    yield from _repeated([action.name for action in spec.actions], "spec.actions", "action")
    for index, action in enumerate(spec.actions):
        for path, message in (*attempt_faults(action), *_object_errors(action)):
            yield f"spec.actions[{index}].{path}", message


def _object_errors(action: Action) -> Iterator[tuple[str, str]]:
    """Find what is wrong with the block that says what the action is about."""
    kind, block = kind_of(action), block_of(action)
    if block is None:
        yield kind.field, faults.missing_block(kind.field, action.type)
        return
    if kind.says is Says.BLOCK and not block.name:
        yield f"{kind.field}.name", faults.empty_name()
    if kind.needs_namespace and not block.namespace:
        yield f"{kind.field}.namespace", faults.missing_namespace(action.type)
    operation = operation_of(action)
    if kind.rules and operation not in kind.rules:
        yield f"{kind.field}.operation", faults.unknown_operation(operation, action.type)
    if kind.says is Says.MANIFEST:
        yield from _manifest_errors(block.manifest)


def _manifest_errors(text: str) -> Iterator[tuple[str, str]]:
    """Find why a manifest is not one object; one with placeholders can only be judged once they are filled in."""
    try:
        parse_manifest(text)
    except ManifestError as error:
        if not has_template(text):
            yield "resource.manifest", faults.manifest(str(error))


def execution_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Find everything that keeps an Execute from starting: in the plan and in each DRWorkflow that it uses."""
    used = used_workflows(plan, workflows)
    return [*plan_errors(plan, workflows), *(error for workflow in used for error in workflow_errors(workflow))]
