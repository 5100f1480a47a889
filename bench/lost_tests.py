"""Shows that a change of the tests has lost none: `python -m bench.lost_tests OLD NEW [RENAMES...]`.

OLD and NEW hold what `pytest --collect-only --quiet` prints before and after, a file of RENAMES lines of the form
`old -> new`, each side an id without parameters. A test function that is in another module afterwards counts as moved,
one whose new name another test had before as merged into that.
"""

import sys
from collections import Counter
from collections.abc import Collection
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
        # A test may have moved before it was renamed, so the function alone counts; another may keep its name.
        own = function(node)
        name = renames.get(own, own)
        after = _first(free, name) or _first(free, own)
        free.discard(after)
        if after:
            result[node] = ("moved" if function(after) == own else "renamed", after)
        else:
            after = _first(new, name) if name != own else ""
            result[node] = ("merged" if after else "missing", after)
    return result


def _first(nodes: Collection[str], name: str) -> str:
    return min((each for each in nodes if function(each) == name), default="")


def main(old_file: str, new_file: str, *rename_files: str) -> int:
    """Print how many tests are the same, moved, renamed, missing and new, and which are missing or have fewer cases."""
    old, new = (cases_by_function(Path(file).read_text()) for file in (old_file, new_file))
    pairs = [line.split(" -> ") for file in rename_files for line in Path(file).read_text().splitlines()]
    found = successors(old, new, {function(pair[0]): function(pair[1]) for pair in pairs if len(pair) == 2})
    kinds = Counter(kind for kind, _ in found.values())
    print(f"before: {len(old)} functions with {old.total()} cases; after: {len(new)} with {new.total()}")
    counts = [f"{kind}: {kinds[kind]}" for kind in ("the same", "moved", "renamed", "merged", "missing")]
    print(*counts, f"new: {len(new) - len(old) + kinds['merged'] + kinds['missing']}", sep=", ")
    for node, (kind, after) in sorted(found.items()):
        if kind == "missing":
            print(f"missing: {node}")
        elif kind == "merged":
            print(f"merged: {node} into {after}")
        elif new[after] < old[node]:
            print(f"fewer cases: {after}: {old[node]} before, {new[after]} after")
    return 1 if kinds["missing"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
