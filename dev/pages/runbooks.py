"""docs/runbooks and docs/zh/runbooks: a page for each row of the table of next steps and for each alert, in two languages.

The rows are in planning/messages/next_steps.py, their Chinese texts in dev/pages/runbooks_zh.py, and what is said of the
alerts in dev/pages/alert_runbooks.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from dev.pages.alert_runbooks import ALERTS, AlertRunbook, Text
from dev.pages.markdown import GENERATED, table
from dev.pages.runbooks_zh import TEXTS
from planning.messages.next_steps import ADVICE, command
from planning.messages.situations import Situation

_RUN = """"$(kubectl --namespace default get drplanexecution shop-back --output jsonpath='{{.status.engine.workflowId}}'){path}\""""
FACTS = {
    "namespace": "default",
    "name": "shop-back",
    "plan": "shop",
    "label": "shop",
    "original": "shop-move",
    "later": "shop-again",
    "account": "system:serviceaccount:default:default",
    "workflow": _RUN.format(path="/0-sites/1-shop-east"),
    "activity": "action-0",
    "target": "sites/shop-east/gate",
    "again": "drplan execute shop --namespace default",
}
"""What the pages put into commands."""
AGAIN = "drplan revert shop-move --namespace default"
"""In place of `again`, where the remedy is another Revert."""
STAGE = "sites"
"""In place of `target`, where it names a stage."""
LOOK = """drplan status shop-back --namespace default
kubectl --namespace default describe drplanexecution shop-back"""
OVER = {
    True: "kubectl --namespace default wait --for=condition=Completed drplanexecution/shop-back --timeout=10m",
    False: "drplan list --namespace default --plan shop\ndrplan status @latest --namespace default",
}
"""How one sees that it is over, by whether the execution is still open."""
LINK_TEXTS = {
    "approval": "审批",
    "cancel": "取消",
    "copies": "副本",
    "finalizers": "finalizer",
    "hosts": "允许的主机",
    "later executions": "后来的执行",
    "namespaces": "命名空间",
    "parts": "执行的一部分",
    "pause and repair": "暂停与修复",
    "rights": "权限",
    "search attributes": "搜索属性",
    "upgrading": "升级",
    "what is kept": "保留的内容",
    "what is repeated": "哪些会重复执行",
    "what it had not finished": "旧控制器未完成的执行",
    "why": "原因",
}
"""Texts of the links of rows, in Chinese."""
_LINK_TEXT = re.compile(r"\[([^]]+)\]")
_TARGET = re.compile(r"\]\((#?)([^)]*)\)")


@dataclass(frozen=True)
class Words:
    """What the pages of one language say around the rows."""

    title: str
    introduction: str
    columns: tuple[str, str]
    groups: tuple[str, str, str, str]
    effects: tuple[str, str, str, str]
    shows: str
    means: str
    look: str
    remedy: str
    over: str
    more: str
    back: str
    alerts: tuple[str, str, str]
    """Heading, introduction and first column of the list of alerts."""


ENGLISH = Words(
    "Runbooks",
    "One page for each way in which an execution waits or does not end well, and [one for each alert](#alerts). `status.nextSteps` of the execution, and `drplan status`, show the rows that "
    "hold for it with its own names in the commands. The pages use the plan `shop`, its Execute `shop-move` and the Revert `shop-back` in the namespace `default`.\n\n"
    "Search for the message of the execution, without the names in it.",
    ("the status shows", "page"),
    ("It waits", "It did not start", "An action failed", "How it ended"),
    (
        "The execution is open and has lost nothing. It continues from where it is as soon as the cause is gone, or as soon as somebody decides.",
        "drplan has changed no object for this execution. The execution has ended; a new one is needed.",
        "The action has ended. Unless the failure policy says `Continue`, so have its stage and the execution. What other actions did stays: a Revert takes an "
        "Execute back, and another Revert continues where the first one stopped.",
        "The execution has ended, and its status does not change any more.",
    ),
    "The status shows",
    "Meaning",
    "Look",
    "Remedy",
    "Check",
    "More",
    "All runbooks",
    ("Alerts", "One page for each alert that the chart brings.", "alert"),
)
CHINESE = Words(
    "运行手册",
    "执行等待或没有正常结束的每一种情况，各有一页；[每个告警](#告警)也各有一页。执行的 `status.nextSteps` 以及 `drplan status` 会列出适用的条目，命令中已经填好它自己的名称。"
    "本手册使用命名空间 `default` 中的预案 `shop`、它的 Execute `shop-move` 和回退 `shop-back`。\n\n"
    "查找方法：用执行的消息（去掉其中的名称）在本页搜索。",
    ("状态显示", "页面"),
    ("正在等待", "没有开始", "动作失败", "如何结束"),
    (
        "执行仍未结束，没有丢失任何内容。原因消失后，或有人作出决定后，它会从当前位置继续。",
        "drplan 没有为这个执行改动任何对象。该执行已经结束，需要新建一个执行。",
        "该动作已经结束。除非失败策略为 `Continue`，它所在的阶段和整个执行也随之结束。其他动作的结果保留：回退可以收回 Execute，而新的回退会从上一次停下的地方继续。",
        "执行已经结束，状态不会再变化。",
    ),
    "状态显示",
    "含义",
    "查看",
    "处理",
    "确认",
    "更多",
    "全部运行手册",
    ("告警", "chart 自带的每个告警各有一页。", "告警"),
)
_FIRST = (Situation.REFERENCE_MISSING, Situation.COPY, Situation.FORBIDDEN, Situation.ENDED_OUTSIDE)
"""The first row of each group, in the order of the table."""
_TITLES = {
    Situation.REFERENCE_MISSING: "A referenced object does not exist",
    Situation.PLAN_BUSY: "Another execution runs the plan",
    Situation.ENGINE_AWAY: "Temporal cannot be reached",
    Situation.WORKER_AWAY: "No worker answers",
    Situation.WORKER_FAILING: "The worker cannot continue the run",
    Situation.AWAITING_DECISION: "A failed action waits for a decision",
    Situation.AWAITING_APPROVAL: "A stage waits for approval",
    Situation.PAUSED: "Paused in Temporal",
    Situation.RETRYING: "An action is retried",
    Situation.ATTEMPT_LOST: "An attempt was lost with its worker",
    Situation.CANCELING: "A cancel waits for the running attempt",
    Situation.COPY: "The execution is a copy",
    Situation.UNRECORDED_REVERT: "A Revert of the older controller without a record",
    Situation.REJECTED: "The execution was rejected",
    Situation.LATER_EXECUTION_RESTS: "A later execution uses the object",
    Situation.FORBIDDEN: "The service account lacks a right",
    Situation.STILL_THERE: "An object does not go",
    Situation.OTHER_OBJECT: "It is another object",
    Situation.CHANGED_SINCE: "Somebody changed the fields to restore",
    Situation.GONE_BEFORE: "The object was gone before the Revert",
    Situation.NOT_FOUND: "The object does not exist",
    Situation.VERSION_NOT_SERVED: "The API version is not served any more",
    Situation.KIND_NOT_SERVED: "No version of the kind is served",
    Situation.KIND_MISSPELT: "The kind is misspelt",
    Situation.ALREADY_EXISTS: "The object exists already",
    Situation.UNDEFINED: "The action is no longer defined",
    Situation.CUSTOM_ROLLBACK_FAILED: "A custom rollback or hook failed",
    Situation.NOT_READY: "The object did not become ready",
    Situation.READINESS_UNKNOWN: "Whether the object is ready is not known",
    Situation.NO_STATE_FROM_CLUSTER: "A child cluster reports no state",
    Situation.ONE_CLUSTER_FAILED: "One of several clusters failed",
    Situation.JOB_FAILED: "A Job failed",
    Situation.TRANSIENT: "A transient error lasted too long",
    Situation.TIMED_OUT: "An action timed out",
    Situation.DEFINITION_REFUSED: "The definition cannot be carried out",
    Situation.HTTP_STATUS: "An HTTP service answered with an error",
    Situation.HTTP_REFUSED: "An HTTP request was refused",
    Situation.FAULT: "Internal error",
    Situation.ENDED_OUTSIDE: "The run was terminated from outside",
    Situation.RUN_UNKNOWN: "Temporal no longer knows the run",
    Situation.PARTLY_EXECUTED: "An Execute was carried out in part",
    Situation.PARTLY_REVERTED: "A Revert was carried out in part",
    Situation.NOT_SELECTED: "Not selected by the Revert",
    Situation.PARTIAL_LEFT: "Parts that did not succeed left objects",
    Situation.LEFT_STANDING: "Objects are left after a Revert",
    Situation.PROOF_DIFFERS: "An object is not as before",
    Situation.NOT_CHECKED: "The proof could not be made",
    Situation.CONSEQUENCE: "A consequence of another failure",
    Situation.SHORTENED: "The status was shortened",
    Situation.NOT_SEARCHABLE: "Runs cannot be searched in Temporal",
}
"""English titles, where the name of the row in words is none."""
EFFECTS = {
    Situation.READINESS_UNKNOWN: (
        "The action has succeeded, and the execution continues.",
        "动作已经成功，执行继续。",
    ),
    Situation.COPY: (
        "drplan changes nothing for this object. What the older controller did before it stopped is not recorded.",
        "drplan 不会为这个对象改动任何内容。旧控制器停止之前做了什么，没有记录。",
    ),
    Situation.UNRECORDED_REVERT: (
        "drplan changed nothing. What the older controller deleted before it stopped is not recorded.",
        "drplan 没有改动任何内容。旧控制器停止之前删除了什么，没有记录。",
    ),
}
"""In place of the effect of the group, in English and in Chinese."""


def groups() -> Mapping[int, tuple[Situation, ...]]:
    """Return the rows of each group."""
    rows = list(ADVICE)
    ends = [*(rows.index(first) for first in _FIRST), len(rows)]
    return {number: tuple(rows[start:end]) for number, (start, end) in enumerate(pairwise(ends))}


def file_name(situation: Situation) -> str:
    """Return the name of the page of a row: `plan-busy.md`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", situation).lower() + ".md"


def title(situation: Situation) -> str:
    """Return the English title of a row: `Plan busy`."""
    return _TITLES.get(situation) or re.sub(r"(?<!^)(?=[A-Z])", " ", situation).capitalize()


def example(situation: Situation) -> str:
    """Return the command of a row for the plan of the pages; empty where it has none."""
    again = AGAIN if "another Revert" in ADVICE[situation].what else FACTS["again"]
    target = STAGE if situation is Situation.AWAITING_APPROVAL else FACTS["target"]
    workflow = _RUN.format(path="") if situation is Situation.SHORTENED else FACTS["workflow"]
    return command(situation, {**FACTS, "again": again, "target": target, "workflow": workflow}) or ""


def files() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every page."""
    for folder, words in (("docs/runbooks", ENGLISH), ("docs/zh/runbooks", CHINESE)):
        yield f"{folder}/README.md", _index(words)
        for group, situations in groups().items():
            for situation in situations:
                yield f"{folder}/{file_name(situation)}", _page(words, group, situation)
        for name, runbook in ALERTS.items():
            yield f"{folder}/{name}.md", _alert_page(words, runbook)


def _index(words: Words) -> str:
    parts = [GENERATED.format(source="planning/messages/next_steps.py"), f"# {words.title}\n\n{words.introduction}\n"]
    for group, situations in groups().items():
        rows = ((_shows(words, each), f"[{_title(words, each)}]({file_name(each)})") for each in situations)
        parts.append(f"\n## {words.groups[group]}\n\n{words.effects[group]}\n\n{table(words.columns, rows)}")
    heading, introduction, column = words.alerts
    alerts = ((f"`{each.alert}`", f"[{_text(words, each).title}]({name}.md)") for name, each in ALERTS.items())
    parts.append(f"\n## {heading}\n\n{introduction}\n\n{table((column, words.columns[1]), alerts)}")
    return "".join(parts)


def _alert_page(words: Words, runbook: AlertRunbook) -> str:
    text = _text(words, runbook)
    names = {file_name(each): each for each in Situation}
    links = [f"[{_title(words, names[name])}]({name})" for name in runbook.see]
    colon = ": " if words is ENGLISH else "："
    return "".join(
        [
            GENERATED.format(source="dev/pages/alert_runbooks.py"),
            f"# {text.title}\n\n{words.alerts[2].capitalize()}{colon}`{runbook.alert}`\n",
            f"\n## {words.means}\n\n{text.meaning}\n",
            f"\n## {words.look}\n\n```sh\n{runbook.look}\n```\n",
            f"\n## {words.remedy}\n\n{text.remedy}\n",
            f"\n## {words.more}\n\n",
            "".join(f"- {each}\n" for each in [*links, f"[{words.back}](README.md)"]),
        ]
    )


def _text(words: Words, runbook: AlertRunbook) -> Text:
    return runbook.english if words is ENGLISH else runbook.chinese


def _page(words: Words, group: int, situation: Situation) -> str:
    advice = ADVICE[situation]
    why, what = (advice.why, advice.what) if words is ENGLISH else (TEXTS[situation].why, TEXTS[situation].what)
    stop = "." if words is ENGLISH else "。"
    effect = EFFECTS[situation][words is CHINESE] if situation in EFFECTS else words.effects[group]
    remedy = f"{_sentence(what)}{stop}\n" + (f"\n```sh\n{text}\n```\n" if (text := example(situation)) else "")
    links = [f"[{words.back}](README.md)"]
    if advice.more:
        links.insert(0, _link(words, advice.more))
    return "".join(
        [
            GENERATED.format(source="planning/messages/next_steps.py"),
            f"# {_title(words, situation)}\n\n",
            f"{words.shows}: {_shows(words, situation)}\n"
            if words is ENGLISH
            else f"{words.shows}：{_shows(words, situation)}\n",
            f"\n## {words.means}\n\n{_sentence(why)}{stop}\n\n{effect}\n",
            f"\n## {words.look}\n\n```sh\n{LOOK}\n```\n",
            f"\n## {words.remedy}\n\n{remedy}",
            f"\n## {words.over}\n\n```sh\n{OVER[group == 0]}\n```\n",
            f"\n## {words.more}\n\n",
            "".join(f"- {each}\n" for each in links),
        ]
    )


def _title(words: Words, situation: Situation) -> str:
    return title(situation) if words is ENGLISH else TEXTS[situation].title


def _shows(words: Words, situation: Situation) -> str:
    shows = ADVICE[situation].shows
    if words is ENGLISH:
        return shows
    return TEXTS[situation].shows or shows.replace("`, `", "`、`")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _link(words: Words, more: str) -> str:
    """Return the links of a row, which are written for docs/operations.md, for a page in the folder of a language."""
    up = "../" if words is ENGLISH else "../../"
    if words is CHINESE:
        more = _LINK_TEXT.sub(lambda text: f"[{LINK_TEXTS[text[1]]}]", more).replace(", ", "、")
    return _TARGET.sub(lambda link: f"]({up}operations.md#{link[2]})" if link[1] else f"]({up}{link[2]})", more)
