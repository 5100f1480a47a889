"""`make stack` and `make stack-down`, and what may happen between them."""

import os
import signal
import subprocess

from dev.layout import load
from dev.process import answers, find
from dev.stack import Stack
from tests.dev.test_ports import taken
from tests.dev.whole_stack import INTERRUPTED, PROCESSES, WholeStack
from tests.eventually import until

REMEMBER = "kubectl create configmap remembered --from-literal=a=b --dry-run=client -o yaml | kubectl apply -f -"


def test_it_offers_what_a_person_and_a_script_need(whole_stack: WholeStack) -> None:
    said = whole_stack.up()

    assert "The stack is ready" in said
    assert set(whole_stack.pids()) == PROCESSES
    assert "drplanexecutions.dr.bkbcs.tencent.com" in whole_stack.shell("kubectl get crd -o name")
    assert "drplanNamespace" in whole_stack.shell("temporal operator search-attribute list")
    port = load(whole_stack.layout.ports_file)["temporal-ui"]
    assert answers(f"http://127.0.0.1:{port}/healthz")


def test_the_server_says_which_version_it_is(whole_stack: WholeStack) -> None:
    whole_stack.up()

    assert "Server Version: v1.36" in whole_stack.shell("kubectl version")


def test_started_again_it_starts_nothing(whole_stack: WholeStack) -> None:
    whole_stack.up()
    before = whole_stack.pids()

    said = whole_stack.up()

    assert whole_stack.pids() == before
    assert "started" not in said


def test_a_killed_worker_is_brought_back_and_nothing_else_is_touched(whole_stack: WholeStack) -> None:
    whole_stack.up()
    before = whole_stack.pids()
    whole_stack.kill("worker")

    said = whole_stack.up()

    after = whole_stack.pids()
    assert said.splitlines()[0] == "started worker"
    assert {name for name in PROCESSES if before[name] != after[name]} == {"worker"}


def test_ended_and_started_it_is_the_same_stack(whole_stack: WholeStack, stranger: "subprocess.Popen[bytes]") -> None:
    whole_stack.up()
    whole_stack.shell(REMEMBER)
    ports = load(whole_stack.layout.ports_file)

    said = whole_stack.down()
    assert all(name in said for name in PROCESSES)
    assert whole_stack.pids() == {}
    assert "Nothing of this stack was running" in whole_stack.down()
    assert stranger.poll() is None

    whole_stack.up()
    assert load(whole_stack.layout.ports_file) == ports
    assert whole_stack.shell("kubectl get configmap remembered -o jsonpath='{.data.a}'") == "b"


def test_after_a_crash_it_comes_back_whatever_lies_in_its_way(
    whole_stack: WholeStack, stranger: "subprocess.Popen[bytes]"
) -> None:
    whole_stack.up()
    whole_stack.shell(REMEMBER)
    ports = load(whole_stack.layout.ports_file)
    pid_files = {name: whole_stack.layout.pid_file(name) for name in PROCESSES}
    whole_stack.kill(*PROCESSES)
    for file in pid_files.values():
        file.write_text(f"{stranger.pid}\n")

    with taken(ports["etcd"]), taken(ports["temporal"]):
        whole_stack.up()

    now = load(whole_stack.layout.ports_file)
    assert {name for name in ports if ports[name] != now[name]} == {"etcd", "temporal"}
    assert stranger.poll() is None
    assert whole_stack.shell("kubectl get configmap remembered -o jsonpath='{.data.a}'") == "b"
    assert "default" in whole_stack.shell("temporal operator namespace list")


def test_two_stacks_run_side_by_side(whole_stack: WholeStack, stack: Stack) -> None:
    whole_stack.up()

    assert not set(load(whole_stack.layout.ports_file).values()) & set(stack.ports.values())
    assert stack.kubectl("get", "--raw=/readyz").stdout == "ok"


def test_after_ctrl_c_in_the_middle_the_next_start_completes_it(new_stack: WholeStack) -> None:
    process = new_stack.start("-m", "dev", "up")
    until(lambda: find(new_stack.layout, "temporal") is not None)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode in INTERRUPTED
    assert "Interrupted" in said
    begun = new_stack.pids()

    new_stack.up()

    assert set(new_stack.pids()) == PROCESSES
    assert begun.items() <= new_stack.pids().items()


def test_data_of_a_first_start_that_was_cut_off_is_no_obstacle(new_stack: WholeStack) -> None:
    process = new_stack.start("-m", "dev", "up")
    database = new_stack.layout.data / "temporal.db"
    until(database.exists)
    process.kill()
    process.wait()
    new_stack.kill(*new_stack.pids())
    database.write_bytes(database.read_bytes()[:4096])

    new_stack.up()

    assert set(new_stack.pids()) == PROCESSES


def test_a_stack_that_never_was_is_ended_without_a_trace(new_stack: WholeStack) -> None:
    new_stack.folder.rmdir()

    assert "There is no stack" in new_stack.down()

    assert not new_stack.folder.exists()
    new_stack.folder.mkdir()
