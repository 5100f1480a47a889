"""`drplan` beside a running installation: what it shows in a terminal and in a pipe, and how it ends."""

import os
import pty
import shlex
import subprocess
import sys
import threading
from pathlib import Path

from tests.e2e.story import Story
from tests.eventually import until

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "cli.main"]


def environment(story: Story) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(story.kubectl.kubeconfig), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}


def drplan(story: Story, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, *arguments, "-n", story.namespace]
    return subprocess.run(command, env=environment(story), cwd=REPOSITORY, text=True, capture_output=True, timeout=120)


class Watching:
    """`drplan watch` in a terminal of 80 by 24."""

    def __init__(self, story: Story, name: str) -> None:
        ours, theirs = pty.openpty()
        command = [*COMMAND, "watch", name, "-n", story.namespace]
        size = {"COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            command, env=environment(story) | size, cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.text = ""
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def _read(self, terminal: int) -> None:
        raw = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # Linux reports the end of a terminal so
                return
            if not part:
                return
            raw += part
            self.text = raw.decode("utf-8", "replace")

    def ended(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return code


def test_a_person_executes_watches_reverts_waits_and_cancels(story: Story) -> None:
    held = story.makes("held", held=True, timeout="2m")
    story.plan("shop", {"flow": [story.makes("first"), held]})

    preview = drplan(story, "preview", "shop")
    assert preview.returncode == 0
    execute = next(line for line in preview.stdout.splitlines() if "--preview-digest" in line)
    done = drplan(story, *shlex.split(execute)[1:], "--name", "move")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "drplanexecution/move created"
    assert [
        line for line in lines if line.endswith("move/flow-stage/0-flow: Succeeded  Workflow executed successfully")
    ]
    assert len(lines) == len(set(lines))

    drplan(story, "revert", "@latest", "--name", "back", "--no-wait")
    watching = Watching(story, "back")
    until(lambda: "make-held" in watching.text and "running" in watching.text, "the screen")
    shown = drplan(story, "status").stdout
    assert shown.splitlines()[0].startswith("▶ back  Running  Revert of move, plan shop")
    story.let_go("held")
    assert watching.ended() == 0
    assert "\x1b[?25l" in watching.text
    assert "✔" in watching.text.rpartition("\x1b[J")[2]
    listed = drplan(story, "list", "-o", "wide").stdout.splitlines()
    assert [line.split()[:4] for line in listed[1:3]] == [
        ["back", "shop", "Revert", "Succeeded"],
        ["move", "shop", "Execute", "Succeeded"],
    ]
    assert listed[3].split()[1:5] == ["shop", "Preview:", "Execute", "Succeeded"]

    drplan(story, "execute", "shop", "--name", "again")
    drplan(story, "revert", "again", "--name", "stopped", "--no-wait")
    until(lambda: story.kubectl.get("configmap", "held")["metadata"].get("deletionTimestamp"), "the deletion")
    drplan(story, "cancel", "stopped", "--no-wait")
    assert drplan(story, "wait", "stopped", "--timeout", "1s").returncode == 1
    story.let_go("held")
    waited = drplan(story, "wait", "stopped", "--timeout", "90s")
    assert (waited.returncode, waited.stdout.split(":")[0]) == (1, "drplanexecution/stopped Canceled")
