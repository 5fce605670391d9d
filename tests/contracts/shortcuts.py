"""States of a market that no test can play through, set directly."""

from __future__ import annotations

from typing import Any

import boa
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.books import Books


class Shortcuts(Books):
    """Sets words where they lie, and registers entries without their votes."""

    def set_word(self, contract: Any, key: int, old: int, new: int) -> None:
        """Set a word of a map from numbers, found by what it holds, whatever the layout is."""
        for base in range(64):
            slot = int.from_bytes(keccak(encode(["uint256"] * 2, [base, key])), "big")
            if boa.env.get_storage(contract.address, slot) == old:
                boa.env.set_storage(contract.address, slot, new)
                return
        raise RuntimeError(f"the word {old:#x} of {key} was not found")

    def set_dataset_word(self, dataset: int, place: int, width: int, value: int) -> None:
        """Set a field of a dataset's word."""
        word = int(self.association.datasets(dataset))
        kept = word & ~((2**width - 1) << place)
        self.set_word(self.association, dataset, word, kept | value << place)

    def set_motions(self, dataset: int, count: int) -> None:
        """As if so many motions had been moved; at least one was."""
        self.set_word(self.motions, dataset, int(self.motions.num_motions(dataset)), count)

    def fill(self, dataset: int, count: int) -> None:
        """As if so many proposals had been made and settled."""
        self.set_dataset_word(dataset, 136, 20, count)
        self.set_dataset_word(dataset, 156, 20, count)

    def set_version(self, dataset: int, version: int) -> None:
        """As if the rules had been changed so often."""
        self.set_dataset_word(dataset, 244, 12, version)

    def register(self, payee: str, shares: int, number: int = 0, percent: int = 0) -> int:
        """Register an entry in the dataset's Database as the association does; its tranche."""
        base = int(self.database.num_snapshots())
        given = number or base + 1
        self.database.register(given, payee, shares, base, percent, sender=self.association.address)
        return self.dataset * 1_000_000 + given

    def take_down(self, tranche: int, born: int, to: str) -> None:
        """Take a tranche down as the Charter does."""
        self.database.take_down(tranche, born, to, sender=self.charter.address)
