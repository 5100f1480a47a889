"""Bridges as processes of their own, for tests that kill or stop them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dev.stack import Stack
from tests.eventually import DEADLINE

REPOSITORY = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def process(stack: Stack, module: str, *args: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module with the bridge's rights; it is killed at the end if it still runs."""
    variables = {**os.environ, **stack.env("bridge"), "PYTHONUNBUFFERED": "1", **env}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *args, cwd=REPOSITORY, env=variables, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def says(running: asyncio.subprocess.Process, words: str, seconds: float = DEADLINE) -> str:
    """Read its log until a line holds these words, and give that line."""
    assert running.stderr is not None
    async with asyncio.timeout(seconds):
        async for line in running.stderr:
            if words in line.decode():
                return line.decode()
    raise AssertionError(f"it ended without saying {words!r}")
