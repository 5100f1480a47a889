"""The one screen: what a person needs to know about an execution, the most important first, without scrolling.

Phase and counts; the failure with its whole reason; what stands; what is paused or stale, and since when; the command
to type next; then the tree, with finished parts folded. Only the tree, further steps and long lists give way where a
terminal is small; a pipe gets every line whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from api.phases import Phase
from cli.run import OUTCOME_LOST, STALE, WAITS, Node, Run, Step, between
from cli.terminal import Line, Terminal, line

SIGNS = {
    Phase.SUCCEEDED: ("✔", "good"),
    Phase.FAILED: ("✘", "bad"),
    Phase.RUNNING: ("▶", "busy"),
    Phase.CANCELED: ("■", "warn"),
    Phase.SKIPPED: ("↷", "warn"),
    Phase.PENDING: ("○", "faint"),
    Phase.UNKNOWN: ("?", "faint"),
}
_OPEN = (Phase.FAILED, Phase.RUNNING, Phase.CANCELED, Phase.UNKNOWN)
"""Phases of parts that are never folded."""
_RANKS = {Phase.FAILED: 1, Phase.RUNNING: 2, Phase.CANCELED: 3, Phase.UNKNOWN: 3}
_CURRENT = "Current"
_NO_NEWS = (Phase.PENDING.value, "New", _CURRENT)
"""States that are not told where nothing was known before."""
_TREE_ROWS = 6
"""What the tree gets before further steps do."""
_STANDING_ROWS = 4


def sign(phase: Phase | None) -> tuple[str, str]:
    """Return the symbol of a phase, and its style."""
    return SIGNS[phase or Phase.PENDING]


def screen(
    run: Run, now: datetime, terminal: Terminal, *, whole: bool = False, away: str = "", command: str = ""
) -> list[Line]:
    """Return the lines that show an execution; `whole` shows every node, `away` says that it cannot be read now.

    `command` is what a preview is to be followed by.
    """
    limit = None if whole or terminal.height is None else terminal.height - 1
    head = [*_head(run, now), *_failure(run, all_of_them=limit is None), *_standing(run, terminal, limit)]
    head += [*([line(("! ", "warn"), (away, "warn"), hang=2)] if away else []), *_problems(run, now)]
    steps = [list(_step(step)) for step in [*run.steps, *_after_preview(run, command)]]
    tree = list(_branches(run.stages, now, whole=whole))
    if limit is None:
        return [*head, *(each for step in steps for each in step), *tree]
    used = terminal.height_of(head)
    for place, step in enumerate(steps):
        rows = terminal.height_of(step)
        if place and used + rows + min(len(tree), _TREE_ROWS) > limit:
            break
        head, used = [*head, *step], used + rows
    return [*head, *_fitting(tree, limit - used)]


def _head(run: Run, now: datetime) -> Iterator[Line]:
    symbol, style = sign(run.phase)
    phase = run.phase.value if run.phase else "New"
    subject = (
        f"{run.operation} of {run.original}, plan {run.plan}" if run.original else f"{run.operation} of {run.plan}"
    )
    yield line(
        (symbol, style), " ", (run.name, "bold"), "  ", (phase, style), "  ", subject, f"  {_clock(run, now)}", hang=2
    )
    parts = []
    for part in ("stages", "actions"):
        total, counted = run.count(part)
        words = [f"{counted[phase]} {phase.value.lower()}" for phase in SIGNS if counted.get(phase)]
        if total:
            parts.append(f"{part} {counted.get(Phase.SUCCEEDED, 0)}/{total} ({', '.join(words)})")
    if parts and not (run.is_preview and run.ended):
        yield line(("  " + "  ".join(parts), "fact"), hang=2)
    if run.message and not _told_below(run):
        yield line((f"  {run.message}", "reason" if run.phase is Phase.FAILED else ""), hang=2)
    elif run.phase is None:
        yield line("  no bridge has taken it up yet", hang=2)
    if run.is_preview and run.preview.get("digest"):
        yield line((f"  digest {run.preview['digest']}", "fact"), hang=2)
    if run.is_preview and run.preview.get("estimatedDuration"):
        number = run.preview.get("estimatedFrom")
        yield line((f"  expected to work {run.preview['estimatedDuration']}, from {number} before", "fact"), hang=2)


def _clock(run: Run, now: datetime) -> str:
    """Return how long it runs or ran, and how much of that it waited; or how long it has been waiting to start."""
    if not run.ended and run.phase is not Phase.RUNNING:
        return f"waiting {between(run.created, now)}" if run.created else "waiting"
    took = between(run.start or run.created, run.end if run.ended else now)
    words = ", ".join(f"{what} {span}" for what, span in run.waits(now).items())
    return ("" if run.ended else "running ") + took + (f" ({words})" if words else "")


def _told_below(run: Run) -> bool:
    """Tell whether a failed action, or a part that waits for a person, says by itself what the run's message says."""
    if run.phase is Phase.FAILED:
        return any(action.phase is Phase.FAILED and action.reason not in OUTCOME_LOST for action in run.actions)
    waits = any(node.reason in WAITS for _, node in run.paths)
    return run.phase is Phase.RUNNING and waits and run.stale is None


def _problems(run: Run, now: datetime) -> Iterator[Line]:
    if run.stale is not None:
        cause = STALE.get(run.stale.reason, run.stale.reason)
        yield line(("! ", "warn"), (f"status is {between(run.stale.since, now)} old: {cause}", "warn"), hang=2)
    if run.paused and not run.ended:
        yield line(("! ", "warn"), (f"paused for {between(run.paused_since, now)} ", "warn"), run.paused, hang=2)
    for path, node in run.paths:
        if node.reason in WAITS and not run.ended:
            words = f"{'/'.join(path)} {WAITS[node.reason]}"
            yield line(("! ", "warn"), (words, "warn"), f": {node.message}" if node.message else "", hang=2)
    cancel = run.conditions.get("CancelRequested")
    if cancel is not None and not run.ended:
        since = between(cancel.since, now)
        yield line(("! ", "warn"), f"cancel requested {since} ago ({cancel.reason.lower()}): {cancel.message}", hang=2)
    for warning in run.warnings:
        yield line(("! ", "warn"), warning, hang=2)


def _failure(run: Run, *, all_of_them: bool) -> Iterator[Line]:
    for obstacle in run.obstacles:
        yield line(("✘ ", "bad"), (obstacle, "reason"), hang=2)
    failed = [(path, node) for path, node in run.paths if node.kind == "action" and node.phase is Phase.FAILED]
    for path, node in failed if all_of_them else failed[:1]:
        yield line(("✘ ", "bad"), (" / ".join(path), "bold"), hang=2)
        yield line((f"  {node.message or node.reason or 'failed'}", "reason"), hang=2)
    if len(failed) > 1 and not all_of_them:
        more = len(failed) - 1
        yield line((f"  and {more} more failed action{'s' if more > 1 else ''}", "reason"))


def _standing(run: Run, terminal: Terminal, limit: int | None) -> Iterator[Line]:
    for title, text in (("stands: ", run.standing), ("differs: ", run.unproven)):
        if not text:
            continue
        full = line(("! ", "warn"), (title, "warn"), text, hang=2)
        if limit is not None and terminal.width and terminal.height_of([full]) > _STANDING_ROWS:
            kept = text[: (_STANDING_ROWS - 1) * (terminal.width - 2) - len(title)]
            full = line(("! ", "warn"), (title, "warn"), f"{kept}… (all: --all)", hang=2)
        yield full
    if run.proven is not None:
        symbol, style = ("✔", "good") if run.proven.status == "True" else ("?", "warn")
        yield line((symbol + " ", style), ("proof: ", style), run.proven.message or run.proven.reason, hang=2)


def _after_preview(run: Run, command: str) -> Iterator[Step]:
    if run.is_preview and run.phase is Phase.SUCCEEDED:
        how = "" if command else ": create the same with spec.previewDigest in place of dryRun"
        yield Step(f"carry out what was shown{how}", "no obstacle", command)
    elif run.is_preview and run.phase is Phase.FAILED:
        yield Step("remove them, then preview again", "there are obstacles", command)


def _step(step: Step) -> Iterator[Line]:
    yield line(("→ ", "warn"), f"{step.why}: {step.what}", hang=2)
    if step.command:
        yield line((f"    {step.command}", "fact"), unbroken=True)


# The tree.


def _tells(node: Node) -> bool:
    """Tell whether a part is failed, running or cut short, or holds such a part."""
    return node.phase in _OPEN or any(map(_tells, node.children))


def _branches(nodes: Sequence[Node], now: datetime, guide: str = "", *, whole: bool) -> Iterator[Line]:
    """Yield the lines of running and failed parts, and one for each row of siblings that have nothing to tell.

    `whole` is a line for every node, with its whole message.
    """
    groups = [[node] for node in nodes] if whole else [list(group) for group in _groups(nodes)]
    for place, group in enumerate(groups):
        last = place == len(groups) - 1
        stem, below = ("└── ", "    ") if last else ("├── ", "│   ")
        node = group[0]
        if len(group) > 1:
            yield _row_of_many(group, guide + stem)
            continue
        yield _row(node, now, guide + stem, cut=not whole)
        if whole or _tells(node):
            yield from _branches(node.children, now, guide + below, whole=whole)


def _groups(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """Yield parts that are shown alone, and rows of siblings of one phase that are folded into one line."""
    for (tells, _), group in groupby(nodes, key=lambda node: (_tells(node), node.phase)):
        members = list(group)
        if tells:
            yield from ([node] for node in members)
        else:
            yield members


def _row_of_many(group: Sequence[Node], guide: str) -> Line:
    symbol, style = sign(group[0].phase)
    kind, actions = group[0].kind, sum(1 for node in group for _ in node.actions)
    words = f" {len(group)} {kind}s {group[0].phase.value.lower()}"
    if kind != "action" and actions:
        words += f" ({actions} action{'s' if actions > 1 else ''})"
    names = f"  {group[0].name} … {group[-1].name}"
    return replace(line((guide, "faint"), (symbol, style), words, (names, "faint"), cut=True), rank=9)


def _row(node: Node, now: datetime, guide: str, *, cut: bool) -> Line:
    symbol, style = sign(node.phase)
    name = (node.name, "bold" if node.phase is not Phase.RUNNING else style)
    facts = [*node.facts, _folded_count(node) if cut else "", _spent(node, now)]
    message = node.message if node.kind == "action" or node.phase not in (Phase.SUCCEEDED, Phase.RUNNING) else ""
    told = (f"  {message}" if message else "", "reason" if node.phase is Phase.FAILED else "faint")
    if node.proof is not None and not cut:
        facts.append(f"[{node.proof}]")
    told_facts = ((f"  {fact}", "fact") for fact in facts if fact)
    row = line((guide, "faint"), (symbol, style), " ", name, *told_facts, told, hang=len(guide) + 2, cut=cut)
    return replace(row, rank=_RANKS.get(node.phase, 1 if _tells(node) else 8))


def _folded_count(node: Node) -> str:
    """Return how many actions a folded part has, where it does not say so itself."""
    actions = sum(1 for _ in node.actions)
    if node.kind == "action" or _tells(node) or (node.facts and node.kind == "workflow") or not actions:
        return ""
    return f"{actions} action{'s' if actions > 1 else ''}"


def _spent(node: Node, now: datetime) -> str:
    if node.phase is Phase.RUNNING:
        return between(node.start, now)
    return between(node.start, node.end) if node.kind != "action" else ""


def _fitting(tree: Sequence[Line], rows: int) -> list[Line]:
    """Return a tree that fits: what matters least gives way, the last such first, and a line says how much."""
    if len(tree) <= rows:
        return list(tree)
    if rows < 1:
        return []
    kept = list(range(len(tree)))
    while len(kept) > rows - 1:
        kept.remove(max(kept, key=lambda place: (tree[place].rank, place)))
    left_out = len(tree) - len(kept)
    shown = [tree[place] for place in kept]
    return [*shown, line((f"… {left_out} more line{'s' if left_out > 1 else ''}: --all", "faint"), cut=True)]


# A pipe.


def changes(old: Run | None, new: Run) -> list[str]:
    """Return a line for every part whose phase or message has changed, in the order of the tree.

    Parts that are Pending from the beginning are left out: they are the plan, not news. While it runs, the message of
    the execution as a whole only repeats what its parts say, so that its conditions are told instead.
    """
    before = _states(old) if old else {}
    return [
        f"{path}: {phase}{f'  {message}' if message else ''}"
        for path, (phase, message) in _states(new).items()
        if (phase, message) != before.get(path)
        and (path in before or phase not in _NO_NEWS or (path == new.name and message))
    ]


def _states(run: Run) -> dict[str, tuple[str, str]]:
    message = "" if run.phase is Phase.RUNNING else run.message
    states = {run.name: (run.phase.value if run.phase else "New", message)}
    stale = run.stale
    states[f"{run.name} status"] = ("Stale", STALE.get(stale.reason, stale.reason)) if stale else (_CURRENT, "")
    for kind in ("CancelRequested", "Paused"):
        condition = run.conditions.get(kind)
        if condition is not None and condition.status == "True":
            states[f"{run.name} {kind}"] = (condition.reason, condition.message)
    for node in run.stages:
        states[f"{run.name}/{node.name}"] = (node.phase.value, node.message)
        # With its place, because a stage may run one DRWorkflow twice.
        for number, workflow in enumerate(node.children):
            path = f"{run.name}/{node.name}/{number}-{workflow.name}"
            states[path] = (workflow.phase.value, workflow.message)
            for action in workflow.children:
                states[f"{path}/{action.name}"] = (action.phase.value, action.message)
    return states
