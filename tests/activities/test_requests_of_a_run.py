"""How many requests to the API server the activities of a small Execute and of its Revert take, in one worker.

One more is a cost that every execution has, so they are compared one by one.
"""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.authorize import Impersonation, RunAuthorizer
from activities.registry import activities
from activities.store import SnapshotStore
from activities.temporal_runs import RootRecord
from api.attempts import ActionOutcome, ExecuteInput, LedgerInput, RollbackInput
from api.ledger import WorkflowRecord
from api.meta import ACCEPTED_ANNOTATION, ObjectKey
from api.nodes import ActionStatus
from api.phases import ActionType, OperationType, Phase
from api.proof import ActionProof
from api.runs import ProofInput, RunInput
from api.tree import RunState
from planning.definitions.identifiers import root_id
from planning.status.transitions import with_counts
from tests.activities.live_namespace import Attempt, LiveNamespace
from tests.faulty_server import FaultyServer
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, revert, stage
from workflows.activity_stubs import ActivityName

_KINDS = "drplanexecutions|drplans|drworkflows|controllerrevisions|configmaps|serviceaccounts|selfsubjectaccessreviews"
_OF_A_RUN = re.compile(f"/({_KINDS})")


class Roots:
    """A Temporal in which every activity belongs to the run of its execution."""

    def __init__(self) -> None:
        self.inputs = dict[str, RunInput]()

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        return RootRecord(workflow_id, run_id, "root", self.inputs[workflow_id])

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        return run_id


class OneWorker:
    """The activities of a worker as it has them, and what the bridge writes between them."""

    def __init__(self, ns: LiveNamespace, faulty: FaultyServer) -> None:
        self.ns, self.faulty, self.roots = ns, faulty, Roots()
        self.restart()

    def restart(self) -> None:
        """Forget what the worker knows."""
        snapshots, impersonation = SnapshotStore.of(self.ns.cluster), Impersonation()
        authorizer = RunAuthorizer(self.ns.cluster, snapshots, self.roots, impersonation)
        served = activities(self.ns.cluster, impersonation, authorizer, snapshots=snapshots)
        self._served = {each.__name__: each for each in served}

    def begin(self, name: str, operation: OperationType) -> RunInput:
        """Accept an execution, and start its run, as the bridge does."""
        key = ObjectKey(namespace=self.ns.namespace, name=name, uid=self.ns.uid("drpe", name))
        given = RunInput(execution=key, plan="shop", operation=operation)
        self.roots.inputs[root_id(operation, key)] = given
        self.ns.annotate("drpe", name, **{ACCEPTED_ANNOTATION: key.uid})
        self.record(given, engine={"workflowId": root_id(operation, key), "runId": "first"})
        self.ns.patch("drplan", "shop", {"status": {"currentExecution": key.to_object()}}, "status")
        return given

    def record(self, run: RunInput, state: RunState | None = None, **status: Any) -> None:
        """Write the status of an execution, as the bridge does."""
        body = {} if state is None else with_counts(state).to_object()
        for not_in_status in ("leftStanding", "unread", "definitionsOfToday"):
            body.pop(not_in_status, None)
        self.ns.patch("drpe", run.execution.name, {"status": {**body, **status}}, "status")

    async def does(self, name: ActivityName, run: RunInput, given: Any) -> Any:
        """Carry out an activity of a run."""
        environment = ActivityEnvironment()
        workflow_id = root_id(run.operation, run.execution)
        environment.info = dataclasses.replace(environment.info, workflow_id=workflow_id, workflow_run_id="first")
        return await Attempt(environment=environment).run(self._served[name], given)

    @contextmanager
    def takes(self, *expected: str) -> Iterator[None]:
        """Require these requests within the block, and no others, in whatever order."""
        before = len(self.faulty.requests)
        yield
        found = list[str]()
        for method, path in self.faulty.requests[before:]:
            if kind := _OF_A_RUN.search(path):
                listed = method == "GET" and path.endswith(kind[0])
                found.append(f"{'LIST' if listed else method} {kind[1]}")
        assert sorted(found) == sorted(expected)


@pytest.fixture
def worker(faulty_ns: LiveNamespace, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> OneWorker:
    """A worker on a machine that may be slow: what it reads is recent for as long as a test takes."""
    monkeypatch.setattr("activities.authorize._CACHE_SECONDS", 600.0)
    monkeypatch.setattr("activities.access._OPEN_SECONDS", 600.0)
    ns = faulty_ns
    ns.create(
        dr_workflow("flow", makes_config_map("app", ns.namespace)),
        dr_plan("shop", stage("only", ns.namespace, "flow")),
        execute("there", "shop"),
    )
    return OneWorker(ns, faulty)


BEGINS = ["GET drplanexecutions", "GET drplans", "POST selfsubjectaccessreviews", "GET serviceaccounts"]
"""The execution, the plan with its lock, and whether the namespace is open and the account there."""


async def executed(worker: OneWorker) -> None:
    """Execute the plan of one action."""
    run = worker.begin("there", OperationType.EXECUTE)
    with worker.takes(*BEGINS, "GET drworkflows", *["POST controllerrevisions"] * 3):  # definition, root, ledger
        decision = await worker.does(ActivityName.LOAD_EXECUTE, run, run)
    worker.record(run, decision.state)
    origin = decision.origin.model_copy(update={"stage": "only", "workflow": 0})
    node, step = decision.state.stages[0].workflows[0], decision.steps[0][0][0]
    given = ExecuteInput(dr_workflow=node.workflow_ref, step=step, actor=decision.actor, origin=origin)
    with worker.takes("GET drplanexecutions", "POST configmaps"):
        outcome: ActionOutcome = await worker.does(ActivityName.EXECUTE_ACTION, run, given)
    done = ActionStatus(
        name=step.action,
        type=ActionType.KUBERNETES_RESOURCE,
        phase=outcome.phase,
        reason=outcome.reason,
        operation=outcome.operation,
        created=outcome.created,
        outputs=outcome.outputs,
    )
    record = WorkflowRecord(phase=Phase.SUCCEEDED, actions=[done])
    with worker.takes("POST controllerrevisions"):
        ref = await worker.does(ActivityName.STORE_RECORD, run, LedgerInput(origin=origin, part=0, record=record))
    node = node.model_copy(update={"phase": Phase.SUCCEEDED, "action_statuses": [done], "ledger": ref})
    ended = decision.state.stages[0].model_copy(update={"phase": Phase.SUCCEEDED, "workflow_executions": [node]})
    worker.record(run, decision.state.model_copy(update={"phase": Phase.SUCCEEDED, "stage_statuses": [ended]}))


LEDGER = ["GET controllerrevisions"] * 4
"""Its first part and the record of the DRWorkflow, each with a look for one that replaces it."""
DEFINITIONS = ["GET controllerrevisions"] * 2
"""The root of the snapshot, and the DRWorkflow."""


async def rolled_back(worker: OneWorker, *begins: str) -> RunInput:
    """Take the action back; the requests in `begins` are those before anything is read for the decision."""
    worker.ns.create(revert("back", "shop", "there"))
    run = worker.begin("back", OperationType.REVERT)
    read = ["GET drplanexecutions", *LEDGER, *DEFINITIONS, "GET configmaps", *["LIST drplanexecutions"] * 2]
    with worker.takes(*begins, *read, "POST controllerrevisions"):
        decision = await worker.does(ActivityName.LOAD_REVERT, run, run)
    worker.record(run, decision.state)
    given = RollbackInput(step=decision.steps[0][0][0], actor=decision.actor)
    with worker.takes("GET drplanexecutions", "DELETE configmaps"):
        await worker.does(ActivityName.ROLLBACK_ACTION, run, given)
    return run


async def test_an_execute_of_one_action_takes_these_requests(worker: OneWorker) -> None:
    await executed(worker)


async def test_a_revert_of_one_action_takes_these_requests(worker: OneWorker) -> None:
    await executed(worker)
    # The namespace was open a moment ago.
    run = await rolled_back(worker, "GET drplanexecutions", "GET drplans")
    with worker.takes("GET configmaps"):
        report = await worker.does(ActivityName.PROVE_REVERT, run, ProofInput(run=run))
    assert [each.proof for each in report.actions] == [ActionProof()]


async def test_a_worker_that_did_not_decide_a_revert_reads_for_its_proof_what_it_needs(worker: OneWorker) -> None:
    await executed(worker)
    worker.restart()
    run = await rolled_back(worker, *BEGINS)
    worker.restart()
    read = ["GET drplanexecutions"] * 2 + ["GET drplans", *LEDGER, *DEFINITIONS, "GET configmaps"]
    with worker.takes(*read):
        report = await worker.does(ActivityName.PROVE_REVERT, run, ProofInput(run=run))
    assert [each.proof for each in report.actions] == [ActionProof()]
