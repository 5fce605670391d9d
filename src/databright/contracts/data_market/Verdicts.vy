# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Verdicts: what evaluators measured, and what becomes of a proposal by it
@notice k of n evaluators sign what they measured. With it and the votes anyone executes a proposal: accepted,
    its payee is minted the measured amount; a copy or harmful data costs the bond. Where the rules allow it
    a verdict that stands a while unopposed needs no quorum. While a verdict is challenged (Challenges)
    nothing is executed.
@dev Rules' word, from the low end: quorum 14 | threshold 5 | mint cap 52 | epoch's length 32 | created at 32 |
    optimistic window 24 | longest span 24 | relay price 32 | percent to the value pool 7 | tolerance 14.
    A proposal's mark: posted verdict's digest, its high 152 bits | its base 20 | posted at 40 | challenge
    decided at 40 | evidence is published 1 (bit 2) | was challenged 1 (bit 1) | is challenged 1 (bit 0).
    Member's word: first version 12 | last version 12 | counts 1.
"""
from ethereum.ercs import IERC20

interface Association:
    def settle(terms: Terms, s: Settlement, payees: DynArray[address, 16]) -> uint256: nonpayable
    def give(proposal: uint256, to: address, amount: uint256): nonpayable
    def database_of(dataset: uint256) -> address: view
    def datasets(dataset: uint256) -> uint256: view
    def commitment(proposal: uint256) -> bytes32: view

interface CuratorToken:
    def tallies(proposal: uint256) -> uint256: view
    def lent_tallies(proposal: uint256) -> uint256: view

interface Database:
    def fund_tranche(tranche: uint256, born: uint256, amount: uint256): nonpayable
    def num_snapshots() -> uint256: view
    def shares_born(snapshot: uint256, tranche: uint256) -> uint256: view

interface ValuePools:
    def is_settled(dataset: uint256, snapshot: uint256) -> bool: view

struct Terms:
    proposal: uint256
    request: uint256
    proposer: address
    payee: address
    root: bytes32
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    revises: uint256
    bond: uint256
    fee: uint256
    electorate: uint256

struct Settlement:
    status: uint256
    bond_back: uint256
    fee_back: uint256
    relay_price: uint256
    part: uint256
    remainder: uint256
    amount: uint256
    base: uint256
    epoch: uint256
    mint_cap: uint256
    span: uint256
    pool_percent: uint256

struct Verdict:
    base: uint256
    holdout_epoch: uint256
    outcome: uint256
    copy_of: uint256
    amount: uint256
    evidence: bytes32

event EvidencePublished:
    proposal: indexed(uint256)
    evaluator: indexed(address)
    base: uint256
    evidence: bytes32

event VerdictPosted:
    proposal: indexed(uint256)
    poster: indexed(address)
    base: uint256
    amount: uint256
    evidence: bytes32
    # So that whoever challenges it has them.
    signatures: DynArray[Bytes[65], 16]

event Executed:
    proposal: indexed(uint256)
    status: uint256
    outcome: uint256
    copy_of: uint256
    evidence: bytes32

event BondSlashed:
    proposal: indexed(uint256)
    to_tranche: uint256
    tranche: uint256
    burnt: uint256

event BondReleased:
    proposal: indexed(uint256)
    amount: uint256

event EvaluatorSet:
    dataset: indexed(uint256)
    evaluator: indexed(address)
    first: uint256
    last: uint256
    counts: bool

OPEN: constant(uint256) = 1
ACCEPTED: constant(uint256) = 2
REJECTED: constant(uint256) = 3
EXPIRED: constant(uint256) = 4
VOIDED: constant(uint256) = 7

OK: constant(uint256) = 0
COPY: constant(uint256) = 1
FRAUD: constant(uint256) = 3

BPS: constant(uint256) = 10_000
UNIT: constant(uint256) = 1_000_000
MAX_MEMBERS: constant(uint256) = 16
MAX_REPAID: constant(uint256) = 64
WHOLE: constant(uint256) = 64
COUNTS: constant(uint256) = 2**24
# So long a bond waits for values, as a pool does.
PATIENCE: constant(uint256) = 90 * 86_400
# In a proposal's mark.
PENDING: constant(uint256) = 1
CHALLENGED: constant(uint256) = 2
MEASURED: constant(uint256) = 4
POSTED: constant(uint256) = 104
BASE: constant(uint256) = 83

M5: constant(uint256) = 2**5 - 1
M7: constant(uint256) = 2**7 - 1
M8: constant(uint256) = 2**8 - 1
M12: constant(uint256) = 2**12 - 1
M14: constant(uint256) = 2**14 - 1
M16: constant(uint256) = 2**16 - 1
M20: constant(uint256) = 2**20 - 1
M24: constant(uint256) = 2**24 - 1
M32: constant(uint256) = 2**32 - 1
M40: constant(uint256) = 2**40 - 1
M52: constant(uint256) = 2**52 - 1

# Places in a tally (CuratorToken).
T_NO: constant(uint256) = 52
T_OPENED: constant(uint256) = 156
T_PERIOD: constant(uint256) = 188
T_STATUS: constant(uint256) = 212
T_EXTENSION: constant(uint256) = 216
T_VERSION: constant(uint256) = 224
T_REVIEW: constant(uint256) = 236
T_LENT: constant(uint256) = 2**252
T_MOTION: constant(uint256) = 2**253

# Places in the rules' word.
E_THRESHOLD: constant(uint256) = 14
E_CAP: constant(uint256) = 19
E_EPOCH: constant(uint256) = 71
E_CREATED: constant(uint256) = 103
E_OPTIMISTIC: constant(uint256) = 135
E_SPAN: constant(uint256) = 159
E_RELAY: constant(uint256) = 183
E_POOL: constant(uint256) = 215
E_TOLERANCE: constant(uint256) = 222

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VERDICT_TYPEHASH: constant(bytes32) = keccak256(
    "Verdict(uint256 proposal,bytes32 commitment,uint256 base,uint256 holdout_epoch,uint256 outcome,uint256 copy_of,uint256 amount,bytes32 evidence)"
)
NAME_HASH: constant(bytes32) = keccak256("DataBright")
VERSION_HASH: constant(bytes32) = keccak256("1")
# Half the order of secp256k1: of the two equivalent signatures only the lower one counts.
MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

ASSOCIATION: immutable(Association)
CURATORS: immutable(CuratorToken)
CHARTER: immutable(address)
CHALLENGES: immutable(address)
POOLS: immutable(ValuePools)
TOKEN: immutable(IERC20)

# Dataset -> version -> word.
rules_word: public(HashMap[uint256, HashMap[uint256, uint256]])
members: public(HashMap[uint256, HashMap[address, uint256]])
# Proposal -> mark.
marks: public(HashMap[uint256, uint256])
# Accepted proposal whose bond is held -> its snapshot 32 | since 32.
held: HashMap[uint256, uint256]


@deploy
def __init__(
    token: address,
    association: address,
    curator_token: address,
    charter: address,
    challenges: address,
    pools: address,
):
    """
    @param token Money of the market.
    @param association Whose proposals they are.
    @param curator_token Where votes are.
    @param charter Who names evaluators and sets rules.
    @param challenges Who holds proposals up, and knows the evaluators' stakes.
    @param pools Where value pools are.
    """
    TOKEN = IERC20(token)
    CHALLENGES = challenges
    POOLS = ValuePools(pools)
    ASSOCIATION = Association(association)
    CURATORS = CuratorToken(curator_token)
    CHARTER = charter


# The Charter's


@external
def install(dataset: uint256, version: uint256, word: uint256):
    """
    @notice Take over a version of a dataset's rules. Only the Charter, which has checked their ranges.
    @param dataset Id of the dataset.
    @param version Of the rules.
    @param word The rules' word.
    """
    assert msg.sender == CHARTER, "verdicts: not the charter"
    self.rules_word[dataset][version] = word


@external
def set_member(
    dataset: uint256, evaluator: address, first: uint256, last: uint256, counts: bool
):
    """
    @notice Say for which versions of the rules an evaluator is named. Only the Charter.
    @param dataset Id of the dataset.
    @param evaluator Whom.
    @param first First version.
    @param last Last version.
    @param counts Whether its stake lets its signatures count.
    """
    assert msg.sender == CHARTER, "verdicts: not the charter"
    self._set_member(dataset, evaluator, first | (last << 12) | (COUNTS if counts else 0))


# The Challenges'


@external
def set_counting(dataset: uint256, evaluator: address, counts: bool):
    """
    @notice Say whether an evaluator's stake lets its signatures count. Only the Challenges.
    @param dataset Id of the dataset.
    @param evaluator Whom.
    @param counts Which.
    """
    assert msg.sender == CHALLENGES, "verdicts: not challenges"
    word: uint256 = self.members[dataset][evaluator] & (COUNTS - 1)
    if counts:
        word = word | COUNTS
    self._set_member(dataset, evaluator, word)


@external
def hold(proposal: uint256):
    """
    @notice Hold an open proposal up until its challenge is decided. Only the Challenges, which sees to it that
        nobody does so again without a reason.
    @param proposal Id of the proposal.
    """
    assert msg.sender == CHALLENGES, "verdicts: not challenges"
    mark: uint256 = self.marks[proposal]
    t: uint256 = staticcall CURATORS.tallies(proposal)
    self._check_window(proposal, t, self._rules_of(proposal, t))
    # A posted verdict waits anew after the challenge.
    self.marks[proposal] = (mark & MEASURED) | CHALLENGED | PENDING


@external
def let_go(proposal: uint256):
    """
    @notice Let a proposal go on; the time to execute it begins again, the vote does not. Only the Challenges.
    @param proposal Id of the proposal.
    """
    assert msg.sender == CHALLENGES, "verdicts: not challenges"
    self.marks[proposal] = (self.marks[proposal] & MEASURED) | CHALLENGED | (block.timestamp << 3)


@external
@nonreentrant
def void(terms: Terms):
    """
    @notice Close a challenged proposal that nobody measured again: nothing is minted, bond and fee go back.
        Only the Challenges.
    @param terms The proposal's.
    """
    assert msg.sender == CHALLENGES, "verdicts: not challenges"
    e: uint256 = self._rules_of(terms.proposal, staticcall CURATORS.tallies(terms.proposal))
    self._give_back(terms, e, VOIDED)


# Views


@external
@view
def token() -> address:
    """
    @return Money of the market.
    """
    return TOKEN.address


@external
@view
def association() -> address:
    """
    @return Whose proposals they are.
    """
    return ASSOCIATION.address


@external
@view
def curator_token() -> address:
    """
    @return Where votes are.
    """
    return CURATORS.address


@external
@view
def charter() -> address:
    """
    @return Who names evaluators and sets rules.
    """
    return CHARTER


@external
@view
def challenges() -> address:
    """
    @return Who holds proposals up.
    """
    return CHALLENGES


@external
@view
def pools() -> address:
    """
    @return Where value pools are.
    """
    return POOLS.address


@external
@view
def held_for(proposal: uint256) -> uint256:
    """
    @param proposal Id of an accepted proposal.
    @return The snapshot whose values its bond is held for; 0 = none is held.
    """
    return self.held[proposal] & M32


@external
@view
def held_until(proposal: uint256) -> uint256:
    """
    @param proposal Id of an accepted proposal whose bond is held.
    @return Chain time from which on it is given back, whether the values are settled or not; 0 = none is held.
    """
    held: uint256 = self.held[proposal]
    return (held >> 32) + PATIENCE if held != 0 else 0


@external
@view
def is_evaluator(dataset: uint256, evaluator: address) -> bool:
    """
    @param dataset Id of the dataset.
    @param evaluator Whom.
    @return Whether its signature counts for proposals made now.
    """
    return self._is_evaluator(dataset, evaluator, (staticcall ASSOCIATION.datasets(dataset)) >> 244)


@external
@view
def signers_of(
    dataset: uint256, version: uint256, digest: bytes32, signatures: DynArray[Bytes[65], MAX_MEMBERS]
) -> DynArray[address, MAX_MEMBERS]:
    """
    @param dataset Id of the dataset.
    @param version Version of its rules; 0 = the newest.
    @param digest What was signed.
    @param signatures By at least its threshold of evaluators, in ascending order of signer.
    @return The signers; reverts when a signature does not count.
    """
    v: uint256 = version
    if v == 0:
        v = (staticcall ASSOCIATION.datasets(dataset)) >> 244
    return self._signers(dataset, v, digest, signatures, True)


@external
@view
def signers_of_verdict(
    proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]
) -> DynArray[address, MAX_MEMBERS]:
    """
    @param proposal Id of an open proposal.
    @param verdict A verdict on it.
    @param signatures Its signatures, in ascending order of signer.
    @return The signers; reverts when verdict or signatures do not count.
    """
    return self._signers_of_verdict(proposal, verdict, signatures, True)


@external
@view
def named_signers_of_verdict(
    proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]
) -> DynArray[address, MAX_MEMBERS]:
    """
    @param proposal Id of an open proposal.
    @param verdict A verdict on it.
    @param signatures Its signatures, in ascending order of signer.
    @return The signers, whether their signatures still count or not; reverts when the proposal's rules do not
        name them.
    """
    return self._signers_of_verdict(proposal, verdict, signatures, False)


@external
@view
def verdict_digest(proposal: uint256, verdict: Verdict) -> bytes32:
    """
    @param proposal Id of the proposal.
    @param verdict A verdict on it.
    @return The EIP-712 digest that evaluators sign. It names the proposal's commitment, so that a signature
        counts for no other that gets its number in a reorganised chain.
    """
    return self._digest_of(proposal, verdict)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @return The EIP-712 domain separator on this chain.
    """
    return self._domain_separator()


# Evaluators


@external
def publish_evidence(proposal: uint256, base: uint256, evidence: bytes32):
    """
    @notice Tell voters what an evaluator measured. Only an evaluator of the dataset.
    @param proposal Id of the proposal.
    @param base Snapshot that it was measured on; 0 = none.
    @param evidence Digest of the signed evidence.
    """
    t: uint256 = staticcall CURATORS.tallies(proposal)
    assert (t >> T_STATUS) & 15 == OPEN and t & T_MOTION == 0, "verdicts: proposal is not open"
    assert self._is_evaluator(
        proposal // UNIT, msg.sender, (t >> T_VERSION) & M12
    ), "verdicts: not an evaluator"
    mark: uint256 = self.marks[proposal]
    if mark & MEASURED == 0:
        self.marks[proposal] = mark | MEASURED
    log EvidencePublished(
        proposal=proposal, evaluator=msg.sender, base=base, evidence=evidence
    )


# Outcomes


@external
@nonreentrant
def execute(
    terms: Terms,
    verdict: Verdict,
    signatures: DynArray[Bytes[65], MAX_MEMBERS],
    copied_snapshot: uint256,
):
    """
    @notice Close a proposal by the vote and a verdict of k evaluators. Anyone may: after the deadline, or as
        soon as no ballot can change the outcome, or when a posted verdict has stood its window.
    @param terms The proposal's.
    @param verdict What the evaluators measured.
    @param signatures Theirs, in ascending order of signer.
    @param copied_snapshot The snapshot that the copied tranche was born in; 0 = nothing accepted was copied.
    """
    proposal: uint256 = terms.proposal
    t: uint256 = staticcall CURATORS.tallies(proposal)
    e: uint256 = self._rules_of(proposal, t)
    mark: uint256 = self._check_window(proposal, t, e)
    self._check_verdict(proposal, t, verdict)
    # The association compares these terms with its commitment when it settles.
    digest: bytes32 = self._digest(proposal, keccak256(abi_encode(terms)), verdict)
    signers: DynArray[address, MAX_MEMBERS] = self._signers(
        proposal // UNIT, (t >> T_VERSION) & M12, digest, signatures, True
    )
    gains: bool = verdict.outcome == OK and verdict.amount != 0
    carried: bool = self._decide(
        proposal, terms.electorate, t, e, digest, mark, gains
    )
    s: Settlement = self._paying(terms.fee, e, REJECTED, len(signers))
    if carried and verdict.outcome == OK:
        s.status = ACCEPTED
        s.amount = verdict.amount
        s.base = verdict.base
        s.epoch = ((block.timestamp - ((e >> E_CREATED) & M32)) // ((e >> E_EPOCH) & M32)) & M16
        s.mint_cap = (e >> E_CAP) & M52
        s.span = (e >> E_SPAN) & M24
        s.pool_percent = (e >> E_POOL) & M7
    # A bond is held while values of its snapshot can still be contested.
    if verdict.outcome == OK and s.pool_percent == 0:
        s.bond_back = terms.bond
    log Executed(
        proposal=proposal,
        status=s.status,
        outcome=verdict.outcome,
        copy_of=verdict.copy_of,
        evidence=verdict.evidence,
    )
    snapshot: uint256 = extcall ASSOCIATION.settle(terms, s, signers)
    if s.pool_percent != 0:
        self.held[proposal] = snapshot | (block.timestamp << 32)
    if verdict.outcome != OK:
        self._slash(terms, verdict, copied_snapshot)


@external
def post_verdict(
    terms: Terms, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]
):
    """
    @notice Show a verdict that gains while the vote is on. Where the rules allow it and nobody challenges it
        or outvotes it in their optimistic window, it may be executed without a quorum. Anyone may.
    @param terms The proposal's.
    @param verdict What k evaluators measured.
    @param signatures Theirs, in ascending order of signer.
    """
    proposal: uint256 = terms.proposal
    t: uint256 = staticcall CURATORS.tallies(proposal)
    e: uint256 = self._rules_of(proposal, t)
    assert (e >> E_OPTIMISTIC) & M24 != 0, "verdicts: rules ask for a vote"
    self._check_window(proposal, t, e)
    begin: uint256 = ((t >> T_OPENED) & M32) + ((t >> T_REVIEW) & M16) * 60
    assert block.timestamp >= begin, "verdicts: voting has not begun"
    self._check_verdict(proposal, t, verdict)
    assert verdict.outcome == OK and verdict.amount != 0, "verdicts: nothing to accept"
    digest: bytes32 = self._digest(proposal, self._check_terms(terms), verdict)
    self._signers(proposal // UNIT, (t >> T_VERSION) & M12, digest, signatures, True)
    # A verdict on an older snapshot would be refused in the end. One that stands is not begun anew, nor put off
    # by another on its snapshot.
    database: address = staticcall ASSOCIATION.database_of(proposal // UNIT)
    assert verdict.base == staticcall Database(database).num_snapshots(), "verdicts: stale base"
    mark: uint256 = self.marks[proposal]
    shown: uint256 = (convert(digest, uint256) >> POSTED) << POSTED
    # One for each snapshot: else two of them could begin each other's window anew for ever.
    assert (
        mark >> POSTED == 0 or (mark >> BASE) & M20 != verdict.base
    ), "verdicts: is posted"
    self.marks[proposal] = (
        shown | (verdict.base << BASE) | (block.timestamp << 43) | (mark & (2**43 - 1))
    )
    log VerdictPosted(
        proposal=proposal,
        poster=msg.sender,
        base=verdict.base,
        amount=verdict.amount,
        evidence=verdict.evidence,
        signatures=signatures,
    )


@external
@nonreentrant
def expire(terms: Terms):
    """
    @notice Close a proposal that got no verdict within twice the voting period after its deadline; its bond and
        its fee go back. Anyone may.
    @param terms The proposal's.
    """
    t: uint256 = staticcall CURATORS.tallies(terms.proposal)
    mark: uint256 = self.marks[terms.proposal]
    assert mark & PENDING == 0, "verdicts: is challenged"
    e: uint256 = self._rules_of(terms.proposal, t)
    assert block.timestamp >= self._expiry(t, e, mark), "verdicts: too early to expire"
    self._give_back(terms, e, EXPIRED)


@external
@nonreentrant
def release_bond(terms: Terms):
    """
    @notice Give back the bond of an accepted proposal whose snapshot's values are settled, or have had 90 days.
        Anyone may.
    @param terms The proposal's.
    """
    proposal: uint256 = terms.proposal
    held: uint256 = self.held[proposal]
    assert held != 0, "verdicts: no bond is held"
    self._check_terms(terms)
    assert (
        block.timestamp >= (held >> 32) + PATIENCE
        or staticcall POOLS.is_settled(proposal // UNIT, held & M32)
    ), "verdicts: values contestable"
    self.held[proposal] = 0
    log BondReleased(proposal=proposal, amount=terms.bond)
    extcall ASSOCIATION.give(proposal, terms.proposer, terms.bond)


@internal
def _set_member(dataset: uint256, evaluator: address, word: uint256):
    self.members[dataset][evaluator] = word
    log EvaluatorSet(
        dataset=dataset,
        evaluator=evaluator,
        first=word & M12,
        last=(word >> 12) & M12,
        counts=word & COUNTS != 0,
    )


@internal
@view
def _is_evaluator(dataset: uint256, account: address, version: uint256) -> bool:
    word: uint256 = self.members[dataset][account]
    return word & COUNTS != 0 and self._is_named(word, version)


@internal
@pure
def _is_named(word: uint256, version: uint256) -> bool:
    return version != 0 and word & M12 <= version and version <= (word >> 12) & M12


@internal
@view
def _rules_of(proposal: uint256, t: uint256) -> uint256:
    return self.rules_word[proposal // UNIT][(t >> T_VERSION) & M12]


@internal
@view
def _check_terms(terms: Terms) -> bytes32:
    """
    @return The proposal's commitment.
    """
    commitment: bytes32 = keccak256(abi_encode(terms))
    assert (
        staticcall ASSOCIATION.commitment(terms.proposal) == commitment
    ), "verdicts: other terms"
    return commitment


@internal
@pure
def _deadline(t: uint256) -> uint256:
    # Nothing wraps: parts of a tally have 32 bits at most.
    period: uint256 = (t >> T_PERIOD) & M24
    begin: uint256 = unsafe_add((t >> T_OPENED) & M32, unsafe_mul((t >> T_REVIEW) & M16, 60))
    return unsafe_add(
        unsafe_add(begin, period), unsafe_mul(period, (t >> T_EXTENSION) & M8) // WHOLE
    )


@internal
@view
def _expiry(t: uint256, e: uint256, mark: uint256) -> uint256:
    """
    @return From when on it expires: twice the period after the vote, or after its challenge was decided; no sooner
        than a period after any earlier one can hold it up, also under rules of longer periods.
    """
    assert (t >> T_STATUS) & 15 == OPEN and t & T_MOTION == 0, "verdicts: proposal is not open"
    period: uint256 = (t >> T_PERIOD) & M24
    over: uint256 = max(self._deadline(t), (mark >> 3) & M40)
    last: uint256 = unsafe_add((t >> T_OPENED) & M32, (e >> E_SPAN) & M24)
    # 40 bits at most, and 25.
    return max(unsafe_add(over, unsafe_mul(2, period)), unsafe_add(last, period))


@internal
@view
def _check_window(proposal: uint256, t: uint256, e: uint256) -> uint256:
    """
    @return The proposal's mark.
    """
    mark: uint256 = self.marks[proposal]
    assert block.timestamp < self._expiry(t, e, mark), "verdicts: has expired"
    assert mark & PENDING == 0, "verdicts: is challenged"
    return mark


@internal
@view
def _check_verdict(proposal: uint256, t: uint256, verdict: Verdict):
    assert verdict.outcome <= FRAUD, "verdicts: unknown outcome"
    assert verdict.holdout_epoch == 1, "verdicts: unknown epoch"
    assert verdict.amount <= M52, "verdicts: amount out of range"
    if verdict.outcome == OK:
        assert verdict.copy_of == 0, "verdicts: copy of nothing"
        return
    assert verdict.amount == 0, "verdicts: amount for nothing"
    if verdict.outcome != COPY:
        assert verdict.copy_of == 0, "verdicts: copy of nothing"
        return
    # The earlier commitment wins, so only an earlier proposal can have been copied.
    copied: uint256 = staticcall CURATORS.tallies(verdict.copy_of)
    opened: uint256 = (copied >> T_OPENED) & M32
    own: uint256 = (t >> T_OPENED) & M32
    assert copied != 0 and copied & T_MOTION == 0, "verdicts: copy of nothing"
    assert opened < own or (
        opened == own and verdict.copy_of < proposal
    ), "verdicts: copy of a later one"


@internal
@view
def _signers(
    dataset: uint256,
    version: uint256,
    digest: bytes32,
    signatures: DynArray[Bytes[65], MAX_MEMBERS],
    counting: bool,
) -> DynArray[address, MAX_MEMBERS]:
    """
    @param counting Whether they must count now, not only be named by that version of the rules.
    """
    threshold: uint256 = (self.rules_word[dataset][version] >> E_THRESHOLD) & M5
    assert threshold != 0 and len(signatures) >= threshold, "verdicts: too few signatures"
    signers: DynArray[address, MAX_MEMBERS] = []
    last: uint160 = 0
    for signature: Bytes[65] in signatures:
        assert len(signature) == 65, "verdicts: wrong signature"
        s: uint256 = convert(extract32(signature, 32), uint256)
        assert s <= MAX_S, "verdicts: wrong signature"
        # The last byte.
        v: uint256 = convert(extract32(signature, 33), uint256) & M8
        signer: address = ecrecover(digest, v, convert(extract32(signature, 0), uint256), s)
        word: uint256 = self.members[dataset][signer]
        assert (
            self._is_named(word, version) and (word & COUNTS != 0 or not counting)
        ), "verdicts: not an evaluator's"
        assert convert(signer, uint160) > last, "verdicts: signers not ascending"
        last = convert(signer, uint160)
        signers.append(signer)
    return signers


@internal
@view
def _signers_of_verdict(
    proposal: uint256,
    verdict: Verdict,
    signatures: DynArray[Bytes[65], MAX_MEMBERS],
    counting: bool,
) -> DynArray[address, MAX_MEMBERS]:
    t: uint256 = staticcall CURATORS.tallies(proposal)
    self._check_verdict(proposal, t, verdict)
    digest: bytes32 = self._digest_of(proposal, verdict)
    return self._signers(
        proposal // UNIT, (t >> T_VERSION) & M12, digest, signatures, counting
    )


@internal
@view
def _digest_of(proposal: uint256, verdict: Verdict) -> bytes32:
    return self._digest(proposal, staticcall ASSOCIATION.commitment(proposal), verdict)


@internal
@view
def _digest(proposal: uint256, commitment: bytes32, verdict: Verdict) -> bytes32:
    return keccak256(
        concat(
            0x1901,
            self._domain_separator(),
            keccak256(abi_encode(VERDICT_TYPEHASH, proposal, commitment, verdict)),
        )
    )


@internal
@view
def _domain_separator() -> bytes32:
    # Not cached: after a fork of the chain the old signatures hold on one side only.
    return keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))


@internal
@view
def _decide(
    proposal: uint256,
    electorate: uint256,
    t: uint256,
    e: uint256,
    digest: bytes32,
    mark: uint256,
    gains: bool,
) -> bool:
    """
    @param gains Whether the verdict would mint.
    @return Whether the proposal is carried; reverts while that is open.
    """
    # Weights have 52 bits; the electorate is compared with its commitment later, when it is settled.
    yes: uint256 = t & M52
    no: uint256 = (t >> T_NO) & M52
    carried: bool = (
        yes > no and unsafe_mul(unsafe_add(yes, no), BPS) >= (e & M14) * electorate
    )
    over: bool = block.timestamp >= self._deadline(t)
    if over and carried:
        return True
    if not over:
        # Lent weight can still be taken back, so it settles nothing early.
        lent: uint256 = 0
        if t & T_LENT != 0:
            lent = staticcall CURATORS.lent_tallies(proposal)
        if carried and unsafe_mul(2, yes - (lent & M52)) > electorate:
            return True
        if electorate != 0 and unsafe_mul(2, no - (lent >> T_NO)) >= electorate:
            return False
    optimistic: uint256 = (e >> E_OPTIMISTIC) & M24
    if optimistic != 0 and no <= yes and mark >> POSTED != 0:
        if mark >> POSTED == convert(digest, uint256) >> POSTED:
            # The vote's end alone does not reject what the rules let pass.
            assert block.timestamp >= ((mark >> 43) & M40) + optimistic, "verdicts: is contestable"
            return True
        # Nor does another that gains, such as an older one, whose signatures anybody has.
        assert not gains, "verdicts: another is posted"
    assert over, "verdicts: voting is not over"
    return False


@internal
@pure
def _paying(
    locked: uint256, e: uint256, status: uint256, num_payees: uint256
) -> Settlement:
    """
    @param locked The proposal's fee.
    @return A settlement that pays the evaluation's fee to so many, or back to the proposer where there are none.
    """
    s: Settlement = empty(Settlement)
    s.status = status
    s.relay_price = (e >> E_RELAY) & M32
    fee: uint256 = locked - MAX_REPAID * s.relay_price
    if num_payees == 0:
        s.fee_back = fee
    else:
        s.part = fee // num_payees
        s.remainder = fee - s.part * num_payees
    return s


@internal
def _give_back(terms: Terms, e: uint256, status: uint256):
    s: Settlement = self._paying(terms.fee, e, status, 0)
    s.bond_back = terms.bond
    extcall ASSOCIATION.settle(terms, s, [])


@internal
def _slash(terms: Terms, verdict: Verdict, copied_snapshot: uint256):
    tranche: uint256 = 0
    to_tranche: uint256 = 0
    copied: uint256 = verdict.copy_of
    if verdict.outcome == COPY:
        status: uint256 = ((staticcall CURATORS.tallies(copied)) >> T_STATUS) & 15
        if status == ACCEPTED:
            database: address = staticcall ASSOCIATION.database_of(copied // UNIT)
            if staticcall Database(database).shares_born(copied_snapshot, copied) != 0:
                tranche = copied
                to_tranche = terms.bond // 2
                if to_tranche != 0:
                    extcall ASSOCIATION.give(terms.proposal, self, to_tranche)
                    assert extcall TOKEN.approve(
                        database, to_tranche, default_return_value=True
                    )
                    extcall Database(database).fund_tranche(copied, copied_snapshot, to_tranche)
    burnt: uint256 = terms.bond - to_tranche
    log BondSlashed(proposal=terms.proposal, to_tranche=to_tranche, tranche=tranche, burnt=burnt)
    if burnt != 0:
        extcall ASSOCIATION.give(terms.proposal, empty(address), burnt)
