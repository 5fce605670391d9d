"""A process that does nothing until it is stopped: what supervision is tried out on."""

from __future__ import annotations

import threading


def main() -> None:
    """Wait for a signal."""
    threading.Event().wait()


if __name__ == "__main__":
    main()
