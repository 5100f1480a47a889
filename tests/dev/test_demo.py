"""`make demo` shows the main job, again and again, and clears what an interrupted one left."""

import http.client
import os
import re
import signal
from urllib.parse import urlsplit

import pytest

from tests.dev.whole_stack import WholeStack

DEMO = ("-m", "dev.demo")
LEFT = "kubectl get localizations,configmaps -o name | grep /demo- || true"


def _story(said: str) -> None:
    steps = ["Preview", "Execute", "A fault", "Revert", "What now?", "Repair", "The end"]
    assert re.findall(r"^── (.*) ──$", said, re.M) == steps
    assert "Preview: would execute the plan: 2 stages, 10 actions executed; nothing was changed" in said
    assert "Plan executed successfully: 2 stages, 10 actions" in said
    assert "ConfigMap demo-shop-settings still exists after 8s, waiting for finalizers example.com/hold" in said
    assert re.search(r"drplan retry demo-revert-\w+ --namespace default --action applications/demo-shop/settings", said)
    assert re.search(r"^\$ drplan retry demo-revert-\w+ --action applications/demo-shop/settings", said, re.M)
    assert re.search(r"^drplanexecution/demo-revert-\w+ retry effective$", said, re.M)
    assert "Plan reverted successfully: 2 stages, 10 actions rolled back" in said
    assert re.search(r"^Waited for people: +\d+s$", said, re.M)
    assert re.search(r"^. proof: ", said, re.M)
    assert "What to try next" in said


@pytest.fixture(scope="module")
def said(whole_stack: WholeStack) -> str:
    """What one demo says where there is no terminal."""
    return whole_stack.run(*DEMO)


def test_it_tells_the_whole_story_in_lines_where_there_is_no_terminal(whole_stack: WholeStack, said: str) -> None:
    _story(said)
    assert re.search(r"demo-revert-\w+/applications/\d-demo-shop/(scale-frontend|settings): Running", said)
    assert "Rolled back: deleted Localization demo-shop-frontend" in said
    assert whole_stack.shell(LEFT) == ""
    assert "Succeeded" in whole_stack.shell("drplan status | head -1"), "the shell of a person has the command"


def test_the_address_leads_to_the_workflow_in_temporals_ui(said: str) -> None:
    found = re.search(r"(http://\S+/namespaces/default/workflows/)(\S+)/(\S+)/history", said)
    assert found is not None
    address = urlsplit(found[1])
    # The page itself is drawn by the browser; it asks the UI's server for this.
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    connection.request("GET", f"/api/v1/namespaces/default/workflows/{found[2]}?execution.runId={found[3]}")
    answer = connection.getresponse()
    assert (answer.status, b"RevertPlan" in answer.read()) == (200, True)


def test_after_an_interruption_it_starts_anew(whole_stack: WholeStack) -> None:
    process = whole_stack.start(*DEMO)
    assert process.stdout is not None
    for line in process.stdout:
        if "scale-frontend: Running" in line and "demo-revert" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    _story(whole_stack.run(*DEMO))
    assert whole_stack.shell(LEFT) == ""
