"""The story's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from databright.lifecycle import STEPS, Step, diagram, missing_steps

WHOLE = [step.event for step in STEPS]


def test_the_whole_story_misses_nothing() -> None:
    assert missing_steps(WHOLE) == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.event))
def test_a_step_left_out_is_named_unless_it_is_optional(step: Step) -> None:
    found = missing_steps([name for name in WHOLE if name != step.event])
    assert found == ([] if step.optional else [step.event])


def test_a_step_out_of_order_is_named() -> None:
    story = [name for name in WHOLE if name != "JobOpened"]
    story.insert(0, "JobOpened")
    assert "JobOpened" not in missing_steps(WHOLE)
    assert missing_steps(story) != []


def test_the_docs_draw_this_very_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "design" / "lifecycle.md"
    assert diagram() in page.read_text()
