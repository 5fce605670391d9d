"""One run of the demo, from an empty home folder to a ledger that balances."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databright.chain.devnet import launcher
from databright.data_market.docket import Docket
from databright.errors import ChainError
from databright.lifecycle import missing_steps
from databright.units import Address
from databright.wiring.demo.acts import play_proposal, sell_shares
from databright.wiring.demo.cast import INVESTOR, draw_cast
from databright.wiring.demo.ending import (
    PROOF_FILE,
    claim_everything,
    prove_point,
    retire_holdout,
    take_down,
)
from databright.wiring.demo.export import export_chain
from databright.wiring.demo.page import story_page
from databright.wiring.demo.play import Stage, lend_to_oracle, open_dataset, set_up
from databright.wiring.demo.report import Played, build_story
from databright.wiring.demo.shown import Shown
from databright.wiring.demo.train import await_job, open_job, refused_plan, sell_prediction
from databright.wiring.local_market import CHAIN_FOLDER, LocalMarket

STORY_PAGE = "story.html"
STORY_JSON = "story.json"


@dataclass
class Told:
    """What a run has told so far.

    Attributes:
        story: the JSON.
        page_url: address of the market's page.
        lines: the lines that were printed.
    """

    story: dict[str, Any] = field(default_factory=dict)
    page_url: str = ""
    lines: list[str] = field(default_factory=list)


def play_demo(
    market: LocalMarket, seed: int, say: Callable[[str], None], *, page_port: int = 0
) -> Told:
    """Play the whole story in a fresh home folder; the processes go on running after it.

    Args:
        market: processes and keys of the home folder.
        seed: draws the rows, who is who, and the job's batches.
        say: prints a line.
        page_port: port of the page, 0 for a free one.

    Returns:
        What was told.

    Raises:
        ChainError: something did not happen, or the ledger does not balance.
    """
    told = Told()
    began = time.monotonic()

    def tell(line: str) -> None:
        told.lines.append(line)
        say(f"[{time.monotonic() - began:6.1f} s] {line}")

    stage = Stage(market, draw_cast(seed), tell)
    told.page_url = set_up(stage, page_port=page_port)
    tell(f"The market's page: {told.page_url}")
    open_dataset(stage)
    lend_to_oracle(stage)
    docket = Docket(stage.registry)
    for part in stage.cast.parts:
        play_proposal(stage, part, docket)
    refused = refused_plan(stage)
    job = open_job(stage)
    await_job(stage, job)
    sell_shares(stage)
    prediction = sell_prediction(stage, job)
    prove_point(stage)
    retire_holdout(stage)
    take_down(stage)
    claim_everything(stage)
    kinds = {stage.proposals[part.name]: part.kind for part in stage.cast.parts}
    names = {address: name for name, address in stage.addresses.items()}
    record = launcher.read(market.home / CHAIN_FOLDER)
    played = Played(
        seed=seed,
        names=names,
        kinds=kinds,
        shown=_shown(stage),
        refused=(refused.cap_bps, refused.owners_needed, refused.owners_available),
        job=job,
        prediction=prediction,
        anvil=record.version,
    )
    told.story = build_story(stage.open.contracts, stage.open.store, played)
    _check(stage, told.story)
    tell(
        f"The ledger balances: {told.story['conservation']['in']} in, "
        f"{told.story['conservation']['out']} out, {told.story['conservation']['held']} held."
    )
    _leave_behind(market.home, told, names, stage)
    return told


def _shown(stage: Stage) -> Shown:
    def decided(duty: str) -> int:
        return stage.proposals[stage.cast.on_duty(duty).name]

    flipped = next(part for part in stage.cast.parts if part.kind == "flipped")
    return Shown(
        batch=decided("batch"),
        revision=decided("revision"),
        override=decided("override"),
        relay=decided("relay"),
        challenge=stage.proposals[flipped.name],
        transfer=decided("override"),
        seller=stage.addresses[stage.cast.on_duty("override").name],
        buyer=stage.addresses[INVESTOR],
        takedown=stage.takedown,
        proof=stage.market.home / PROOF_FILE,
    )


def _check(stage: Stage, story: dict[str, Any]) -> None:
    missing = missing_steps(event.name for event in stage.open.contracts.events())
    if missing:
        raise ChainError(f"the story is not whole: {', '.join(missing)} did not happen in order")
    if story["conservation"]["difference"] != "0":
        raise ChainError(f"the ledger does not balance: {story['conservation']}")


def _leave_behind(home: Path, told: Told, names: dict[Address, str], stage: Stage) -> None:
    (home / STORY_JSON).write_text(json.dumps(told.story, indent=2) + "\n")
    (home / STORY_PAGE).write_text(
        story_page(told.story, told.lines, {str(a): name for a, name in names.items()})
    )
    export_chain(stage.open.contracts, home)
