"""docs/images/architecture.svg: the processes, what they talk to, and the way of one execution through them."""

from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 1080, 560
_STYLE = """
    text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2933; font-size: 15px }
    .title { font-weight: 600; font-size: 17px }
    .small { font-size: 13px; fill: #52606d }
    .box { fill: #ffffff; stroke: #9aa5b1; stroke-width: 1.5 }
    .ours { fill: #eef2ff; stroke: #4051b5; stroke-width: 2.5 }
    .frame { fill: #f5f7fa; stroke: #cbd2d9; stroke-width: 1.5; stroke-dasharray: 6 4 }
    .arrow { stroke: #3e4c59; stroke-width: 1.8; fill: none; marker-end: url(#tip) }
    .number { fill: #4051b5 }
    .digit { fill: #ffffff; font-weight: 600; font-size: 13px }
"""


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and lines below it."""

    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "box"


@dataclass(frozen=True)
class Arrow:
    """A line along points, with a numbered caption."""

    points: tuple[tuple[int, int], ...]
    number: int
    caption: tuple[str, ...]
    at: tuple[int, int]
    """Where the number is; the caption follows it."""


BOXES = (
    Box(20, 40, 190, 110, "People", ("kubectl", "drplan, kubectl drplan", "GitOps, for plans")),
    Box(320, 20, 440, 300, "Kubernetes API server (hub)", (), "frame"),
    Box(
        335,
        60,
        410,
        110,
        "DRPlan, DRWorkflow, DRPlanExecution",
        ("what is to be done", "the order to do it, or to take it back", "status: the whole tree"),
    ),
    Box(
        335,
        190,
        410,
        110,
        "Records beside each execution",
        ("definitions as they were", "ledger: what was created, by uid", "state before each change"),
    ),
    Box(
        20,
        410,
        250,
        130,
        "bridge",
        ("one leads, others wait", "objects to runs, runs to status", "keeps nothing"),
        "ours",
    ),
    Box(
        400,
        410,
        270,
        130,
        "Temporal",
        ("ExecutePlan, RevertPlan", "a child for each stage, and", "for each DRWorkflow; history"),
    ),
    Box(810, 410, 250, 130, "worker", ("several, all alike", "workflow code and activities", "keeps nothing"), "ours"),
    Box(820, 20, 240, 300, "What actions change", (), "frame"),
    Box(835, 60, 210, 110, "Objects of the hub", ("any kind; Clusternet's", "kinds reach the child", "clusters")),
    Box(835, 190, 210, 110, "HTTP services", ("on allowed hosts only",)),
)
ARROWS = (
    Arrow(((210, 90), (329, 90)), 1, ("create",), (240, 72)),
    Arrow(((335, 130), (100, 250), (100, 404)), 2, ("watch",), (30, 340)),
    Arrow(((270, 450), (394, 450)), 3, ("start, once",), (290, 432)),
    Arrow(((804, 475), (676, 475)), 4, ("take tasks,", "answer"), (700, 435)),
    Arrow(((850, 410), (790, 245), (751, 245)), 5, ("store and read",), (690, 350)),
    Arrow(((1010, 410), (1010, 326)), 6, ("act, as the plan's", "service account"), (862, 350)),
    Arrow(((270, 510), (394, 510)), 7, ("ask for state",), (290, 529)),
    Arrow(((220, 410), (220, 250), (329, 155)), 8, ("write status",), (240, 340)),
)


def picture() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">\n',
        '  <title id="title">How drplan works: people create executions, the bridge starts runs in Temporal, workers act</title>\n',
        f"  <style>{_STYLE}  </style>\n",
        '  <defs><marker id="tip" markerWidth="9" markerHeight="9" refX="7" refY="4.5" orient="auto">'
        '<path d="M0,0 L9,4.5 L0,9 z" fill="#3e4c59"/></marker></defs>\n',
        f'  <rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fbfcfd"/>\n',
        *map(_box, BOXES),
        *map(_arrow, ARROWS),
        "</svg>\n",
    ]
    return "".join(parts)


def _box(box: Box) -> str:
    texts = [(box.title, "title"), *((line, "small") for line in box.lines)]
    rows = "".join(
        f'  <text class="{kind}" x="{box.x + 16}" y="{box.y + 28 + 24 * index}">{escape(text)}</text>\n'
        for index, (text, kind) in enumerate(texts)
    )
    return (
        f'  <rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8"/>\n{rows}'
    )


def _arrow(arrow: Arrow) -> str:
    line = " ".join(f"{x},{y}" for x, y in arrow.points)
    x, y = arrow.at
    captions = "".join(
        f'  <text class="small" x="{x + 18}" y="{y + 5 + 17 * index}">{escape(text)}</text>\n'
        for index, text in enumerate(arrow.caption)
    )
    return (
        f'  <polyline class="arrow" points="{line}"/>\n  <circle class="number" cx="{x}" cy="{y}" r="11"/>\n'
        f'  <text class="digit" x="{x}" y="{y + 5}" text-anchor="middle">{arrow.number}</text>\n{captions}'
    )
