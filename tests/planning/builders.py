"""Short ways to write plans, executions and looks in tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from api.actions import Action
from api.decisions import RevertDecision
from api.execution import DRPlanExecution, DRPlanExecutionSpec, ExecutionStatus
from api.meta import ObjectMeta, ObjectName, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import ActionType, OnMissing, Operation, OperationType, Phase
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.identifiers import Workflows
from planning.revert.decide import decide_revert, objects_to_observe

START = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)
END = START + timedelta(seconds=45)
LATER = datetime(2026, 2, 3, 10, 10, 0, tzinfo=UTC)
CLUSTERNET = "apps.clusternet.io/v1alpha1"


def config_map(name: str, namespace: str = "default") -> Target:
    return Target(api_version="v1", kind="ConfigMap", name=name, namespace=namespace)


def localization(name: str, namespace: str = "default") -> Target:
    return Target(api_version=CLUSTERNET, kind="Localization", name=name, namespace=namespace)


def reference(target: Target, uid: str | None) -> ObjectReference:
    return ObjectReference(
        api_version=target.api_version, kind=target.kind, name=target.name, namespace=target.namespace, uid=uid
    )


def outputs(target: Target, uid: str | None) -> ActionOutputs:
    field = "localization_ref" if target.kind == "Localization" else "resource_ref"
    return ActionOutputs(**{field: reference(target, uid)})


def made(name: str, target: Target, uid: str | None = None, **fields: Any) -> ActionStatus:
    """A record of ours: the action created its object, whose uid is `uid-<object's name>` unless given."""
    given: dict[str, Any] = {
        "type": ActionType.LOCALIZATION if target.kind == "Localization" else ActionType.KUBERNETES_RESOURCE,
        "phase": Phase.SUCCEEDED,
        "operation": Operation.CREATE,
        "created": True,
        "custom_rollback": False,
        "start_time": START,
        "completion_time": END,
        "outputs": outputs(target, uid or f"uid-{target.name}"),
    }
    return ActionStatus(name=name, **{**given, **fields})


def old(name: str, **fields: Any) -> ActionStatus:
    """A record of the older controller: no type, no operation."""
    given: dict[str, Any] = {"phase": Phase.SUCCEEDED, "start_time": START, "completion_time": END}
    return ActionStatus(name=name, **{**given, **fields})


def workflow(
    name: str, *actions: ActionStatus, phase: Phase = Phase.SUCCEEDED, namespace: str = "default"
) -> WorkflowExecutionStatus:
    ref = ObjectName(name=name, namespace=namespace)
    return WorkflowExecutionStatus(workflow_ref=ref, phase=phase, action_statuses=list(actions))


def stage(name: str, *workflows: WorkflowExecutionStatus, phase: Phase = Phase.SUCCEEDED, **fields: Any) -> StageStatus:
    return StageStatus(name=name, phase=phase, workflow_executions=list(workflows), **fields)


def execute(*stages: StageStatus, phase: Phase = Phase.SUCCEEDED, name: str = "nginx-exec-001") -> DRPlanExecution:
    return DRPlanExecution(
        metadata=ObjectMeta(name=name, uid=f"uid-{name}", creation_timestamp=START),
        spec=DRPlanExecutionSpec(plan_ref="nginx-plan", operation_type=OperationType.EXECUTE),
        status=ExecutionStatus(phase=phase, start_time=START, completion_time=END, stage_statuses=list(stages) or None),
    )


def revert(
    name: str = "nginx-revert-001",
    *,
    on_missing: OnMissing | None = None,
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> DRPlanExecution:
    """A Revert; `spec` holds further fields of its spec."""
    return DRPlanExecution(
        metadata=ObjectMeta(name=name, uid=f"uid-{name}", creation_timestamp=LATER),
        spec=DRPlanExecutionSpec(
            plan_ref="nginx-plan",
            operation_type=OperationType.REVERT,
            **{"revert_execution_ref": "nginx-exec-001", "on_missing": on_missing, **(spec or {})},
        ),
        status=ExecutionStatus(**status),
    )


def present(uid: str, created: datetime = START) -> ObservedObject:
    return ObservedObject(presence=Presence.PRESENT, uid=uid, creation_timestamp=created)


def absent(target: Target) -> ObservedObject:
    plural = (
        f"{target.kind.lower()}s.{target.api_version.partition('/')[0]}" if "/" in target.api_version else "configmaps"
    )
    return ObservedObject(presence=Presence.ABSENT, reason=f'{plural} "{target.name}" not found')


def untouched(original: DRPlanExecution, workflows: Workflows) -> dict[Target, ObservedObject]:
    """A look at a cluster where every object is as the records say."""
    return {target: present(f"uid-{target.name}") for target in objects_to_observe(original, workflows)}


def dr_workflow(name: str, *actions: dict[str, Any], **spec: Any) -> DRWorkflow:
    return DRWorkflow.model_validate({"metadata": {"name": name}, "spec": {"actions": list(actions), **spec}})


def by_name(*workflows: DRWorkflow) -> dict[tuple[str, str], DRWorkflow]:
    return {(one.metadata.namespace, one.metadata.name): one for one in workflows}


def plan(*stages: dict[str, Any], **spec: Any) -> DRPlan:
    return DRPlan.model_validate({"metadata": {"name": "nginx-plan"}, "spec": {"stages": list(stages), **spec}})


def plan_stage(name: str, *workflows: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "workflows": [{"workflowRef": {"name": one}} for one in workflows], **fields}


def manifest(name: str, operation: str = "Create", *, action: str | None = None, **fields: Any) -> dict[str, Any]:
    """Definition of an action on a ConfigMap in `default`."""
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\n"
    block = {"manifest": text, "operation": operation}
    return {"name": action or name, "type": "KubernetesResource", "resource": block, **fields}


def localized(name: str, operation: str = "Create", **fields: Any) -> dict[str, Any]:
    """Definition of an action on a Localization in `default`."""
    block = {"name": name, "namespace": "default", "operation": operation, "spec": {"overridePolicy": "ApplyNow"}}
    return {"name": f"create-{name}", "type": "Localization", "localization": block, **fields}


def action(definition: dict[str, Any]) -> Action:
    return Action.model_validate(definition)


def decide(
    original: DRPlanExecution,
    looks: dict[Target, ObservedObject] | None = None,
    *definitions: DRWorkflow,
    by: DRPlanExecution | None = None,
    earlier: Sequence[DRPlanExecution] = (),
    of_plan: DRPlan | None = None,
    **known: Any,
) -> RevertDecision:
    """Decide a Revert; what `looks` does not name is as the records say."""
    workflows = by_name(*definitions)
    seen = {**untouched(original, workflows), **(looks or {})}
    return decide_revert(by or revert(), original, earlier, seen, of_plan, workflows, **known)


def the_action(decision: RevertDecision, name: str) -> ActionStatus:
    """The only action of that name in a decision."""
    (found,) = (
        one
        for stage_ in decision.state.stages
        for workflow_ in stage_.workflows
        for one in workflow_.actions
        if one.name == name
    )
    return found
