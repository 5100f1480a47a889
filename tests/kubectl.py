"""The real kubectl, as a person would use it. What most tests do many times goes to the API server by itself."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Self

from dev import StackError
from tests.admin import Admin
from tests.eventually import DEADLINE

Object = dict[str, Any]


class KubectlError(Exception):
    """The API server refused, or kubectl ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster and one namespace.

    Reading, creating, applying and patching are the requests that kubectl would make, without its process.
    """

    program: Path
    kubeconfig: Path
    admin: Admin = field(repr=False)
    namespace: str = "default"

    def within(self, namespace: str) -> "Kubectl":
        """Give the same for another namespace."""
        return replace(self, namespace=namespace)

    def command(self, *arguments: str) -> list[str]:
        """Give the command line."""
        return [str(self.program), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]

    def __call__(self, *arguments: str, body: object = None) -> str:
        """Run it and give what it printed. Raises KubectlError."""
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        done = subprocess.run(self.command(*arguments), input=text, text=True, capture_output=True, timeout=180)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply objects. Raises KubectlError."""
        _asked(lambda: [self.admin.apply(each, self.namespace) for each in objects])

    def create(self, *objects: Object) -> None:
        """Create objects. Raises KubectlError."""
        _asked(lambda: [self.admin.create(each, self.namespace) for each in objects])

    def get(self, kind: str, name: str) -> Object:
        """Read an object. Raises KubectlError when it is not there."""
        answer = self.find(kind, name)
        if answer is None:
            raise KubectlError(f"{kind} {name} not found")
        return answer

    def find(self, kind: str, name: str) -> Object | None:
        """Read an object, None when it is not there."""
        answer = self.admin.get(kind, name, self.namespace)
        if answer is not None:
            answer["metadata"].pop("managedFields", None)  # kubectl does not show them
        return answer

    def wait(self, condition: str, target: str, seconds: float) -> None:
        """Run `kubectl wait`. Raises KubectlError when the time is over."""
        self("wait", f"--for={condition}", target, f"--timeout={seconds:g}s")

    def patch(self, target: str, body: Object, subresource: str = "") -> None:
        """Merge a patch into `<kind>/<name>`. Raises KubectlError."""
        kind, _, name = target.partition("/")
        _asked(lambda: self.admin.patch(kind, name, body, self.namespace, subresource))

    def watch(self, kind: str) -> "Watch":
        """Follow all objects of a kind, from before anything happens to them."""
        return Watch(self.command("get", kind, "--watch", "--output-watch-events", "-o", "json"))


def _asked(call: Callable[[], object]) -> None:
    try:
        call()
    except StackError as error:
        raise KubectlError(str(error)) from error


@dataclass
class Watch:
    """A running `kubectl get --watch`: every state that an object had, in order; readable afterwards, too."""

    arguments: list[str]
    _out: IO[bytes] = field(default_factory=tempfile.NamedTemporaryFile)
    _log: IO[bytes] = field(default_factory=tempfile.NamedTemporaryFile)
    _process: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> Self:
        """Return once kubectl has listed what is there, so that nothing after this moment is missed."""
        self._process = subprocess.Popen([*self.arguments, "-v=6"], stdout=self._out, stderr=self._log)
        deadline = time.monotonic() + DEADLINE
        while "watch=true" not in Path(self._log.name).read_text():
            assert time.monotonic() < deadline, f"kubectl does not watch: {Path(self._log.name).read_text()}"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=10)

    def seen(self, name: str) -> list[Object]:
        """Give every state of one object so far, the oldest first."""
        events = _documents(Path(self._out.name).read_text())
        return [each["object"] for each in events if each["object"]["metadata"]["name"] == name]

    def statuses(self, name: str) -> list[Object]:
        """Give every status of one object so far that was not empty."""
        return [each["status"] for each in self.seen(name) if each.get("status")]

    def until(self, name: str, holds: Callable[[Object], bool], seconds: float = DEADLINE) -> Object:
        """Return the first status for which `holds`. Raises TimeoutError with the last one."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.statuses(name)
            for status in found:
                if holds(status):
                    return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not come to it within {seconds:g} s; last: {found[-1:]}")
            time.sleep(0.05)


def _documents(text: str) -> list[Object]:
    """Split a stream of JSON documents; one that is not yet complete at the end is left out."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while (position := text.find("{", position)) >= 0:
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            break
        found.append(document)
    return found
