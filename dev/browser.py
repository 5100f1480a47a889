"""Chromium without a window, driven through its DevTools protocol: for the pictures in docs/, and for tests of pages.

A few commands of the protocol are enough, so that no driver of 40 MB with a browser of its own has to be installed.
Source: the Chrome DevTools Protocol, domains Page, Runtime, Emulation, Network and Accessibility.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
START_SECONDS = 120
ANSWER_SECONDS = 60
PAUSE = 0.05
"""Seconds between two looks at something that is waited for."""


class BrowserError(Exception):
    """The browser does not start, or a command of it failed."""


def find_browser() -> str | None:
    """Return the program; None where none is installed. CHROMIUM names another one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        """What the browser told without being asked: requests, messages of the console, errors of scripts."""

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result. Raises BrowserError."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") != number:
                    self.events.append(message)
                elif "error" in message:
                    raise BrowserError(f"{method}: {message['error']['message']}")
                else:
                    result: dict[str, Any] = message["result"]
                    return result

    async def size(self, width: int, height: int) -> None:
        """Make the window as large as that, in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    async def goto(self, url: str, seconds: float = ANSWER_SECONDS) -> None:
        """Load a page and wait until it is complete. Raises BrowserError, TimeoutError."""
        answer = await self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'", seconds)

    async def value(self, script: str) -> Any:
        """Return what an expression gives, as JSON. Raises BrowserError."""
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    async def until(self, script: str, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until an expression is true. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                with suppress(BrowserError):  # the page is being replaced
                    if await self.value(f"Boolean({script})"):
                        return
                await asyncio.sleep(PAUSE)

    async def key(self, key: str, code: int) -> None:
        """Press a key, by its name and its Windows key code."""
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def picture(self, file: Path, *, left: int = 0, top: int = 0) -> None:
        """Write what the window shows as PNG, without so many pixels at its left and its top."""
        width, height = await self.value("[window.innerWidth, window.innerHeight]")
        clip = {"x": left, "y": top, "width": width - left, "height": height - top, "scale": 1}
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser_page(headers: dict[str, str] | None = None) -> AsyncIterator[Page]:
    """Start a browser with a profile of its own and yield its page; `headers` go with every request.

    Raises BrowserError where none is installed, or it does not start.
    """
    program = find_browser()
    if program is None:
        raise BrowserError("No Chromium is installed. On Debian and Ubuntu: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        options = [*_OPTIONS, f"--user-data-dir={profile}"]
        # Root cannot use the sandbox; what is loaded comes from this machine.
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            [program, *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port = await _port(Path(profile), process)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    targets = await answer.json()
                address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Runtime", "Network", "Log"):
                        await page.send(f"{domain}.enable")
                    if headers:
                        await page.send("Network.setExtraHTTPHeaders", headers=headers)
                    yield page
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def _port(profile: Path, process: "subprocess.Popen[bytes]") -> int:
    """Wait until the browser has written on which port it listens. Raises BrowserError."""
    file = profile / "DevToolsActivePort"
    for _ in range(int(START_SECONDS / PAUSE)):
        if process.poll() is not None:
            raise BrowserError(f"The browser ended with exit code {process.returncode}")
        if file.exists() and (text := file.read_text()).count("\n"):
            return int(text.split("\n", 1)[0])
        await asyncio.sleep(PAUSE)
    raise BrowserError(f"The browser has not started within {START_SECONDS} s")
