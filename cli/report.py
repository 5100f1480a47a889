"""A report of an execution, from its status alone: as text, JSON, Markdown, and one page that loads nothing else."""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from api.phases import Phase
from cli.run import Node, Run, between
from cli.screen import screen, sign
from cli.terminal import Terminal, neutral


def as_text(run: Run, now: datetime) -> str:
    """Return the status with the whole tree, when it ran, and as whom."""
    facts = _facts(run, now)
    width = max(map(len, facts)) + 1
    head = "".join(f"{title + ':':<{width}} {value}\n" for title, value in facts.items())
    rows = Terminal().rows(screen(run, now, Terminal(), whole=True))
    return head + "\n" + "".join(f"{row}\n" for row in rows)


def as_json(run: Run, now: datetime) -> str:
    """Return the facts for programs: every node with its path, times and duration in seconds."""
    body = {
        "execution": {**_facts(run, now), "message": run.message},
        "counts": {part: _counts(run, part) for part in ("stages", "actions")},
        "seconds": run.spent(now),
        "conditions": {kind: vars(each) | {"since": _time(each.since)} for kind, each in run.conditions.items()},
        "nextSteps": [vars(step) for step in run.steps],
        "nodes": [
            {
                "kind": node.kind,
                "path": list(path),
                "phase": node.phase.value,
                "reason": node.reason,
                "message": node.message,
                "startTime": _time(node.start),
                "completionTime": _time(node.end),
                **({"proof": vars(node.proof) | {"fields": list(node.proof.fields)}} if node.proof else {}),
                "seconds": (node.end - node.start).total_seconds() if node.start and node.end else None,
            }
            for path, node in run.paths
        ],
    }
    return json.dumps(body, indent=2) + "\n"


def as_markdown(run: Run, now: datetime) -> str:
    """Return headings and tables, as they fit into a ticket."""
    lines = [f"# {_md(run.name)}: {run.phase.value if run.phase else 'New'}", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {title} | {_md(value)} |" for title, value in _facts(run, now).items())]
    if run.message:
        lines += ["", _md(run.message)]
    proven = run.proven.message if run.proven else ""
    for title, text in (("What stands", run.standing), ("What differs", run.unproven), ("Proof", proven)):
        lines += ["", f"## {title}", "", _md(text)] if text else []
    if run.steps:
        lines += ["", "## What to do now", ""]
        for step in run.steps:
            lines += [f"- {_md(step.why)}: {_md(step.what)}"]
            # Indented code cannot be ended by what is in it.
            lines += ["", f"      {neutral(step.command)}", ""] if step.command else []
    lines += [
        "",
        "## What happened",
        "",
        f"| Part | Phase | Start | Took | Message |{' Before and now |' if _proved(run) else ''}",
        f"| --- | --- | --- | --- | --- |{' --- |' if _proved(run) else ''}",
    ]
    for path, node in run.paths:
        part = "\N{NO-BREAK SPACE}" * 4 * (len(path) - 1) + _md(node.name)
        took = between(node.start, node.end)
        cells = [part, f"{sign(node.phase)[0]} {node.phase.value}", _time(node.start) or "", took, _md(node.message)]
        cells += [_md(node.proof or "")] if _proved(run) else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _proved(run: Run) -> bool:
    """Return whether it was checked whether all is as before."""
    return any(action.proof for action in run.actions)


def _facts(run: Run, now: datetime) -> Mapping[str, str]:
    parts = {part: _counts(run, part) for part in ("stages", "actions")}
    facts = {
        "Execution": f"{run.namespace}/{run.name}",
        "Plan": run.plan,
        "Operation": run.operation,
        "Reverts": run.original,
        "Phase": run.phase.value if run.phase else "New",
        "Created": _time(run.created),
        "Started": _time(run.start),
        "Ended": _time(run.end),
        "Took": between(run.start, run.end or now),
        **{what.capitalize(): span for what, span in run.waits(now).items()},
        "Acted as": run.account,
        "Temporal": run.workflow_id,
        **{
            part.capitalize(): f"{counts.get('succeeded', 0)} of {counts['total']} succeeded"
            for part, counts in parts.items()
            if counts["total"]
        },
        "Reported": _time(now),
    }
    return {title: neutral(value) for title, value in facts.items() if value}


def _counts(run: Run, part: str) -> dict[str, int]:
    total, counted = run.count(part)
    return {"total": total, **{phase.value.lower(): number for phase, number in counted.items()}}


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _md(text: object) -> str:
    """Return a text in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&-])", r"\\\1", neutral(text))


# The page.

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--Succeeded:#2e7d32;--Failed:#c62828;--Running:#1565c0;--Canceled:#b26a00;
--Skipped:#888;--Pending:#bbb;--Unknown:#888}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
h1{margin:0 0 .2rem}h1 small{font-weight:normal}
table{border-collapse:collapse;width:100%}td,th{padding:.2rem .5rem;text-align:left;vertical-align:top}
.facts td:first-child,.facts th{color:GrayText;white-space:nowrap;width:8rem}
.box{border-left:4px solid var(--c);padding:.4rem .8rem;margin:.6rem 0;overflow-wrap:anywhere}
pre{overflow-x:auto;margin:.2rem 0}.run td{border-top:1px solid var(--line)}
.run .bar{width:34%;min-width:10rem}.run .msg{overflow-wrap:anywhere}
.lane{position:relative;height:1.1em;background:#8881;border-radius:3px}
.lane i{position:absolute;top:0;bottom:0;min-width:3px;border-radius:3px;background:var(--c)}
.stage{font-weight:bold}.p1{padding-left:1.5rem}.p2{padding-left:3rem}.ph{color:var(--c);white-space:nowrap}
.axis{display:flex;justify-content:space-between;font-weight:normal;color:GrayText}
@media print{body{margin:0;max-width:none}}
"""


def as_html(run: Run, now: datetime) -> str:
    """Return one page with a timeline. It has no scripts, and its policy lets it load nothing."""
    phase = run.phase.value if run.phase else "New"
    facts = "".join(
        f"<tr><th scope=row>{_h(title)}</th><td>{_h(text)}</td></tr>" for title, text in _facts(run, now).items()
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_h(run.name)}: {_h(phase)}</title><style>{_STYLE}</style></head><body>
<h1>{_h(run.name)} <small class="ph" {_style(run.phase)}>{sign(run.phase)[0]} {_h(phase)}</small></h1>
{"".join(_boxes(run))}
<table class="facts">{facts}</table>
<h2>Timeline</h2>
<table class="run">
<thead><tr><th>Part</th><th>Phase</th><th class="bar">{_axis(run, now)}</th><th>Took</th><th>Message</th>{
        "<th>Before and now</th>" if _proved(run) else ""
    }</tr></thead>
<tbody>
{"".join(_page_rows(run, now))}</tbody></table>
</body></html>
"""


def _boxes(run: Run) -> Iterator[str]:
    if run.message:
        yield _box(_colour(run.phase), _h(run.message))
    for path, node in run.paths:
        if node.kind == "action" and node.phase is Phase.FAILED:
            yield _box("Failed", f"<b>{_h(' / '.join(path))}</b><br>{_h(node.message)}")
    for title, text in (("Stands", run.standing), ("Differs", run.unproven)):
        if text:
            yield _box("Canceled", f"<b>{title}:</b> {_h(text)}")
    if run.proven:
        colour = "Succeeded" if run.proven.status == "True" else "Unknown"
        yield _box(colour, f"<b>Proof:</b> {_h(run.proven.message)}")
    for step in run.steps:
        command = f"<pre><code>{_h(step.command)}</code></pre>" if step.command else ""
        yield _box("Running", f"<b>{_h(step.why)}:</b> {_h(step.what)}{command}")


def _box(colour: str, content: str) -> str:
    return f'<div class="box" style="--c:var(--{colour})">{content}</div>\n'


def _span(run: Run, now: datetime) -> tuple[datetime, float]:
    """Return where the timeline begins, and its length in seconds."""
    starts = [node.start for _, node in run.paths if node.start]
    ends = [node.end or now for _, node in run.paths if node.start]
    begin = min([*starts, *([run.start] if run.start else [])], default=now)
    end = max([*ends, *([run.end or now] if run.start else [])], default=now)
    return begin, max(1.0, (end - begin).total_seconds())


def _axis(run: Run, now: datetime) -> str:
    begin, seconds = _span(run, now)
    return f'<div class="axis"><span>{begin.astimezone(UTC):%H:%M:%S} UTC</span><span>+{seconds:.0f} s</span></div>'


def _page_rows(run: Run, now: datetime) -> Iterator[str]:
    begin, seconds = _span(run, now)
    for path, node in run.paths:
        name = f'<td class="{node.kind} p{len(path) - 1}">{_h(node.name)}</td>'
        colour = _colour(node.phase)
        phase = f'<td class="ph" {_style(node.phase)}>{sign(node.phase)[0]} {node.phase.value}</td>'
        took = between(node.start, node.end or (now if node.phase is Phase.RUNNING else None))
        bar = _bar(node, now, begin, seconds, colour)
        message = f'<td class="msg">{_h(node.message)}</td>'
        yield f'<tr>{name}{phase}<td class="bar">{bar}</td><td>{took}</td>{message}{_proof_cell(run, node)}</tr>\n'


def _proof_cell(run: Run, node: Node) -> str:
    if not _proved(run):
        return ""
    if node.proof is None:
        return "<td></td>"
    colour = {"Verified": "Succeeded", "Differs": "Failed"}.get(node.proof.result, "Unknown")
    return f'<td class="msg" style="color:var(--{colour})">{_h(node.proof)}</td>'


def _bar(node: Node, now: datetime, begin: datetime, seconds: float, colour: str) -> str:
    if node.start is None:
        return ""
    end = node.end or (now if node.phase is Phase.RUNNING else node.start)
    left = (node.start - begin).total_seconds() / seconds * 100
    width = (end - node.start).total_seconds() / seconds * 100
    style = f"--c:var(--{colour});left:{min(left, 99.5):.2f}%;width:{max(0.0, width):.2f}%"
    return f'<div class="lane"><i style="{style}" title="{_time(node.start)} to {_time(end)}"></i></div>'


def _colour(phase: Phase | None) -> str:
    return (phase or Phase.PENDING).value


def _style(phase: Phase | None) -> str:
    return f'style="--c:var(--{_colour(phase)})"'


def _h(text: Any) -> str:
    return html.escape(neutral(text))


FORMS: Mapping[str, Callable[[Run, datetime], str]] = {
    "text": as_text,
    "json": as_json,
    "markdown": as_markdown,
    "html": as_html,
}
"""The forms of a report by name."""
