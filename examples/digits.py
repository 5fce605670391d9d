"""Write a folder with everything that is needed to play the market by hand.

Usage: python examples/digits.py FOLDER

The rows are scikit-learn's handwritten digits. The tutorial, docs/tutorial.md, uses the folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from databright.programs.builders import builder
from databright.programs.oplist import program_to_json
from databright.records.tensors import dump_tensors

NUM_CONTRIBUTORS, ROWS_EACH = 3, 300
HOLDOUT_ROWS, SAMPLE_ROWS = 500, 10
NUM_FEATURES, NUM_CLASSES = 64, 10
NODES = ["node-1", "node-2", "node-3", "node-4"]
"""Keys of the trusted nodes that `databright up` runs."""
LICENCE = """Optical recognition of handwritten digits, E. Alpaydin and C. Kaynak (1998),
UCI Machine Learning Repository, doi.org/10.24432/C50P49:
Creative Commons Attribution 4.0 International (CC BY 4.0).
"""
DATASET = {
    "title": "Handwritten digits",
    "description": "Grey images of 8 x 8 points, one digit each.",
    "licence": "CC-BY-4.0",
    "licence_file": "licence.txt",
    "schema": {
        "num_features": NUM_FEATURES, "num_classes": NUM_CLASSES, "low": 0.0, "high": 1.0,
    },
    "program_file": "program.json",
    "weights_file": "weights.safetensors",
    "steps": 80,
    "evaluators": NODES,
    "threshold": 2,
    # In votes, of which accepted data earns a million for each nat that it gains.
    "curators": {"curator": 2_000_000},
    "voting_period": "1h",
    "bond": "1",
    "evaluation_fee": "0.1",
    "price_per_use": "3",
    "prediction_bps": 3000,
    "max_exposure_bps": 7500,
}  # fmt: skip


def write_csv(path: Path, x_NF: NDArray[np.float64], y_N: NDArray[np.int64]) -> None:
    """Write rows: the features, then the label.

    Args:
        path: the file.
        x_NF: features, [N, F].
        y_N: labels, [N].
    """
    lines = [
        ",".join([*(f"{value:g}" for value in x_F), str(label)])
        for x_F, label in zip(x_NF, y_N, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def main(folder: Path) -> None:
    """Write the folder.

    Args:
        folder: made if it is not there; its files are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    x_NF, y_N = load_digits(return_X_y=True)
    x_NF = x_NF / 16.0  # grey values to 0 ... 1, as the dataset's schema says
    order = np.random.default_rng(0).permutation(len(x_NF))
    names = [f"rows-{number}.csv" for number in range(1, NUM_CONTRIBUTORS + 1)]
    sizes = [ROWS_EACH] * NUM_CONTRIBUTORS + [HOLDOUT_ROWS, SAMPLE_ROWS]
    start = 0
    for name, size in zip([*names, "holdout.csv", "sample.csv"], sizes, strict=True):
        chosen = order[start : start + size]
        write_csv(folder / name, x_NF[chosen], y_N[chosen])
        start += size
    program, weights = builder("mlp")((NUM_FEATURES,), NUM_CLASSES, 0)
    (folder / "program.json").write_bytes(program_to_json(program))
    (folder / "weights.safetensors").write_bytes(dump_tensors(weights))
    (folder / "licence.txt").write_text(LICENCE)
    (folder / "dataset.json").write_text(json.dumps(DATASET, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/digits.py FOLDER")
    main(Path(sys.argv[1]))
