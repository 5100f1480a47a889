"""The table of plans that are executed at once."""

from bench.together import OTHER, OURS, Sample, table


def test_the_table_has_medians_spread_throughput_and_the_lag_of_ours() -> None:
    ours = [Sample(4.0, 50.0, [0.2, 0.4]), Sample(6.0, 60.0, [0.6]), Sample(5.0, 40.0, [])]
    found = {(OURS, 8, "Execute"): ours, (OTHER, 8, "Execute"): [Sample(4.0, 30.0, [])]}
    assert table(found, actions=20).splitlines()[2:] == [
        "| drplan | 8 | Execute | 5.0 | 4.0 to 6.0 | 32 | 50 | 0.40 | 0.60 |",
        "| other | 8 | Execute | 4.0 | 4.0 to 4.0 | 40 | 30 |  |  |",
    ]
