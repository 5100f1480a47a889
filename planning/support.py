"""What is right in itself, but not supported yet: it is named, and nothing is touched.

Source: docs/spec/drworkflow.md, "Not supported yet".
"""

from collections.abc import Iterator

from api.actions import Action
from api.execution import DRPlanExecution
from api.phases import ActionType, Operation
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning import faults
from planning.fields import FieldError, plan_subject, used_workflows, workflow_subject
from planning.kinds import block_of
from planning.lookup import Workflows
from planning.templates import has_template, texts

_TYPES = (ActionType.LOCALIZATION, ActionType.KUBERNETES_RESOURCE)
_OPERATIONS = (Operation.CREATE, Operation.APPLY, Operation.DELETE)
Feature = tuple[str, str]
"""A field path, and what it asks for."""


def unsupported(plan: DRPlan, workflows: Workflows, execution: DRPlanExecution | None = None) -> list[FieldError]:
    """Find everything that is not supported yet, in the execution, the plan and the DRWorkflows that it uses."""
    found = [*_of(plan_subject(plan), _plan_features(plan))]
    if execution is not None:
        subject = f"DRPlanExecution {execution.metadata.namespace}/{execution.metadata.name}"
        found = [*_of(subject, _execution_features(execution)), *found]
    for workflow in used_workflows(plan, workflows):
        found += _of(workflow_subject(workflow), _workflow_features(workflow))
    return found


def unsupported_text(feature: FieldError) -> str:
    """Name one: `spec.actions[2].when of DRWorkflow default/x (conditions)`."""
    return faults.unsupported(feature.path, feature.subject, feature.message)


def _of(subject: str, features: Iterator[Feature]) -> list[FieldError]:
    return [FieldError(path=path, message=what, subject=subject) for path, what in features]


def _execution_features(execution: DRPlanExecution) -> Iterator[Feature]:
    if execution.spec.mode is not None:
        yield "spec.mode", "modes"
    if execution.spec.params:
        yield "spec.params", "parameters"


def _plan_features(plan: DRPlan) -> Iterator[Feature]:
    if plan.spec.global_params:
        yield "spec.globalParams", "parameters"
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            if reference.params:
                yield f"spec.stages[{index}].workflows[{place}].params", "parameters"


def _workflow_features(workflow: DRWorkflow) -> Iterator[Feature]:
    if workflow.spec.parameters:
        yield "spec.parameters", "parameters"
    for index, action in enumerate(workflow.spec.actions):
        for path, what in (*_type_features(action), *_option_features(action), *_template_features(action)):
            yield f"spec.actions[{index}].{path}", what


def _type_features(action: Action) -> Iterator[Feature]:
    if action.type not in _TYPES:
        yield "type", f"{action.type.value} actions"
        return
    localization = action.type is ActionType.LOCALIZATION
    block = action.localization if localization else action.resource
    if block is not None and block.operation not in _OPERATIONS:
        yield f"{'localization' if localization else 'resource'}.operation", f"operation {block.operation.value}"


def _option_features(action: Action) -> Iterator[Feature]:
    options = (
        ("rollback", action.rollback is not None, "custom rollbacks"),
        ("dependsOn", action.depends_on, "dependencies between actions"),
        ("when", action.when, "conditions"),
        ("hookType", action.hook_type, "hooks"),
        ("hookCleanup", action.hook_cleanup is not None, "hooks"),
        ("clusterExecutionMode", action.cluster_execution_mode == "PerCluster", "execution per cluster"),
        ("waitReady", action.wait_ready, "waiting until ready"),
    )
    return ((path, what) for path, used, what in options if used)


def _template_features(action: Action) -> Iterator[Feature]:
    """Find placeholders in what would be sent to the cluster; each field is named once."""
    values: dict[str, object] = {}
    block = block_of(action)
    if action.type is ActionType.LOCALIZATION and block is not None:
        values = {
            "localization": {"name": block.name, "namespace": action.localization and action.localization.namespace}
        }
        values["localization.spec"] = block.spec
    if action.type is ActionType.KUBERNETES_RESOURCE and action.resource is not None:
        values = {"resource": {"manifest": action.resource.manifest}}
    found = (path for root, value in values.items() for path, text in texts(value, root) if has_template(text))
    return ((path, "placeholders") for path in dict.fromkeys(found))
