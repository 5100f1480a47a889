"""A report holds all that the status says, in each form, and nothing in it is markup by accident."""

import json
from html.parser import HTMLParser

import pytest

from cli.report import FORMS
from cli.run import read_run
from tests.cli.scenarios import NOW, SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_every_part_and_every_message_is_in_it(name: str, form: str) -> None:
    run = read_run(SCENARIOS[name]())
    text = FORMS[form](run, NOW)
    read = "".join(Page(text).texts) if form == "html" else text.replace('\\"', '"')
    for path, node in run.paths:
        assert path[-1] in read
        assert (node.message if node.kind == "action" else "") in read
    assert "shop-back" in read or "shop-move" in read


def test_work_and_waits_are_told_apart() -> None:
    run = read_run(SCENARIOS["paused"]())
    text = FORMS["text"](run, NOW).splitlines()
    assert ("Worked:             8s" in text, "Waiting for people: 1m32s" in text) == (True, True)
    assert json.loads(FORMS["json"](run, NOW))["seconds"]["waitingForPeople"] == 92


def test_json_is_for_programs() -> None:
    report = json.loads(FORMS["json"](read_run(SCENARIOS["forbidden"]()), NOW))
    assert report["counts"]["actions"] == {"total": 5, "succeeded": 3, "failed": 1, "skipped": 1}
    failed = next(node for node in report["nodes"] if node["phase"] == "Failed" and node["kind"] == "action")
    assert (failed["path"], failed["seconds"]) == (["move", "traffic", "loc-b"], 8.0)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    body = SCENARIOS["forbidden"]()
    forged = '<script>alert(1)</script><img src="http://x/">" onload="x'
    body["status"]["message"] = forged
    body["metadata"]["name"] = forged
    page = Page(FORMS["html"](read_run(body), NOW))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert forged in "".join(page.texts)


def test_the_timeline_has_a_bar_for_all_that_has_begun() -> None:
    run = read_run(SCENARIOS["forbidden"]())
    page = Page(FORMS["html"](run, NOW))
    begun = [node for _, node in run.paths if node.start]
    assert page.tags.count("i") == len(begun)


def test_every_form_shows_the_proof_of_each_action() -> None:
    run = read_run(SCENARIOS["differs"]())
    differs = "Localization default/loc-b differs in metadata.labels, spec.overrides[image].value"
    for form in ("text", "html"):
        text = FORMS[form](run, NOW)
        assert f"1 of 2 actions differs: {differs}" in text
        assert text.count(differs) > 1
        assert "nothing to compare" in text
        assert "could not be read" in text
    report = json.loads(FORMS["json"](run, NOW))
    (found,) = [each["proof"] for each in report["nodes"] if each["path"][-1] == "loc-b"]
    assert (found["result"], found["difference"]) == ("Differs", "Changed")
    assert found["fields"] == ["metadata.labels", "spec.overrides[image].value"]
    assert all("proof" not in each for each in report["nodes"] if each["kind"] != "action")
    markdown = FORMS["markdown"](run, NOW)
    assert "## What differs" in markdown
    assert "| Before and now |" in markdown


def test_a_proof_without_a_difference_is_shown_as_well_and_none_is_not() -> None:
    run = read_run(SCENARIOS["verified"]())
    for form, words in (("text", "[as before]"), ("html", "as before"), ("markdown", "as before")):
        text = FORMS[form](run, NOW)
        assert words in text
        assert "are as they were before the Execute" in text
    assert "Before and now" not in FORMS["html"](read_run(SCENARIOS["success"]()), NOW)


def test_a_result_of_a_later_release_is_shown_as_it_is() -> None:
    body = SCENARIOS["verified"]()
    action = body["status"]["stageStatuses"][1]["workflowExecutions"][0]["actionStatuses"][0]
    action["proof"] = {"result": "NewWord", "fields": "x"}
    assert "NewWord" in FORMS["html"](read_run(body), NOW)
    action["proof"] = "nonsense"
    assert "loc-b" in FORMS["html"](read_run(body), NOW)


def test_markdown_of_the_cluster_is_text() -> None:
    body = SCENARIOS["forbidden"]()
    body["status"]["message"] = "a | b <b>c</b> `d`"
    assert r"a \| b \<b\>c\</b\> \`d\`" in FORMS["markdown"](read_run(body), NOW)
