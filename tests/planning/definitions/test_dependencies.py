"""Dependency order, whatever the dependencies."""

from hypothesis import given
from hypothesis import strategies as st

from planning.definitions.dependencies import Frontier, dependency_order

graphs = st.integers(0, 8).flatmap(
    lambda size: st.tuples(*[st.frozensets(st.integers(0, max(size - 1, 0)), max_size=3) for _ in range(size)])
)


@given(graphs)
def test_each_comes_after_what_it_needs(needs: tuple[frozenset[int], ...]) -> None:
    order = dependency_order(needs)
    for at, place in enumerate(order):
        assert needs[place] <= set(order[:at])
    assert len(order) == len(set(order))


@given(graphs)
def test_only_what_is_on_or_behind_a_cycle_is_left_out(needs: tuple[frozenset[int], ...]) -> None:
    left = set(range(len(needs))) - set(dependency_order(needs))
    for place in left:
        assert needs[place] & left


@given(graphs)
def test_what_is_in_order_already_stays_so(needs: tuple[frozenset[int], ...]) -> None:
    ordered = tuple(frozenset(one for one in before if one < place) for place, before in enumerate(needs))
    assert dependency_order(ordered) == list(range(len(needs)))


@given(graphs, st.data())
def test_however_long_each_takes_none_comes_before_what_it_needs(
    needs: tuple[frozenset[int], ...], data: st.DataObject
) -> None:
    """Any number is open at once, and any of them ends next; one that fails holds back only what needs it."""
    failed = data.draw(st.frozensets(st.integers(0, 8)))
    frontier, running, well = Frontier(needs), list[int](), set[int]()
    begun: list[int] = []
    while True:
        while (place := frontier.take()) is not None:
            assert needs[place] <= well
            running.append(place)
            begun.append(place)
        if not running:
            break
        ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if ended not in failed:
            well.add(ended)
            frontier.ended(ended)
    assert len(begun) == len(set(begun))
    assert all(needs[place] - well for place in range(len(needs)) if place not in begun)
