"""A bridge that is killed while it asks for a validation takes that from no other bridge of the tests."""

import subprocess
import sys

from tests.programs import REPOSITORY

_ASK = """
import multiprocessing, socket
from multiprocessing import forkserver

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.aborted_requests"])
forkserver.ensure_running()
for _ in range(3):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.connect(forkserver._forkserver._forkserver_address)
forkserver._forkserver.ensure_running = lambda: None
asked = processes.Process(target=print)
asked.start()
asked.join()
raise SystemExit(asked.exitcode)
"""


def test_a_connection_that_ends_before_its_request_leaves_the_server_alive() -> None:
    asked = subprocess.run([sys.executable, "-c", _ASK], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stderr) == (0, "")
