"""How long workflow code works in one activation, in trees of thousands of actions.

While it works, a worker does nothing else for that run, and Temporal's SDK gives up on an activation of more than two
seconds. `python -m bench.activations` runs the workflows on a Temporal server of their own, with activities that return
at once, and asks each running level for its state twice a second, as the bridge does. The times are processor time of
the thread that works, so other work on the machine adds little; it needs no cluster.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker._workflow_instance import WorkflowInstance, WorkflowInstanceDetails

from api.attempts import ActionOutcome, ExecuteInput, LedgerInput, RollbackInput
from api.decisions import ExecuteDecision, RevertDecision
from api.meta import ObjectKey, ObjectName, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, LedgerRef, SnapshotRef, StageStatus, WorkflowExecutionStatus
from api.objects import Actor, Target
from api.phases import ActionType, Operation, OperationType, Phase, StageFailurePolicy, WorkflowFailurePolicy
from api.runs import ProofInput, ProofReport, RunInput
from api.steps import Deletion, ExecuteStep, Origin, RollbackStep
from api.tree import RunState
from dev.programs import find_programs
from dev.servers import DYNAMIC_CONFIG
from planning.definitions import identifiers
from process.main import collect_garbage_seldom, end
from workflows.activity_stubs import ActivityName
from workflows.contract import STATE_QUERY, root_type
from workflows.converter import DATA_CONVERTER
from workflows.registry import WORKFLOWS

SHAPES = ((200, 1, 25), (1, 1, 2000), (1, 1, 5000), (1, 500, 4))
"""Stages, the DRWorkflows of each, which run in parallel, and the actions of each of these."""
TASK_QUEUE = "drplan-bench-activations"
BETWEEN_QUERIES = 0.5
"""Seconds."""
_KEY = ObjectKey(namespace="default", name="bench", uid="8c1f2f6e-4c52-4f4f-9d0e-3f3a8f1e2b71")


@dataclass
class Activations:
    """What the activations of a run took, in milliseconds: by type of workflow, and whether they only answer."""

    longest: dict[tuple[str, bool], float] = field(default_factory=dict)
    number: Counter[tuple[str, bool]] = field(default_factory=Counter)
    total: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def add(self, kind: str, act: WorkflowActivation, taken: float) -> None:
        """Count one."""
        key = (kind, all(job.HasField("query_workflow") for job in act.jobs))
        self.longest[key] = max(self.longest.get(key, 0.0), taken)
        self.number[key] += 1
        self.total[key] += taken  # type: ignore[assignment]


class MeasuringRunner(UnsandboxedWorkflowRunner):
    """Runs workflow code as the worker does, and measures."""

    def __init__(self) -> None:
        self.seen = Activations()

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance whose activations are measured."""
        instance, seen = super().create_instance(det), self.seen
        activate = instance.activate

        def measured(act: WorkflowActivation) -> WorkflowActivationCompletion:
            began = time.thread_time()
            try:
                return activate(act)
            finally:
                seen.add(det.info.workflow_type, act, (time.thread_time() - began) * 1000)

        instance.activate = measured  # type: ignore[method-assign]
        return instance


def tree(stages: int, workflows: int, actions: int) -> RunState:
    """Return a tree before its first action."""
    nodes = [_stage(number, workflows, actions) for number in range(stages)]
    return RunState(phase=Phase.PENDING, stage_statuses=nodes)


def _stage(number: int, workflows: int, actions: int) -> StageStatus:
    nodes = [_workflow(f"{number:03}-{place:03}", actions) for place in range(workflows)]
    parallel = workflows > 1 or None
    name = f"stage-{number:03}"
    return StageStatus(name=name, phase=Phase.PENDING, parallel=parallel, workflow_executions=nodes)


def _workflow(name: str, actions: int) -> WorkflowExecutionStatus:
    names = (f"create-nginx-loc-{name}-{index:04}" for index in range(actions))
    nodes = [ActionStatus(name=name, type=ActionType.LOCALIZATION, phase=Phase.PENDING) for name in names]
    flow = ObjectName(name=f"shop-{name}", namespace="default")
    return WorkflowExecutionStatus(workflow_ref=flow, phase=Phase.PENDING, action_statuses=nodes)


def revert(stages: int, workflows: int, actions: int) -> RevertDecision:
    """Return the decision to delete what these DRWorkflows created."""
    state = tree(stages, workflows, actions)
    steps = [
        [[_deletion(action.name) for action in node.actions] for node in stage.workflows] for stage in state.stages
    ]
    return RevertDecision(state=state, steps=steps, actor=Actor(user="system:serviceaccount:default:default"))


def _deletion(name: str) -> RollbackStep:
    target = Target(api_version="apps.clusternet.io/v1alpha1", kind="Localization", namespace="default", name=name)
    return RollbackStep(deletions=[Deletion(target=target, uid=str(uuid4()), version="1234567")])


def execute(stages: int, workflows: int, actions: int) -> ExecuteDecision:
    """Return the decision to create them, as many at a time as may be, with a ledger."""
    state = tree(stages, workflows, actions)
    snapshot = SnapshotRef(name="drplan-1234567890-1234567890123456", sha256="a" * 64)
    return ExecuteDecision(
        state=state,
        steps=[
            [[_creation(index, one.name) for index, one in enumerate(node.actions)] for node in stage.workflows]
            for stage in state.stages
        ],
        actor=Actor(user="system:serviceaccount:default:default"),
        stage_policies=[StageFailurePolicy.STOP] * stages,
        workflow_policies=[[WorkflowFailurePolicy.FAIL_FAST] * workflows] * stages,
        origin=Origin(execution=_KEY, snapshot=snapshot, ledger=True),
    )


def _creation(index: int, name: str) -> ExecuteStep:
    title = f"Create Localization default/{name}"
    return ExecuteStep(index=index, action=name, mark=f"{_KEY.uid}/0/0/{index}", title=title, after=[])


class Instant:
    """Activities that return at once what the real ones would."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape

    @activity.defn(name=ActivityName.LOAD_REVERT)
    async def load_revert(self, _: RunInput) -> RevertDecision:
        """Decide."""
        return await asyncio.to_thread(revert, *self._shape)

    @activity.defn(name=ActivityName.LOAD_EXECUTE)
    async def load_execute(self, _: RunInput) -> ExecuteDecision:
        """Decide."""
        return await asyncio.to_thread(execute, *self._shape)

    @activity.defn(name=ActivityName.ROLLBACK_ACTION)
    async def rollback_action(self, request: RollbackInput) -> ActionOutcome:
        """Delete nothing."""
        name = request.step.deletions[0].target.name
        return ActionOutcome(phase=Phase.SUCCEEDED, message=f"Rolled back: deleted Localization {name}")

    @activity.defn(name=ActivityName.EXECUTE_ACTION)
    async def execute_action(self, request: ExecuteInput) -> ActionOutcome:
        """Create nothing."""
        reference = ObjectReference(
            api_version="apps.clusternet.io/v1alpha1",
            kind="Localization",
            namespace="default",
            name=request.step.action,
            uid=str(uuid4()),
        )
        return ActionOutcome(
            phase=Phase.SUCCEEDED,
            message=f"Created Localization {request.step.action} in namespace default",
            operation=Operation.CREATE,
            created=True,
            outputs=ActionOutputs(localization_ref=reference),
        )

    @activity.defn(name=ActivityName.STORE_RECORD)
    async def store_record(self, request: LedgerInput) -> LedgerRef:
        """Store nothing."""
        return LedgerRef(name=f"drplan-ledger-{request.part}", sha256="0" * 64)

    @activity.defn(name=ActivityName.PROVE_REVERT)
    async def prove_revert(self, _: ProofInput) -> ProofReport:
        """Compare nothing."""
        return ProofReport()


async def measured(client: Client, operation: OperationType, shape: tuple[int, int, int]) -> Activations:
    """Run a tree and return what its activations took."""
    runner, instant = MeasuringRunner(), Instant(shape)
    activities: list[Callable[..., Any]] = [instant.load_revert, instant.load_execute, instant.store_record]
    activities += [instant.rollback_action, instant.execute_action, instant.prove_revert]
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=activities,
        workflow_runner=runner,
        debug_mode=True,  # no deadlock detector: what it would end is to be measured
    ):
        run: WorkflowHandle[Any, RunState] = await client.start_workflow(
            root_type(operation, preview=False),
            RunInput(execution=_KEY, plan="bench", operation=operation),
            id=f"bench-{uuid4()}",
            task_queue=TASK_QUEUE,
            result_type=RunState,
        )
        asking = asyncio.create_task(_ask(client, run))
        state = await run.result()
        asking.cancel()
    if state.phase is not Phase.SUCCEEDED:
        raise RuntimeError(f"the run ended as {state.phase}: {state.message}")
    return runner.seen


async def _ask(client: Client, run: WorkflowHandle[Any, RunState]) -> None:
    """Ask the root, and the stage and the DRWorkflow that run, for their states again and again."""
    while True:
        await asyncio.sleep(BETWEEN_QUERIES)
        with suppress(RPCError):
            state = await run.query(STATE_QUERY, result_type=RunState, rpc_timeout=timedelta(seconds=30))
            for index, stage in enumerate(state.stages):
                if stage.phase is Phase.RUNNING:
                    stage_id = identifiers.stage_id(run.id, index, stage.name)
                    await client.get_workflow_handle(stage_id).query(STATE_QUERY)
                    below = identifiers.workflow_id(stage_id, 0, stage.workflows[0].workflow_ref.name)
                    await client.get_workflow_handle(below).query(STATE_QUERY)


def report(title: str, seen: Activations) -> str:
    """Return the rows of a table."""
    rows = [
        f"| {title} | {kind} | {'answer' if answers else 'work'} | {seen.number[kind, answers]} "
        f"| {seen.total[kind, answers]:.0f} | {longest:.0f} |"
        for (kind, answers), longest in sorted(seen.longest.items())
    ]
    return "\n".join(rows)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.activations", description=__doc__)
    parser.add_argument("--stages", type=int, help="of one shape, in place of all")
    parser.add_argument("--workflows", type=int, default=1, help="of each stage, in parallel")
    parser.add_argument("--actions", type=int, help="in each DRWorkflow")
    parser.add_argument("--operation", type=OperationType, help="Execute or Revert alone")
    options = parser.parse_args()
    shapes = SHAPES if options.stages is None else ((options.stages, options.workflows, options.actions),)
    operations = list(OperationType) if options.operation is None else [options.operation]
    settings = [word for key, value in DYNAMIC_CONFIG.items() for word in ("--dynamic-config-value", f"{key}={value}")]
    print("| run | workflow | activations that | number | ms together | longest ms |\n" + "| --- " * 6 + "|")
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        dev_server_existing_path=str(find_programs().temporal),
        dev_server_extra_args=settings,
        dev_server_log_level="error",
    ) as environment:
        collect_garbage_seldom()
        for shape in shapes:
            for operation in operations:
                seen = await measured(environment.client, operation, shape)
                title = " x ".join(str(number) for place, number in enumerate(shape) if place != 1 or number > 1)
                print(report(f"{operation} {title}", seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
    end(0)
