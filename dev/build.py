"""Builds programs from Go modules, with progress. Compiled packages are kept, so that an interrupted build goes on.

Source: docs/decisions/0001-kubernetes-from-go-modules.md.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.cache import built_folder, cache_root, install, partial_folder
from dev.go_command import Go, Target, compiled_packages
from dev.progress import Progress
from dev.ticker import Ticker
from dev.toolchain import MODULES, find_go

TARGETS = {
    "kube-apiserver": Target("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", MODULES / "kube"),
    "kube-controller-manager": Target(
        "kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", MODULES / "kube"
    ),
    "etcd": Target("etcd", "go.etcd.io/etcd/server/v3", MODULES / "etcd"),
}


def build(programs: Sequence[str], lock: int) -> dict[str, Path]:
    """Build these programs into the cache; return their paths. Raises StackError.

    `lock` is the descriptor of the locked cache. The compiler inherits it: should this process be killed, the next one
    waits until the compiler has ended, too.
    """
    targets = [TARGETS[program] for program in programs]
    print(f"Building {', '.join(programs)} from Go modules; once, and if interrupted, from where it was.", flush=True)
    with Ticker() as ticker:
        go = Go(find_go(), lock, ticker)
        stale = {target.program: go.list_stale(target) for target in targets}
        built = _compile(go, targets, stale)
    shutil.rmtree(compiled_packages(), ignore_errors=True)
    return built


def _compile(go: Go, targets: Sequence[Target], stale: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    waiting = {folder for packages in stale.values() for folder in packages.values()}
    progress = Progress(packages=len(waiting), unlinked=len(targets))
    began = time.monotonic()
    built = {}
    for target in targets:
        for line in go.build(target, partial_folder() / target.program):
            folder = stale[target.program].get(line.strip())
            if folder in waiting:
                waiting.discard(folder)
                progress = progress.compiled(time.monotonic() - began)
            go.ticker.show(f"{target.program}: {progress.line()}")
        progress = progress.linked()
        built[target.program] = install(partial_folder() / target.program, built_folder(target.program))
    print(f"\nBuilt in {(time.monotonic() - began) / 60:.1f} minutes; kept in {cache_root()}", flush=True)
    return built
