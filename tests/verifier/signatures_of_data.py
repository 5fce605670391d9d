"""Events of the data market, written out by hand from its contracts; `*` marks an indexed value."""

from __future__ import annotations

from collections.abc import Mapping

_TERMS = (
    "uint256* proposal, uint256* request, address* proposer, address payee, bytes32 root,"
    " bytes32 ref, bytes32 manifest, uint256 num_rows, uint256 revises, uint256 bond, uint256 fee,"
    " uint256 electorate"
)
_STEP = "(uint256,uint256)[]"

DATA_EVENTS: Mapping[str, tuple[str, ...]] = {
    "CuratorToken": (
        "Voted(uint256* proposal, address* voter, bool support, uint256 weight)",
        "VotedLent(uint256* proposal, address* lender, address* oracle, bool support,"
        " uint256 weight, uint256 confidence)",
        "Overridden(uint256* proposal, address* lender, bool support, uint256 weight)",
        "Extended(uint256* proposal, uint256 deadline)",
        "Minted(uint256* dataset, address* to, uint256 amount)",
        "GenesisSet(uint256* dataset, address* curator, uint256 weight)",
        "Lent(uint256* dataset, address* lender, address* oracle, uint256 cap, uint256 expiry,"
        " uint256 least_confidence)",
        "TakenBack(uint256* dataset, address* lender)",
        "BallotsCancelled(uint256* dataset, address* voter, uint256 nonce)",
    ),
    "DataAssociation": (
        f"Proposed({_TERMS})",
        "BallotsRepaid(uint256* proposal, address* relayer, uint256 amount)",
        "Settled(uint256* proposal, uint256 status, uint256 shares, uint256 snapshot,"
        " uint256 bond_back, uint256 fee_back)",
        "FeePaid(uint256* proposal, address* to, uint256 amount)",
        "Given(uint256* proposal, address* to, uint256 amount)",
        "Burnt(uint256* proposal, uint256 amount)",
        "Installed(uint256* dataset, uint256 version)",
        "Deposited(address* account, uint256 amount)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "Verdicts": (
        "EvidencePublished(uint256* proposal, address* evaluator, uint256 base, bytes32 evidence)",
        "VerdictPosted(uint256* proposal, address* poster, uint256 base, uint256 amount,"
        " bytes32 evidence, bytes[] signatures)",
        "Executed(uint256* proposal, uint256 status, uint256 outcome, uint256 copy_of,"
        " bytes32 evidence)",
        "BondSlashed(uint256* proposal, uint256 to_tranche, uint256 tranche, uint256 burnt)",
        "BondReleased(uint256* proposal, uint256 amount)",
        "EvaluatorSet(uint256* dataset, address* evaluator, uint256 first, uint256 last,"
        " bool counts)",
    ),
    "Challenges": (
        "Challenged(uint256* proposal, address* challenger, uint256 bond, uint256 base,"
        " uint256 amount, uint256 deadline)",
        "ChallengeDecided(uint256* proposal, uint256 status, uint256 base, uint256 outcome,"
        " uint256 amount, bytes32 evidence)",
        "Staked(uint256* dataset, address* evaluator, uint256 amount)",
        "StakeReturned(uint256* dataset, address* evaluator, uint256 amount)",
        "EvaluatorSlashed(uint256* dataset, address* evaluator, uint256* proposal, uint256 amount)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "ValuePools": (
        "PoolFunded(uint256* dataset, uint256* snapshot, uint256 amount)",
        "ValuesPosted(uint256* dataset, uint256* snapshot, bytes32 root, uint256 total)",
        "ValuesVetoed(uint256* dataset, uint256* snapshot, bytes32 root)",
        "PoolReleased(uint256* dataset, uint256* snapshot, uint256 amount)",
        "ValueClaimed(uint256* dataset, uint256* snapshot, address* owner, uint256 amount)",
    ),
    "Charter": (
        "DatasetCreated(uint256* dataset, address* creator, address database, bytes32 metadata,"
        " bytes32 schema, uint256 max_exposure_bps, uint256 price_per_use)",
        "RulesChanged(uint256* dataset, uint256 version, uint256 max_exposure_bps,"
        " uint256 price_per_use)",
        "TakenDown(uint256* dataset, uint256* tranche, address* to)",
        "Erased(uint256* dataset, uint256* tranche, address* node, bytes32 log_digest)",
    ),
    "Motions": (
        "Moved(uint256* motion, address* mover, uint256 kind, bytes32 payload, bytes32 text,"
        " uint256 bond, uint256 electorate)",
        "MotionSettled(uint256* motion, bool is_carried, uint256 bond_back, uint256 ready_at)",
        "Enacted(uint256* motion, uint256 kind, uint256 version)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "DataRequests": (
        "RequestOpened(uint256* request, uint256* dataset, address* initiator, uint256 escrow,"
        f" {_STEP} curve, uint256 deadline, bytes32 holdout, bytes32 holdout_ref,"
        " bytes32 program, bytes32 card)",
        "RequestToppedUp(uint256* request, address* payer, uint256 amount)",
        "RequestClosed(uint256* request, uint256 refund)",
        "AwardPaid(uint256* request, address* to, address* proposer, uint256 award,"
        " uint256 fee_back)",
        "HoldoutRetired(uint256* request, address* evaluator, bytes32 reveal)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "Database": (
        "Transfer(address caller, address* sender, address* receiver, uint256* id, uint256 amount)",
        "Funded(uint256* snapshot, address* payer, uint256 amount, uint256 to_pool)",
        "TrancheFunded(uint256* tranche, address* payer, uint256 amount)",
        "Claimed(uint256* tranche, address* holder, uint256 amount)",
        "Redirected(uint256* tranche, address* holder, address* to, uint256 amount)",
        "Credited(uint256* tranche, address* holder, uint256 amount)",
        "Withdrawn(address* account, uint256 amount)",
        "Ended(uint256* tranche, uint256* snapshot, address redirected_to)",
    ),
}
