"""The size and shape of the code: lines, modules and functions of each package. `python -m bench.shape`.

A function's length is counted from its `def` to its last line. Only files that git knows are read; tests are left out.
"""

import ast
import subprocess
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

from dev.layout import REPOSITORY

PACKAGES = ("api", "planning", "kube", "workflows", "activities", "process", "worker", "bridge", "cli", "dev", "bench")


@dataclass(frozen=True)
class Module:
    """One file: its lines, and the length of each of its functions."""

    lines: int
    functions: list[int]


def modules(package: str) -> list[Module]:
    """Read the modules of a package; empty files do not count."""
    command = ["git", "ls-files", f"{package}/**.py", f"{package}/*.py"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    texts = [(REPOSITORY / Path(file)).read_text() for file in sorted(set(listed))]
    return [Module(len(text.splitlines()), lengths(text)) for text in texts if text.strip()]


def lengths(text: str) -> list[int]:
    """Return the lines of each function of a module, methods and inner functions included."""
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def row(name: str, found: list[Module]) -> str:
    """Write one line of the table."""
    functions = list(chain.from_iterable(module.functions for module in found)) or [0]
    nine_in_ten = quantiles(functions, n=10)[-1] if len(functions) > 1 else functions[0]
    lines = [module.lines for module in found]
    shape = f"median {median(functions):4g}  p90 {nine_in_ten:4g}  longest {max(functions):3}"
    return f"{name:12} {sum(lines):6} lines {len(lines):4} modules {len(functions):5} functions  {shape}"


def main() -> None:
    """Print the table."""
    found = {package: modules(package) for package in PACKAGES}
    for package, of_package in found.items():
        if of_package:
            print(row(package, of_package))
    print(row("together", list(chain.from_iterable(found.values()))))


if __name__ == "__main__":
    main()
