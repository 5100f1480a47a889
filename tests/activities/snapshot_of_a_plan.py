"""A plan on the real API server whose definitions are kept as an Execute keeps them."""

from typing import Any

from activities.execute_action import ExecuteActivities
from activities.read import find, find_workflows, read_values
from activities.registry import effects
from activities.store import RevisionStore, SnapshotStore
from api.attempts import ActionOutcome, ExecuteInput
from api.execution import DRPlanExecution
from api.nodes import ActionOutputs
from api.phases import Phase
from api.plan import DRPlan
from api.steps import Attempts, ExecuteStep, Origin, Part
from planning.snapshot.definitions import layers_of, of_execute
from planning.snapshot.documents import documents
from planning.values.parameters import resolve
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.manifests import dr_plan, dr_workflow, execute, stage


async def keep(ns: LiveNamespace, *actions: Object, params: Any = None, **spec: Any) -> Origin:
    """Create a plan of one DRWorkflow and an Execute of it with these params, and keep its definitions."""
    parameters = spec.pop("parameters", [])
    ns.create(
        dr_workflow("flow", *actions, parameters=parameters),
        dr_plan("shop", stage("only", ns.namespace, "flow"), **spec),
        execute("there", "shop", params=params or []),
    )
    return await keep_for(ns, "there")


async def keep_for(ns: LiveNamespace, name: str) -> Origin:
    """Keep the definitions as they are now for the execution of this name."""
    plan = await find(ns.cluster, DRPlan, ns.namespace, "shop")
    execution = await find(ns.cluster, DRPlanExecution, ns.namespace, name)
    assert plan is not None
    assert execution is not None
    workflows = await find_workflows(ns.cluster, [ns.flow])
    layers = layers_of(plan, workflows, execution)
    answers = await read_values(ns.cluster, ns.actor, list(layers.values()))
    resolved = {place: resolve(of, answers) for place, of in layers.items()}
    assert [error.text for each in resolved.values() for error in each.errors] == []
    definitions = of_execute(execution, plan, workflows, resolved)
    assert definitions is not None
    found = documents(execution.metadata.key, definitions)
    await SnapshotStore(RevisionStore(ns.cluster)).store(execution.metadata.key, found)
    return Origin(execution=execution.metadata.key, snapshot=found[-1].ref, stage="only", workflow=0)


async def carry_out(
    ns: LiveNamespace,
    origin: Origin | None,
    action: str,
    index: int = 0,
    part: Part = Part.ACTION,
    outputs: dict[str, ActionOutputs] | None = None,
    attempt: Attempt | None = None,
) -> ActionOutcome:
    """Carry out one action of what was kept, or of what is there where nothing was."""
    mark = f"{origin.execution.uid if origin else 'uid'}/only/flow/{action}"
    step = ExecuteStep(index=index, action=action, mark=mark, title=action, part=part, attempts=Attempts())
    given = ExecuteInput(
        dr_workflow=ns.flow,
        step=step,
        actor=ns.actor,
        origin=origin,
        outputs=outputs or {},
        phases=dict.fromkeys(outputs or {}, Phase.SUCCEEDED),
    )
    executions = ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster))
    return await (attempt or Attempt()).run(executions.execute_action, given)
