"""Run one of our modules so that it dies with the process that started it.

`python -m databright.wiring.leash PARENT MODULE ARGS…` asks the kernel for SIGKILL at the
parent's end, checks that the parent is still there (it may have died in between), and runs
MODULE as the main program in this very process.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Bind this process's life to its parent's.

    Args:
        parent: process id of the process that started this one.

    Raises:
        SystemExit: the parent has ended already.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(f"the process {parent} that started this one has ended")


def main() -> None:
    """Entry point of a leashed child.

    Raises:
        SystemExit: the module is none of ours, or the parent has ended.
    """
    parent, module = int(sys.argv[1]), sys.argv[2]
    if not module.startswith("databright."):
        raise SystemExit(f"{module!r} is not a module of databright")
    die_with_parent(parent)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
