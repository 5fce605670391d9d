"""Running a program: the same bits as eager torch, in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from databright.errors import MalformedDataError, ProgramRejectedError
from databright.programs.builders import builder
from databright.programs.export import export_program
from databright.programs.numeric_profile import profile_env
from databright.programs.oplist import Program, Sgd, program_from_json, program_to_json
from databright.programs.run import predict_logits, train_steps
from databright.programs.schedule import batch_indices

NUM_ROWS, NUM_CLASSES = 60, 5


class Residual(nn.Module):
    """Convolutions, group normalisation, an in-place sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.out = nn.Linear(8, NUM_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = torch.relu(self.norm(self.first(x)))
        changed = self.second(kept)
        changed += kept
        logits: torch.Tensor = self.out(changed.mean((2, 3)))
        return logits


class Transformer(nn.Module):
    """One encoder layer over eight tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.out = nn.Linear(64, NUM_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.layer(x[:, 0]).reshape(x.shape[0], -1))
        return logits


def _perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(inplace=True), nn.Linear(32, NUM_CLASSES)
    )


def _rows() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    x_NF = random.random((NUM_ROWS, 64), dtype=np.float32)
    return x_NF, random.integers(0, NUM_CLASSES, NUM_ROWS)


@pytest.mark.parametrize("make", [_perceptron, Residual, Transformer])
@pytest.mark.parametrize(
    "settings", [Sgd(0.05), Sgd(0.05, 0.9), Sgd(0.05, 0.9, 0.01), Sgd(0.05, 0.0, 0.01)]
)
def test_training_has_the_bits_of_eager_torch(make: Callable[[], nn.Module], settings: Sgd) -> None:
    torch.manual_seed(0)
    module = make()
    program, weights = export_program(
        module,
        torch.zeros(2, 1, 8, 8),
        optimizer=settings,
        batch_size=16,
        num_classes=NUM_CLASSES,
    )
    program = program_from_json(program_to_json(program))
    x_NF, y_N = _rows()
    batches_HB = batch_indices(NUM_ROWS, 12, 16, 1, 0, 0)
    trained = train_steps(program, weights, x_NF, y_N, batches_HB)

    module.train()
    eager = torch.optim.SGD(
        module.parameters(),
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        foreach=False,
    )
    images = torch.from_numpy(x_NF).reshape(-1, 1, 8, 8)
    for batch_B in batches_HB:
        rows = torch.from_numpy(batch_B.astype(np.int64))
        eager.zero_grad()
        labels = torch.from_numpy(y_N)[rows]
        nn.functional.cross_entropy(module(images[rows]), labels).backward()  # type: ignore[no-untyped-call]
        eager.step()
    for name, value in module.named_parameters():
        assert (value.detach().numpy() == trained[name]).all(), name
        assert (weights[name] != trained[name]).any(), name
    with torch.no_grad():
        expected = module(images).numpy()
    assert (predict_logits(program, trained, x_NF) == expected).all()


PROCESS = """
from databright.programs.numeric_profile import enter_profile
enter_profile()
import hashlib
import numpy as np
from databright.programs.builders import builder
from databright.programs.run import predict_logits, train_steps
from databright.programs.schedule import batch_indices
random = np.random.default_rng(5)
x = random.random((100, 64), dtype=np.float32)
y = random.integers(0, 10, 100)
digest = hashlib.sha256()
for name in ("mlp", "small_cnn"):
    program, weights = builder(name)((1, 8, 8), 10, 3)
    batches = batch_indices(100, 10, program.batch_size, 1, 0, 0)
    weights = train_steps(program, weights, x, y, batches)
    for key in sorted(weights):
        digest.update(weights[key].tobytes())
    digest.update(predict_logits(program, weights, x).tobytes())
print(digest.hexdigest())
"""


def test_two_fresh_processes_give_the_same_bytes() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROCESS],
            env={**profile_env(), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(outputs[0]) == 65
    assert outputs[0] == outputs[1]


def test_initial_weights_follow_their_definition() -> None:
    _, weights = builder("mlp")((4,), 3, 9, hidden=5)
    message = b"databright/initial/v1\x00" + (9).to_bytes(32, "big") + b"hidden.weight"
    stream = hashlib.shake_256(message).digest(4 * 20)
    bound = float(np.sqrt(6.0 / 4))
    for index in range(20):
        number = int.from_bytes(stream[4 * index : 4 * index + 4], "little")
        expected = np.float32((number + 0.5) / 2**31 * bound - bound)
        assert weights["hidden.weight"].ravel()[index] == expected
    assert not weights["hidden.bias"].any()
    assert abs(weights["hidden.weight"]).max() <= bound


def test_training_changes_no_input_and_learns() -> None:
    program, weights = builder("mlp")((64,), NUM_CLASSES, 0, batch_size=20)
    x_NF, y_N = _rows()
    before = {name: value.copy() for name, value in weights.items()}
    for value in weights.values():
        value.setflags(write=False)
    x_NF.setflags(write=False)
    trained = train_steps(program, weights, x_NF, y_N, batch_indices(NUM_ROWS, 300, 20, 0, 0, 0))
    assert all((weights[name] == before[name]).all() for name in weights)
    logits_NK = predict_logits(program, trained, x_NF)
    assert (logits_NK.argmax(axis=1) == y_N).mean() == 1.0


def test_predictions_do_not_depend_on_the_rows_after_them() -> None:
    program, weights = builder("mlp")((64,), 10, 0)
    x_NF = np.random.default_rng(1).random((600, 64), dtype=np.float32)
    all_NK = predict_logits(program, weights, x_NF)
    assert all_NK.shape == (600, 10)
    assert (predict_logits(program, weights, x_NF[:512]) == all_NK[:512]).all()


def _small() -> tuple[Program, dict[str, NDArray[Any]]]:
    return builder("mlp")((64,), NUM_CLASSES, 0, batch_size=4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": np.zeros((60, 63), np.float32)}, "float32"),
        ({"x": np.zeros((60, 64), np.float64)}, "float32"),
        ({"x": np.full((60, 64), np.nan, np.float32)}, "NaN"),
        ({"y": np.zeros(59, np.int64)}, "labels"),
        ({"y": np.full(60, NUM_CLASSES, np.int64)}, "labels"),
        ({"y": np.full(60, -1, np.int64)}, "labels"),
        ({"b": np.full((1, 4), 60, np.int32)}, "rows 0 to 59"),
        ({"b": np.full((1, 4), -1, np.int32)}, "rows 0 to 59"),
        ({"b": np.zeros((1, 5), np.int32)}, "int32"),
        ({"b": np.zeros((1, 4), np.int64)}, "int32"),
    ],
)
def test_rows_and_batches_that_do_not_fit_are_refused(
    change: dict[str, NDArray[Any]], words: str
) -> None:
    program, weights = _small()
    x_NF, y_N = _rows()
    given: dict[str, Any] = {"x": x_NF, "y": y_N, "b": np.zeros((1, 4), np.int32), **change}
    with pytest.raises(MalformedDataError, match=words):
        train_steps(program, weights, given["x"], given["y"], given["b"])


def test_weights_that_do_not_fit_are_refused() -> None:
    program, weights = _small()
    x_NF, _ = _rows()
    bias = weights["out.bias"]
    for wrong in (bias[:-1], bias.astype(np.float64), np.full_like(bias, np.inf)):
        with pytest.raises(MalformedDataError, match=r"'out\.bias'"):
            predict_logits(program, {**weights, "out.bias": wrong}, x_NF)
    with pytest.raises(MalformedDataError, match="must be exactly"):
        predict_logits(program, {**weights, "more": bias}, x_NF)


def test_divergence_is_reported() -> None:
    settings = {"batch_size": 20, "lr": 1e4, "weight_decay": 1.0}
    program, weights = builder("mlp")((64,), NUM_CLASSES, 0, **settings)
    x_NF, y_N = _rows()
    with pytest.raises(MalformedDataError, match="diverged"):
        train_steps(program, weights, x_NF, y_N, batch_indices(NUM_ROWS, 60, 20, 0, 0, 0))


class _Dropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(64, NUM_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(nn.functional.dropout(x, 0.5, self.training))
        return logits


class _Aliased(_Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once = self.out(x)
        part = once[:, :2]
        once += 1.0
        logits: torch.Tensor = once + part.sum()
        return logits


class _ChangesInput(_Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.add_(1.0)
        logits: torch.Tensor = self.out(x)
        return logits


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (_Dropout(), "dropout"),
        (nn.Sequential(nn.Linear(64, NUM_CLASSES), nn.BatchNorm1d(NUM_CLASSES)), "GroupNorm"),
        (_Aliased(), "in place"),
        (_ChangesInput(), "in place|change"),
        (nn.Linear(64, NUM_CLASSES + 1), "must give logits"),
        (nn.Linear(64, NUM_CLASSES).double(), "float32"),
    ],
)
def test_modules_that_cannot_be_programs_are_refused(module: nn.Module, words: str) -> None:
    with pytest.raises(ProgramRejectedError, match=words):
        export_program(
            module, torch.zeros(2, 64), optimizer=Sgd(0.1), batch_size=8, num_classes=NUM_CLASSES
        )


def test_export_keeps_no_sample() -> None:
    secret = torch.full((2, 64), 0.123456)
    program, _ = export_program(
        nn.Linear(64, NUM_CLASSES),
        secret,
        optimizer=Sgd(0.1),
        batch_size=8,
        num_classes=NUM_CLASSES,
    )
    assert b"0.1234" not in program_to_json(program)
