"""The supervisor: children come back, and none outlives its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databright.errors import ConfigError
from databright.wiring.local_market import wait_until
from databright.wiring.supervisor import ChildSpec, Supervisor

IDLE = "databright.wiring.idle"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs")
    yield made
    made.stop()


def soon(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, timeout_s=20.0, poll_s=0.02)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_a_killed_child_is_started_again(supervisor: Supervisor) -> None:
    supervisor.add(ChildSpec("idle", IDLE))
    soon(lambda: supervisor.pid("idle") is not None, "the first start")
    first = supervisor.kill("idle")
    soon(lambda: supervisor.pid("idle") not in (None, first), "the second start")
    assert supervisor.restarts("idle") == 1


def test_a_name_is_used_once(supervisor: Supervisor) -> None:
    supervisor.add(ChildSpec("idle", IDLE))
    with pytest.raises(ConfigError, match="runs already"):
        supervisor.add(ChildSpec("idle", IDLE))


def test_a_removed_child_stays_down(supervisor: Supervisor) -> None:
    supervisor.add(ChildSpec("idle", IDLE))
    soon(lambda: supervisor.pid("idle") is not None, "the first start")
    pid = supervisor.pid("idle")
    assert pid is not None
    supervisor.remove("idle")
    soon(lambda: not alive(pid), "its end")
    assert supervisor.names() == []


def test_kill_minus_nine_of_the_supervisor_leaves_no_child(tmp_path: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path;"
        "from databright.wiring.supervisor import ChildSpec, Supervisor;"
        "s = Supervisor(Path(sys.argv[1]));"
        f"[s.add(ChildSpec(str(i), {IDLE!r})) for i in range(3)];\n"
        "while not all(s.pid(str(i)) for i in range(3)): threading.Event().wait(0.02)\n"
        "print(*[s.pid(str(i)) for i in range(3)], flush=True); threading.Event().wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 3
        assert all(alive(pid) for pid in children)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        soon(lambda: not any(alive(pid) for pid in children), "the children's end")


def test_a_leash_runs_only_our_modules(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "databright.wiring.leash", str(os.getpid()), "http.server"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "is not a module of databright" in done.stderr
