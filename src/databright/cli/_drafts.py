"""What the verbs that propose data share: flags, and the draft that they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import typer

from databright.cli._options import address_of
from databright.data_market.proposals import OwnedRows, ProposalDraft
from databright.errors import BadInputError
from databright.records.manifest import sample_evenly
from databright.records.rows import Rows

TITLE = typer.Option("", "--title", help="One line; the file's name when left out.")
DESCRIPTION = typer.Option("", "--description", help="What the rows are.")
PROVENANCE = typer.Option("", "--provenance", help="Where the rows come from.")
PAYEE = typer.Option("", "--payee", help="Who gets shares and award; the signer when left out.")
REQUEST = typer.Option(0, "--request", help="Id of the request that it answers.")
SAMPLE = typer.Option(0, "--sample", help="How many rows everybody may see, spread evenly.")
SAMPLE_ROWS = typer.Option("", "--sample-rows", help="Or which ones, e.g. 0,17,203.")
_PLACES = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*\Z")


def draft_of(
    file: Path,
    data: Rows | Sequence[OwnedRows],
    home: Path | None,
    *,
    title: str,
    description: str,
    provenance: str,
    payee: str = "",
    request: int = 0,
    sample: int = 0,
    sample_rows: str = "",
) -> ProposalDraft:
    """Put together what a contributor says.

    Args:
        file: the file of the rows or of the parts.
        data: the rows.
        home: what --home said, for names of keys.
        title: what --title said.
        description: what --description said.
        provenance: what --provenance said.
        payee: what --payee said.
        request: what --request said.
        sample: what --sample said.
        sample_rows: what --sample-rows said.

    Returns:
        The draft.

    Raises:
        BadInputError: samples that there are not, or both ways of naming them.
    """
    num_rows = len(data) if isinstance(data, Rows) else sum(len(part.rows) for part in data)
    return ProposalDraft(
        title=title or file.name,
        description=description,
        provenance=provenance,
        payee=address_of(payee, home) if payee else None,
        request=request,
        samples=_samples(num_rows, sample, sample_rows),
    )


def _samples(num_rows: int, count: int, places: str) -> tuple[int, ...]:
    if count and places:
        raise BadInputError("say --sample or --sample-rows, not both")
    if count:
        return sample_evenly(num_rows, count)
    if not places:
        return ()
    if not _PLACES.match(places):
        raise BadInputError(f"{places[:60]!r}: name rows from 0, e.g. --sample-rows 0,17,203")
    return tuple(int(place) for place in places.split(","))
