"""How deeply what people write may be nested."""

MOST_LEVELS = 150
"""Of an object: what writes and reads models ends at 255."""


def levels(value: object) -> int:
    """Return how deeply a JSON value is nested."""
    found, below = 0, [value]
    while below:
        found += 1
        below = [
            item
            for each in below
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return found
