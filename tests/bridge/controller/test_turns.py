"""At most so many rehearsals run at once, and the others begin in the order in which they came."""

from bridge.controller.turns import Turns
from bridge.kubernetes.entry import Key, ObjectKind


def keys(number: int, namespace: str | None = None) -> list[Key]:
    """Plans, each in a namespace of its own unless one is named."""
    return [Key(ObjectKind.PLAN, namespace or f"ns-{each}", f"plan-{each}") for each in range(number)]


def test_at_most_so_many_at_once_in_order() -> None:
    woken: list[Key] = []
    turns, plans = Turns(2, woken.append), keys(500)
    assert [turns.take(key) for key in plans] == [True, True] + [False] * 498
    began = plans[:2]
    for ends in plans[:10]:
        turns.leave(ends)
        (key,) = woken
        woken.clear()
        assert not turns.take(plans[499]), "others came before"
        assert turns.take(key)
        began.append(key)
    assert began == plans[:12]


def test_a_namespace_leaves_room_for_others() -> None:
    woken: list[Key] = []
    turns, many, [other] = Turns(4, woken.append), keys(100, "busy"), keys(1, "quiet")
    assert [turns.take(key) for key in many] == [True, True] + [False] * 98
    assert turns.take(other)
    turns.leave(many[0])
    assert woken == [many[2]]


def test_two_that_end_before_the_next_has_begun_let_two_begin() -> None:
    woken: list[Key] = []
    turns, plans = Turns(2, woken.append), keys(4)
    assert [turns.take(key) for key in plans] == [True, True, False, False]
    turns.leave(plans[0])
    turns.leave(plans[1])
    assert turns.take(plans[2])
    assert woken[-1] == plans[3]


def test_one_that_waits_and_is_gone_keeps_nobody_waiting() -> None:
    woken: list[Key] = []
    turns, (first, second, third) = Turns(1, woken.append), keys(3)
    assert [turns.take(key) for key in (first, second, third)] == [True, False, False]
    turns.leave(second)
    assert woken == []
    turns.leave(first)
    assert woken == [third]


def test_what_is_under_way_counts_whoever_began_it() -> None:
    turns, (first, second, third) = Turns(2, lambda _: None), keys(3)
    turns.reset([first])
    assert turns.take(second)
    assert turns.take(second), "a pass may be repeated"
    assert not turns.take(third)
    turns.resume(third)
    turns.leave(first)
    assert not turns.take(first)
