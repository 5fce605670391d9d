"""The numeric profile: the settings under which equal inputs give equal bits.

Thread count, ATen's vector width, MKL's branch and oneDNN's instruction set each change the last
bits of a float32 sum. Replicas are compared by exact hash, so all of them run under one named
profile. Every variable of it is read by a native library at its first use, so it has to be in the
environment before torch is imported: processes that compute are spawned with `profile_env()`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from databright.errors import ConfigError


@dataclass(frozen=True)
class NumericProfile:
    """One numeric class of machines.

    Attributes:
        name: the class's name, recorded with every result.
        env: environment variables that must hold before torch is imported.
        num_threads: threads of one replica.
    """

    name: str
    env: Mapping[str, str]
    num_threads: int


PROFILE = NumericProfile(
    name="avx2-1t-v1",
    env=MappingProxyType(
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_CBWR": "COMPATIBLE",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
    ),
    num_threads=1,
)
"""The one profile of this version."""


def profile_env() -> dict[str, str]:
    """Environment variables to spawn a computing process with.

    Returns:
        A fresh dict, to be merged over the child's environment.
    """
    return dict(PROFILE.env)


def enter_profile() -> None:
    """Put this process under the profile, before it computes anything.

    Safe to call again. Where torch is not imported yet the environment is set here; where it is,
    the variables must have been there when the process started (or a call of this function must
    have set them before that import), since the native libraries may have read them already.

    Raises:
        ConfigError: torch was imported under other settings; nothing was changed.
    """
    if "torch" in sys.modules:
        wrong = _wrong_settings(_settings_seen_by_torch())
        if wrong:
            raise ConfigError(
                f"torch was imported before the numeric profile {PROFILE.name} was set: {wrong}; "
                "start this process with profile_env() in its environment, or call "
                "enter_profile() before torch is imported"
            )
    os.environ.update(PROFILE.env)
    import torch

    torch.set_num_threads(PROFILE.num_threads)
    torch.use_deterministic_algorithms(True)
    torch.__dict__[_MARK] = PROFILE.name


_MARK = "_databright_numeric_profile"


def _settings_seen_by_torch() -> Mapping[str, str]:
    """The environment that the native libraries saw; on Linux as it was at exec."""
    if sys.modules["torch"].__dict__.get(_MARK) == PROFILE.name:
        return PROFILE.env
    at_start = Path("/proc/self/environ")
    if not at_start.exists():
        return os.environ
    entries = at_start.read_bytes().decode("utf-8", "replace").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _wrong_settings(seen: Mapping[str, str]) -> str:
    wrong = [
        f"{name} is {seen.get(name, 'unset')}, not {value}"
        for name, value in PROFILE.env.items()
        if seen.get(name) != value
    ]
    return ", ".join(wrong)
