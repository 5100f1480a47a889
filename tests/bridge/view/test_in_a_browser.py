"""The view in a real browser, at the widths of a telephone, a tablet and a desk: layout, keyboard, updates, names."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev.browser import Page, browser_page, find_browser
from tests.bridge.view.viewed import ALL, Api, condition, execution, plan, viewing

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium here: apt-get install chromium")

WIDTHS = (360, 768, 1440)
LONG = "a-plan-with-a-name-as-long-as-kubernetes-takes-them-" * 4
PAGES = ("/plans", "/plans/team/shop", "/executions", "/executions/team/shop-1")
UNNAMED = """
[...document.querySelectorAll('a, button, input:not([type=hidden])')].filter(each => {
  const label = each.id && document.querySelector(`label[for="${each.id}"]`);
  return !(each.textContent.trim() || each.getAttribute('aria-label') || label);
}).map(each => each.outerHTML)
"""
CONTRAST = """
(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = each => {
    for (let node = each; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const each of document.querySelectorAll('body *')) {
    const own = [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || each.closest('.hidden-text, .skip, noscript, script')) continue;
    const pair = [parse(getComputedStyle(each).color), background(each)].map(luminance).sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) poor.add(`${each.tagName}.${each.className}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
})()
"""


@pytest.fixture(scope="module")
def api() -> Api:
    api = Api()
    lock = {"name": "shop-1", "namespace": "team", "uid": "uid-shop-1"}
    history = [{"name": "shop-1", "namespace": "team", "operationType": "Execute", "phase": "Running"}]
    found = [condition("Executed", "True", "shop-0 executed it"), condition("Executable", "False", "1 obstacle: x")]
    api.add(
        plan("shop", phase="Ready", currentExecution=lock, executionHistory=history, conditions=found),
        plan(LONG[:200], "elsewhere", phase="Invalid"),
        execution("shop-1"),
    )
    return api


@pytest.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory, api: Api) -> AsyncIterator[str]:
    async with viewing(tmp_path_factory.mktemp("view"), api) as url:
        yield url


@pytest.fixture(scope="module")
async def page(url: str) -> AsyncIterator[Page]:
    """A browser in which somebody has signed in with the form."""
    async with browser_page() as page:
        await page.goto(f"{url}/plans")
        await page.value(f"document.getElementById('token').value = '{ALL}'")
        await page.value("document.querySelector('form.login').requestSubmit()")
        await page.until("document.querySelector('h1')?.textContent === 'Plans'")
        yield page


def faults(page: Page) -> list[Any]:
    """What the browser complained about: errors of scripts, refusals by the content security policy."""
    logged = [event["params"]["entry"] for event in page.events if event.get("method") == "Log.entryAdded"]
    thrown = [event["params"] for event in page.events if event.get("method") == "Runtime.exceptionThrown"]
    return [each for each in logged if each["level"] == "error"] + thrown


@pytest.mark.parametrize("width", WIDTHS)
async def test_every_page_fits_and_can_be_read_and_named(page: Page, url: str, width: int) -> None:
    await page.size(width, 900)
    for path in PAGES:
        await page.goto(url + path)
        assert await page.value("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} at {width}"
        assert await page.value(UNNAMED) == [], path
        assert await page.value("document.querySelectorAll('h1').length") == 1
        assert await page.value("['header', 'main', 'footer'].every(each => document.querySelector(each))")
        assert await page.value("[...document.querySelectorAll('th')].every(each => each.scope)")
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await page.send("Emulation.setEmulatedMedia", features=features)
            assert await page.value(CONTRAST) == [], f"{path} in the {scheme} scheme"
    assert faults(page) == []


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page, url: str) -> None:
    await page.size(1440, 900)
    await page.goto(f"{url}/executions/team/shop-1")
    reached = []
    for _ in range(10):
        await page.key("Tab", 9)
        reached.append(await page.value("document.activeElement.textContent.trim() || document.activeElement.tagName"))
        assert await page.value("getComputedStyle(document.activeElement).outlineStyle") != "none", reached[-1]
    assert reached[:4] == ["Skip to the content", "Plans", "Executions", "Sign out"]
    assert "stage-1" in reached


async def test_a_page_of_something_that_runs_follows_it_and_keeps_the_focus(page: Page, url: str, api: Api) -> None:
    await page.goto(f"{url}/executions/team/shop-1")
    await page.value("[...document.querySelectorAll('a')].find(each => each.textContent === 'stage-1').focus()")
    status = api.objects["drplanexecutions"]["team", "shop-1"]["status"]
    before = dict(status)
    status["message"] = "something new is said"
    await page.until("document.querySelector('main').textContent.includes('something new is said')")
    assert await page.value("document.activeElement.textContent") == "stage-1"
    status.update(phase="Succeeded", completionTime="2026-02-03T10:11:30Z")
    await page.until("document.getElementById('live').textContent === 'Now Succeeded'")
    assert await page.value("document.querySelector('main').dataset.poll") == "0", "and then it is left alone"
    status.clear()
    status.update(before)


async def test_without_scripts_the_tables_are_there(page: Page, url: str) -> None:
    await page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        await page.goto(f"{url}/executions/team/shop-1")
        assert await page.value("document.querySelectorAll('tr.level-3').length") == 12
        assert await page.value("document.querySelectorAll('svg.bar rect').length") > 0
    finally:
        await page.send("Emulation.setScriptExecutionDisabled", value=False)


async def test_what_assistive_technology_is_told(page: Page, url: str) -> None:
    await page.goto(f"{url}/executions/team/shop-1")
    await asyncio.sleep(0)
    answer = await page.send("Accessibility.getFullAXTree")
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", "")) for node in answer["nodes"] if "role" in node
    ]
    roles = {role for role, _ in told}
    assert {"banner", "navigation", "main", "contentinfo", "status", "table", "columnheader", "rowheader"} <= roles
    assert any(role == "rowheader" and name.startswith("Stage stage-1") for role, name in told)
    assert ("columnheader", "Phase") in told
    assert not any(role == "img" and not name for role, name in told)
