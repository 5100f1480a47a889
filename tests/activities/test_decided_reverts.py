"""What a worker keeps of the Reverts that it decided: each once, and within its bound."""

from activities.decision import Basis, DecidedReverts
from api.meta import ObjectKey
from tests.planning.builders import execute, plan, plan_stage, stage

FIRST, SECOND = (ObjectKey(namespace="team-a", name=name, uid=f"uid-{name}") for name in ("first", "second"))
BASIS = Basis(execute(stage("s")), plan(plan_stage("s", "flow")))


async def test_what_a_revert_was_decided_on_is_taken_once_by_revert_and_part() -> None:
    decided, other = DecidedReverts(), Basis(execute(stage("s")), None)
    await decided.keep(FIRST, "a", BASIS)
    await decided.keep(FIRST, "b", other)
    assert decided.take(SECOND, "a") is None
    assert decided.take(FIRST, "b") is other
    assert decided.take(FIRST, "a") is BASIS
    assert decided.take(FIRST, "a") is None


async def test_the_oldest_goes_where_there_is_not_room_for_all() -> None:
    decided = DecidedReverts(bound=BASIS.size())
    await decided.keep(FIRST, "", BASIS)
    await decided.keep(FIRST, "", BASIS)
    await decided.keep(SECOND, "", BASIS)
    assert decided.take(FIRST, "") is None
    assert decided.take(SECOND, "") is BASIS


async def test_what_is_too_large_is_not_kept() -> None:
    decided = DecidedReverts(bound=BASIS.size() - 1)
    await decided.keep(FIRST, "", BASIS)
    assert decided.take(FIRST, "") is None
