"""Shows that a change of the tests has lost none: `python -m bench.lost_tests OLD NEW [RENAMES...]`.

OLD and NEW hold what `pytest --collect-only --quiet` prints before and after, a file of RENAMES lines of the form
`old -> new`, each side an id without parameters. A test function that is in another module afterwards counts as moved.
"""

import sys
from collections import Counter
from pathlib import Path


def cases_by_function(listing: str) -> Counter[str]:
    """Count the cases of each test function; the name of a group of pytest-xdist is left out."""
    ids = [line for line in listing.splitlines() if "::" in line]
    return Counter(line.partition("[")[0].partition("@")[0].strip() for line in ids)


def read_renames(text: str) -> dict[str, str]:
    """Return the new names of functions by the old ones."""
    pairs = [line.split(" -> ") for line in text.splitlines() if " -> " in line]
    return {function(old.strip()): function(new.strip()) for old, new in pairs}


def function(node: str) -> str:
    """Return the name of the function alone."""
    return node.partition("::")[2]


def successors(old: Counter[str], new: Counter[str], renames: dict[str, str]) -> dict[str, str | None]:
    """Find for each old test the new one: the same id, the renamed one, the same function elsewhere; else None."""
    found: dict[str, str | None] = {node: node if node in new else None for node in old}
    free = {node for node in new if node not in old}
    for node in [node for node, after in found.items() if after is None]:
        # A test may have moved before it was renamed, so the function alone counts.
        name = renames.get(function(node), function(node))
        candidates = sorted(each for each in free if function(each) == name)
        if candidates:
            found[node] = candidates[0]
            free.discard(candidates[0])
    return found


def main(old_file: str, new_file: str, *rename_files: str) -> int:
    """Print how many tests are the same, moved, renamed, missing and new, and which are missing or have fewer cases."""
    old, new = (cases_by_function(Path(file).read_text()) for file in (old_file, new_file))
    renames = read_renames("\n".join(Path(file).read_text() for file in rename_files))
    found = successors(old, new, renames)
    kinds = Counter(kind_of(node, after) for node, after in found.items())
    added = len(new.keys() - set(found.values()))
    print(f"before: {len(old)} functions with {old.total()} cases; after: {len(new)} with {new.total()}")
    counts = [f"{kind}: {kinds[kind]}" for kind in ("the same", "moved", "renamed", "missing")]
    print(*counts, f"new: {added}", sep=", ")
    for node, after in sorted(found.items()):
        if after is None:
            print(f"missing: {node}")
        elif new[after] < old[node]:
            print(f"fewer cases: {after}: {old[node]} before, {new[after]} after")
    return 1 if kinds["missing"] else 0


def kind_of(node: str, after: str | None) -> str:
    """Say what became of a test."""
    if after is None:
        return "missing"
    if after == node:
        return "the same"
    return "moved" if function(after) == function(node) else "renamed"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
