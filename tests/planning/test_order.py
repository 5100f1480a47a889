"""Dependency order, whatever the dependencies."""

from hypothesis import given
from hypothesis import strategies as st

from planning.order import sorted_by_need

graphs = st.integers(0, 8).flatmap(
    lambda size: st.tuples(*[st.frozensets(st.integers(0, max(size - 1, 0)), max_size=3) for _ in range(size)])
)


@given(graphs)
def test_each_comes_after_what_it_needs(needs: tuple[frozenset[int], ...]) -> None:
    order = sorted_by_need(needs)
    for at, place in enumerate(order):
        assert needs[place] <= set(order[:at])
    assert len(order) == len(set(order))


@given(graphs)
def test_only_what_is_on_or_behind_a_cycle_is_left_out(needs: tuple[frozenset[int], ...]) -> None:
    left = set(range(len(needs))) - set(sorted_by_need(needs))
    for place in left:
        assert needs[place] & left


@given(graphs)
def test_what_is_in_order_already_stays_so(needs: tuple[frozenset[int], ...]) -> None:
    ordered = tuple(frozenset(one for one in before if one < place) for place, before in enumerate(needs))
    assert sorted_by_need(ordered) == list(range(len(needs)))
