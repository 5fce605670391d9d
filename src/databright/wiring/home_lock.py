"""A file that one program at a time holds."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from databright.errors import ConfigError


def take_lock(file: Path, refusal: str) -> IO[bytes]:
    """Take a lock, or refuse at once when another program has it.

    Args:
        file: the lock; made when it is not there.
        refusal: what to say when it is taken.

    Returns:
        The lock, held until it is closed or the process ends, however it ends.

    Raises:
        ConfigError: another program has it.
    """
    held = file.open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise ConfigError(refusal) from error
    return held
