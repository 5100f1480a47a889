"""Every way in which an execution waits or fails has a page, in English and in Chinese, and so has every alert."""

import re

import pytest
import yaml

from dev.pages.alert_runbooks import ALERTS
from dev.pages.runbooks import LINK_TEXTS, file_name, groups, title
from dev.pages.runbooks_zh import TEXTS
from planning.messages.next_steps import ADVICE
from planning.messages.situations import Situation
from tests.docs.pages import REPOSITORY, Page

CHINESE = re.compile("[\u4e00-\u9fff]")


def test_every_row_is_in_one_group_and_has_a_title_of_its_own() -> None:
    assert [each for rows in groups().values() for each in rows] == list(Situation)
    assert len({title(each) for each in Situation}) == len({TEXTS[each].title for each in Situation}) == len(Situation)


@pytest.mark.parametrize("situation", Situation)
def test_every_row_has_its_page_in_both_languages(situation: Situation) -> None:
    english = Page(REPOSITORY / "docs/runbooks" / file_name(situation))
    chinese = Page(REPOSITORY / "docs/zh/runbooks" / file_name(situation))
    assert english.fences("sh") == chinese.fences("sh")
    assert [span for span in english.code_spans() if span not in chinese.code_spans()] == []
    text = TEXTS[situation]
    assert all(CHINESE.search(each) for each in (text.title, text.why, text.what))
    assert bool(text.shows) != ADVICE[situation].shows.startswith("`"), (
        "prose in `shows` is translated, messages are not"
    )


def test_every_link_text_of_the_table_has_a_translation() -> None:
    used = {text for advice in ADVICE.values() for text in re.findall(r"\[([^]]+)\]", advice.more)}
    assert used == LINK_TEXTS.keys()


def test_every_alert_has_its_page() -> None:
    file = REPOSITORY / "deploy/charts/drplan/files/alerts.yaml"
    groups = yaml.safe_load(file.read_text())["groups"] if file.exists() else []
    alerts = {rule["annotations"]["runbook"]: rule["alert"] for group in groups for rule in group["rules"]}
    pages = {f"/runbooks/{name}": runbook.alert for name, runbook in ALERTS.items()}
    assert {path: pages.get(path) for path in alerts} == alerts, "add it to dev/pages/alert_runbooks.py"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_explained_in_both_languages(name: str) -> None:
    runbook = ALERTS[name]
    assert all(CHINESE.search(text) for text in vars(runbook.chinese).values())
    assert not any(CHINESE.search(text) for text in vars(runbook.english).values())
    assert name not in {file_name(each).removesuffix(".md") for each in Situation}
