"""The numeric profile: set before torch, refused after, and nothing imported too early."""

from __future__ import annotations

import os
import subprocess
import sys

from databright.programs.numeric_profile import PROFILE, profile_env


def _python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in PROFILE.env}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_room_does_not_import_torch() -> None:
    code = (
        "import sys, databright.programs, databright.programs.run, databright.programs.validate\n"
        "import databright.programs.export, databright.programs.schedule\n"
        "from databright.programs.builders import builder\n"
        "builder('mlp')((4,), 2, 0); builder('small_cnn')((1, 4, 4), 2, 0)\n"
        "print('torch' in sys.modules)"
    )
    done = _python(code, {})
    assert done.stdout == "False\n", done.stderr


def test_profile_env_is_a_fresh_copy() -> None:
    first = profile_env()
    first["OMP_NUM_THREADS"] = "8"
    assert profile_env()["OMP_NUM_THREADS"] == "1"
    assert PROFILE.name == "avx2-1t-v1"


def test_entering_before_torch_sets_threads_determinism_and_vector_width() -> None:
    code = (
        "from databright.programs.numeric_profile import enter_profile\n"
        "enter_profile(); enter_profile()\n"
        "import torch\n"
        "print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),"
        " torch.backends.cpu.get_cpu_capability())"
    )
    assert _python(code, {}).stdout == "1 True AVX2\n"


def test_entering_after_torch_is_refused_unless_the_process_was_started_so() -> None:
    code = (
        "import os, torch\n"
        "from databright.errors import ConfigError\n"
        "from databright.programs.numeric_profile import enter_profile, profile_env\n"
        "os.environ.update(profile_env())\n"
        "try:\n"
        "    enter_profile()\n"
        "    print('entered')\n"
        "except ConfigError as error:\n"
        "    print('refused', 'ATEN_CPU_CAPABILITY is unset' in str(error))"
    )
    assert _python(code, {}).stdout == "refused True\n"
    assert _python(code, profile_env()).stdout == "entered\n"
