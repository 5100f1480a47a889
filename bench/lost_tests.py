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


def function(node: str) -> str:
    """Return the name of the function alone."""
    return node.strip().partition("::")[2]


def successors(old: Counter[str], new: Counter[str], renames: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return for each old test what became of it, and its new id: empty for a missing one."""
    result = {node: ("the same", node) for node in old if node in new}
    free = {node for node in new if node not in old}
    for node in (node for node in old if node not in new):
        # A test may have moved before it was renamed, so the function alone counts.
        name = renames.get(function(node), function(node))
        after = min((each for each in free if function(each) == name), default="")
        free.discard(after)
        kind = "moved" if function(after) == function(node) else "renamed"
        result[node] = (kind if after else "missing", after)
    return result


def main(old_file: str, new_file: str, *rename_files: str) -> int:
    """Print how many tests are the same, moved, renamed, missing and new, and which are missing or have fewer cases."""
    old, new = (cases_by_function(Path(file).read_text()) for file in (old_file, new_file))
    pairs = [line.split(" -> ") for file in rename_files for line in Path(file).read_text().splitlines()]
    found = successors(old, new, {function(pair[0]): function(pair[1]) for pair in pairs if len(pair) == 2})
    kinds = Counter(kind for kind, _ in found.values())
    print(f"before: {len(old)} functions with {old.total()} cases; after: {len(new)} with {new.total()}")
    counts = [f"{kind}: {kinds[kind]}" for kind in ("the same", "moved", "renamed", "missing")]
    print(*counts, f"new: {len(new) - len(old) + kinds['missing']}", sep=", ")
    for node, (kind, after) in sorted(found.items()):
        if kind == "missing":
            print(f"missing: {node}")
        elif new[after] < old[node]:
            print(f"fewer cases: {after}: {old[node]} before, {new[after]} after")
    return 1 if kinds["missing"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
