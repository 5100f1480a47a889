"""Whatever depends on whatever, and whichever fails, ends first or is cut short: what runs, and what the rest says."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.attempts import ActionOutcome
from api.nodes import WorkflowExecutionStatus
from api.phases import Mode, OperationType, Phase, WorkflowFailurePolicy
from api.workflow import DRWorkflow
from planning.definitions.dependencies import Frontier
from planning.status import rollup, transitions
from tests.planning.builders import START
from tests.planning.definitions.test_action_list import drawn_workflows
from tests.planning.execute.test_decide import in_mode

EXECUTE = OperationType.EXECUTE
CANCELED = "Not attempted: canceled"


@dataclass
class Walk:
    """A workflow's walk as the engine does it, with everything that chance decides there drawn instead."""

    data: st.DataObject
    flow: DRWorkflow
    mode: Mode | None
    policy: WorkflowFailurePolicy
    failing: frozenset[int]
    canceled_after: int
    begun: list[str] = field(default_factory=list)
    ended: dict[str, Phase] = field(default_factory=dict)

    def run(self) -> WorkflowExecutionStatus:
        """Walk to the end, several actions open at once."""
        decision = in_mode(self.mode, self.flow)
        node = transitions.started(decision.state.stages[0].workflows[0], START)
        needs = [step.after or [] for step in decision.steps[0][0]]
        frontier, running = Frontier(needs), list[int]()
        while True:
            while self._goes_on() and (place := frontier.take()) is not None:
                if node.actions[place].phase is not Phase.PENDING:
                    frontier.ended(place)
                    continue
                node = self._begin(node, place, running)
            if not running:
                break
            place = running.pop(self.data.draw(st.integers(0, len(running) - 1)))
            node = self._end(node, place, running)
            if node.actions[place].phase is Phase.SUCCEEDED:
                frontier.ended(place)
        return transitions.workflow_finished(
            node, EXECUTE, START + timedelta(hours=1), canceled=self.canceled, policy=self.policy, needs=needs
        )

    @property
    def canceled(self) -> bool:
        return len(self.ended) >= self.canceled_after

    def _goes_on(self) -> bool:
        return not self.canceled and rollup.may_start_next(self.policy, self.ended.values())

    def _begin(self, node: WorkflowExecutionStatus, place: int, running: list[int]) -> WorkflowExecutionStatus:
        beside = [node.actions[one].name for one in running]
        running.append(place)
        self.begun.append(node.actions[place].name)
        node = transitions.action_started(node, place, START, beside)
        assert node.current_action == ", ".join([*beside, node.actions[place].name])
        return node

    def _end(self, node: WorkflowExecutionStatus, place: int, running: list[int]) -> WorkflowExecutionStatus:
        phase = Phase.FAILED if place in self.failing else Phase.SUCCEEDED
        self.ended[node.actions[place].name] = phase
        outcome = ActionOutcome(phase=phase, message="drawn")
        return transitions.action_finished(node, place, outcome, 0, START, [node.actions[one].name for one in running])


def ancestors(flow: DRWorkflow, name: str) -> set[str]:
    needs = {one.name: one.depends_on or [] for one in flow.spec.actions}
    found, waiting = set[str](), list(needs[name])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs[one]
    return found


@given(
    st.data(),
    drawn_workflows(),
    st.sampled_from([None, Mode.INSTALL, Mode.UPGRADE]),
    st.sampled_from(WorkflowFailurePolicy),
    st.frozensets(st.integers(0, 7), max_size=2),
    st.integers(1, 12),
)
def test_what_runs_and_what_the_rest_says(
    data: st.DataObject,
    flow: DRWorkflow,
    mode: Mode | None,
    policy: WorkflowFailurePolicy,
    failing: frozenset[int],
    canceled_after: int,
) -> None:
    walk = Walk(data, flow, mode, policy, failing, canceled_after)
    node = walk.run()
    assert all(one.phase.terminal for one in node.actions)
    failed = {name for name, phase in walk.ended.items() if phase is Phase.FAILED}
    reached = {one.name: one for one in node.actions if not str(one.message).startswith("Condition not met")}
    left = {name: one for name, one in reached.items() if name not in walk.begun}
    for name, one in left.items():
        assert one.phase is Phase.SKIPPED
        blocking = ancestors(flow, name) & failed
        if blocking:
            assert str(one.message) in {
                f"Not attempted: depends on action {each}, which did not succeed" for each in blocking
            }
        elif failed and policy is WorkflowFailurePolicy.FAIL_FAST:
            assert str(one.message).startswith("Not attempted: execution stopped after action ")
        else:
            assert (one.message, walk.canceled) == (CANCELED, True)
    for name in walk.begun:
        assert not ancestors(flow, name) & failed
    assert (node.phase is Phase.FAILED) == bool(failed)
    if not failed and not walk.canceled:
        assert not left
    if policy is WorkflowFailurePolicy.CONTINUE and not walk.canceled:
        assert left.keys() == {name for name in reached if ancestors(flow, name) & failed}
