"""Play the demo for a range of seeds, check each run with tests/verifier, write the evidence page.

`python scripts/play_seeds.py 1 10` plays seeds 1 to 10 and the first one twice, prints a row for
each and writes docs/evidence/demo-seeds-1-10.md. It ends with 1 if any row is not as it should be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "evidence"
HEAD = (
    "| seed | accepted | flipped | copy of | liar alone | difference | owners needed | accuracy | "
    "weights | verifier | seconds |"
)


def play(seed: int, folder: Path) -> tuple[dict[str, Any], Path, float]:
    """Play one seed in a fresh home and home directory.

    Args:
        seed: the demo's seed.
        folder: an empty folder.

    Returns:
        The story, the home folder, and the seconds that it took.
    """
    out, home = folder / "out.json", folder / "home"
    began = time.monotonic()
    words = ["--once", "--json", str(out), "--seed", str(seed), "--home", str(home)]
    subprocess.run(
        [sys.executable, "-m", "databright.cli.main", "demo", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    return json.loads(out.read_text()), home, time.monotonic() - began


def row(story: dict[str, Any], home: Path, took: float) -> tuple[str, bool]:
    """Judge one run.

    Args:
        story: the demo's JSON.
        home: its home folder.
        took: seconds.

    Returns:
        A row of the table, and whether all of it is right.
    """
    (home / "judged.json").write_text(json.dumps(story))
    verified = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests" / "verifier" / "verify.py"),
            *("--story", str(home / "judged.json"), "--home", str(home)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    proposals = story["proposals"]
    accepted = [p["id"] for p in proposals if p["verdict"] == "accepted"]
    honest = [p["id"] for p in proposals if p["kind"] == "honest"]
    flipped = next(p for p in proposals if p["kind"] == "flipped")
    copy = next(p for p in proposals if p["kind"] == "copy")
    liars = {r["worker"] for r in story["job"]["rejected_results"]}
    accuracy = story["job"]["holdout_accuracy"]
    right = (
        accepted == honest
        and len(honest) == 5
        and flipped["verdict"] == copy["verdict"] == "rejected"
        and flipped["ci95"][1] < 0
        and copy["copy_of"] in honest
        and len(liars) == 1
        and story["conservation"]["difference"] == "0"
        and story["refused_plan"]["owners_needed"] == 60
        and accuracy >= 0.93
        and verified.returncode == 0
    )
    cells = [
        story["seed"],
        len(accepted),
        f"{flipped['verdict']}, {flipped['log_loss_gain']:+.3f}",
        copy["copy_of"],
        "yes" if len(liars) == 1 else f"{len(liars)} rejected",
        story["conservation"]["difference"],
        story["refused_plan"]["owners_needed"],
        f"{accuracy:.4f}",
        f"`{story['job']['weights_sha256'][:16]}`",
        verified.stdout.strip().splitlines()[-1] if verified.stdout.strip() else "no answer",
        f"{took:.0f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |", right


def main() -> int:
    """Play, judge, write.

    Returns:
        0 when every run is right and the repeated seed gave the same weights.
    """
    first, last = int(sys.argv[1]), int(sys.argv[2])
    rows, good, weights = [], True, []
    for seed in [*range(first, last + 1), first]:
        with tempfile.TemporaryDirectory() as folder:
            story, home, took = play(seed, Path(folder))
            line, right = row(story, home, took)
        good = good and right
        rows.append(line + ("" if right else " **wrong**"))
        weights.append((seed, story["job"]["weights_sha256"]))
        sys.stdout.write(rows[-1] + "\n")
        sys.stdout.flush()
    same = weights[0][1] == weights[-1][1]
    text = [
        "# The demo over seeds",
        "",
        f"Written by `python scripts/play_seeds.py {first} {last}` on "
        f"{datetime.now(UTC):%Y-%m-%d}. Each run starts from an empty home folder; the last one",
        "repeats the first seed. The verifier is `tests/verifier`, which imports nothing of this",
        "project.",
        "",
        HEAD,
        "|" + "---|" * 11,
        *rows,
        "",
        f"The repeated seed gave {'the same' if same else 'OTHER'} weights.",
    ]
    PAGES.mkdir(parents=True, exist_ok=True)
    (PAGES / f"demo-seeds-{first}-{last}.md").write_text("\n".join(text) + "\n")
    return 0 if good and same else 1


if __name__ == "__main__":
    sys.exit(main())
