"""`make pictures`: the pictures of docs/images that show pages, made from a run on the local stack.

A Revert of the example of the demo fails at an object that somebody holds with a finalizer, and both pages show that.
"""

import asyncio
import json
import os
import sys
from unittest import mock
from urllib.parse import quote

import yaml

from bridge.view.pages import Links
from bridge.view.server import serving
from dev import StackError, demo
from dev.browser import BrowserError, browser_page
from dev.layout import REPOSITORY, default_layout
from dev.stack import Stack
from dev.start import start_stack

IMAGES = REPOSITORY / "docs" / "images"
WIDTH, HEIGHT = 1280, 860
UI_MENU = 256
"""Pixels of the menu in Temporal's UI, which is left out, and those above the run."""
UI_HEAD = 110
LARGEST = 150_000
"""Bytes of a picture in the repository."""
EXECUTE, REVERT = "demo-shop-1", "demo-shop-1-back"


def main() -> int:
    """Make the pictures; return the exit code."""
    try:
        stack = start_stack(default_layout())
        _run_example(stack)
        asyncio.run(_make_pictures(stack))
    except (StackError, BrowserError) as error:
        print(error, file=sys.stderr)
        return 1
    large = [file.name for file in (RUN, VIEW) if file.stat().st_size > LARGEST]
    print(f"Larger than {LARGEST} bytes: {', '.join(large)}" if large else f"The pictures are in {IMAGES}.")
    return int(bool(large))


RUN, VIEW = IMAGES / "temporal-ui-run.png", IMAGES / "view.png"


def _run_example(stack: Stack) -> None:
    """Leave a Revert behind that failed at an object which cannot go."""
    demo.clear(stack)
    stack.kubectl("delete", demo.KIND, EXECUTE, REVERT, "--ignore-not-found")
    stack.kubectl("apply", *(f"--filename={demo.EXAMPLE / file}" for file in ("drworkflow.yaml", "drplan.yaml")))
    _execute(stack, "execute.yaml", EXECUTE, {})
    stack.kubectl("patch", "configmap", demo.HELD, "--type=merge", f"--patch={demo.HOLD}")
    _execute(stack, "revert.yaml", REVERT, {"revertExecutionRef": EXECUTE})


def _execute(stack: Stack, file: str, name: str, spec: dict[str, str]) -> None:
    body = yaml.safe_load((demo.EXAMPLE / file).read_text())
    body["metadata"] = {"name": name, "namespace": "default"}
    body["spec"] |= spec
    stack.kubectl("create", "--filename=-", stdin=json.dumps(body))
    stack.kubectl("wait", "--for=condition=Completed", f"{demo.KIND}/{name}", f"--timeout={demo.PATIENCE}s")


async def _make_pictures(stack: Stack) -> None:
    engine = json.loads(stack.kubectl("get", demo.KIND, REVERT, "--output=jsonpath={.status.engine}").stdout)
    run = f"{quote(engine['workflowId'], safe='')}/{engine['runId']}"
    async with browser_page() as page:
        await page.size(WIDTH, HEIGHT)
        await page.goto(f"{stack.temporal_ui}/namespaces/default/workflows/{run}/user-metadata")
        details = "document.getElementById('user-metadata-current-details')?.contentDocument"
        await page.until(f"{details}?.querySelector('table')")
        await page.value("document.fonts.ready.then(() => true)")
        await page.picture(RUN, left=UI_MENU, top=UI_HEAD)
    token = yaml.safe_load(stack.layout.kubeconfig.read_text())["users"][0]["user"]["token"]
    with mock.patch.dict(os.environ, stack.env()):
        view, browser = serving(("127.0.0.1", 0), Links(stack.temporal_ui)), browser_page(_as(token))
        async with view as port, browser as page:
            await page.size(WIDTH, HEIGHT)
            await page.goto(f"http://127.0.0.1:{port}/executions/default/{REVERT}")
            await page.picture(VIEW)


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


if __name__ == "__main__":
    sys.exit(main())
