"""Proofs of points: made from one's own secrets or a node's key, checked offline and on a chain."""

from __future__ import annotations

from databright.chain.market_contracts import MarketContracts
from databright.client.points import kept_points
from databright.client.writing import Desk
from databright.data_market.proving import (
    Checked,
    accepted_entry,
    check_on_chain,
    opened_tree,
    prove,
)
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError, CustodyError
from databright.model_market.registry import compare_use, uses_of
from databright.records.point_proof import MAX_USES, Finding, ModelUse, PointProof, Status, verify
from databright.records.points import PointTree
from databright.records.terms import split_proposal_id


class ProvenanceView:
    """Points of accepted data and their proofs.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry

    def prove(self, proposal: int, index: int, *, snapshot: int | None = None) -> PointProof:
        """Prove that a point is in a snapshot, who gave it and which models used it.

        The secrets come from this home, where the actor proposed the data from it; else from the
        sealed rows, which only an admitted node can open.

        Args:
            proposal: id of an accepted proposal.
            index: of the point in it, 0-based.
            snapshot: a snapshot that holds it; the newest of these when None.

        Returns:
            The proof, with the 64 newest models at most.

        Raises:
            UnknownEntityError: no such dataset or no accepted proposal.
            BadInputError: no such point, a snapshot without it, or nobody here has the secrets.
        """
        entry = accepted_entry(self._registry, proposal)
        dataset, _ = split_proposal_id(proposal)
        uses = uses_of(self._desk.market.contracts, dataset, entry.born, entry.ended)
        return prove(
            self._registry,
            self._tree(proposal),
            entry,
            index,
            snapshot=snapshot,
            uses=uses[-MAX_USES:],
        )

    def _tree(self, proposal: int) -> PointTree:
        entry = accepted_entry(self._registry, proposal)
        kept = kept_points(self._desk.market.home, entry.terms.root)
        if kept is not None:
            return kept
        try:
            return opened_tree(self._registry, entry, self._desk.actor.reader)
        except CustodyError as error:
            raise BadInputError(
                f"neither this home nor the key {self._desk.actor.keys.name} has the secrets of "
                f"proposal {proposal} ({error}): prove it in the home that proposed it, or with "
                "the key of a trusted node"
            ) from error

    def check(self, proof: PointProof) -> Checked:
        """Follow a proof and compare it with this home's market.

        Args:
            proof: the proof.

        Returns:
            Statement by statement, and who owns the shares now.
        """
        return check_proof(self._registry, proof)


def check_offline(proof: PointProof) -> Checked:
    """Follow a proof without a chain.

    Args:
        proof: the proof.

    Returns:
        Statement by statement; what only a chain knows is open.
    """
    return Checked(tuple(verify(proof)))


def check_proof(registry: DataRegistry, proof: PointProof) -> Checked:
    """Follow a proof and compare it with a chain, the models included.

    Args:
        registry: the data market of the chain.
        proof: the proof.

    Returns:
        Statement by statement, and who owns the shares now.
    """
    checked = check_on_chain(registry, proof)
    uses = iter(proof.uses)
    findings = [
        _used(registry.contracts, proof, next(uses), finding)
        if finding.about == "model"
        else finding
        for finding in checked.findings
    ]
    return Checked(tuple(findings), checked.owners)


def _used(
    contracts: MarketContracts, proof: PointProof, use: ModelUse, finding: Finding
) -> Finding:
    if finding.status is Status.FAILS:
        return finding
    dataset, _ = split_proposal_id(proof.terms.proposal)
    why = compare_use(contracts, dataset, use)
    if why:
        return Finding("model", Status.FAILS, f"{finding.text}; {why}")
    return Finding("model", Status.HOLDS, f"{finding.text}, says the chain")
