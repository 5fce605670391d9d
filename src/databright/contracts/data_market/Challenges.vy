# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Challenges: stakes of evaluators, and what takes them
@notice Anyone may challenge a signed verdict with a bond, without seeing the data: k evaluators who did not sign
    it measure again, and a difference above the tolerance costs the first ones their stake. Nothing is
    executed in between; no answer in time, and nothing is minted.
"""
from ..modules import credits

initializes: credits
exports: (credits.token, credits.credit_of, credits.total_credit, credits.withdraw, credits.withdraw_for)

interface Verdicts:
    def set_counting(dataset: uint256, evaluator: address, counts: bool): nonpayable
    def hold(proposal: uint256): nonpayable
    def let_go(proposal: uint256): nonpayable
    def void(terms: Terms): nonpayable
    def rules_word(dataset: uint256, version: uint256) -> uint256: view
    def signers_of_verdict(
        proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], 16]
    ) -> DynArray[address, 16]: view
    def named_signers_of_verdict(
        proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], 16]
    ) -> DynArray[address, 16]: view

interface CuratorToken:
    def tallies(proposal: uint256) -> uint256: view

interface Charter:
    def challenge_bond_at(dataset: uint256, version: uint256) -> uint256: view
    def evaluator_stake(dataset: uint256) -> uint256: view

interface Burnable:
    def burn(amount: uint256): nonpayable

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

struct Verdict:
    base: uint256
    holdout_epoch: uint256
    outcome: uint256
    copy_of: uint256
    amount: uint256
    evidence: bytes32

struct Challenge:
    challenger: address
    bond: uint256
    base: uint256
    outcome: uint256
    amount: uint256
    deadline: uint256
    status: uint256
    signers: DynArray[address, 16]
    copy_of: uint256

event Challenged:
    proposal: indexed(uint256)
    challenger: indexed(address)
    bond: uint256
    base: uint256
    amount: uint256
    deadline: uint256

event ChallengeDecided:
    proposal: indexed(uint256)
    # 2 upheld, 3 refused, 4 nobody answered.
    status: uint256
    base: uint256
    outcome: uint256
    amount: uint256
    evidence: bytes32

event Staked:
    dataset: indexed(uint256)
    evaluator: indexed(address)
    amount: uint256

event StakeReturned:
    dataset: indexed(uint256)
    evaluator: indexed(address)
    amount: uint256

event EvaluatorSlashed:
    dataset: indexed(uint256)
    evaluator: indexed(address)
    proposal: indexed(uint256)
    amount: uint256

# Of a challenge.
PENDING: constant(uint256) = 1
UPHELD: constant(uint256) = 2
REFUSED: constant(uint256) = 3
UNANSWERED: constant(uint256) = 4

BPS: constant(uint256) = 10_000
UNIT: constant(uint256) = 1_000_000
MAX_MEMBERS: constant(uint256) = 16
MAX_MONEY: constant(uint256) = 2**96 - 1
# A stake is slashable so long after its owner has left.
LEAVING: constant(uint256) = 180 * 86_400

VERDICTS: immutable(Verdicts)
CURATORS: immutable(CuratorToken)
CHARTER: immutable(Charter)

stake_of: public(HashMap[uint256, HashMap[address, uint256]])
leaving_at: public(HashMap[uint256, HashMap[address, uint256]])
challenges: HashMap[uint256, Challenge]


@deploy
def __init__(token: address, verdicts: address, curator_token: address, charter: address):
    """
    @param token Money of the market; has `burn`.
    @param verdicts Whose verdicts are challenged.
    @param curator_token Where tallies are.
    @param charter Who knows what is asked of evaluators and challengers.
    """
    credits.__init__(token)
    VERDICTS = Verdicts(verdicts)
    CURATORS = CuratorToken(curator_token)
    CHARTER = Charter(charter)


@external
@view
def curator_token() -> address:
    """
    @return Where tallies are.
    """
    return CURATORS.address


@external
@view
def charter() -> address:
    """
    @return Who knows what is asked of evaluators and challengers.
    """
    return CHARTER.address


@external
@view
def active_stake(dataset: uint256, evaluator: address) -> uint256:
    """
    @param dataset Id of the dataset.
    @param evaluator Whose.
    @return What it has at stake, 0 while it leaves.
    """
    if self.leaving_at[dataset][evaluator] != 0:
        return 0
    return self.stake_of[dataset][evaluator]


@external
@view
def verdicts() -> address:
    """
    @return Whose verdicts are challenged.
    """
    return VERDICTS.address


@external
@view
def challenge_of(proposal: uint256) -> Challenge:
    """
    @param proposal Id of the proposal.
    @return Its challenge; status 0 none, 1 pending, 2 upheld, 3 refused, 4 nobody answered. Outcome, amount and
        what was copied are the challenged verdict's; of an upheld one, what the others found.
    """
    return self.challenges[proposal]


@external
@nonreentrant
def stake(dataset: uint256, amount: uint256):
    """
    @notice Put money at stake as an evaluator of a dataset. Its signatures count once the required stake is there.
        Not while one leaves: else it could leave while its verdict may be challenged, and come back to execute it.
    @param dataset Id of the dataset.
    @param amount Base units, pulled from the caller.
    """
    total: uint256 = self.stake_of[dataset][msg.sender] + amount
    assert total <= MAX_MONEY, "challenges: amount out of range"
    assert self.leaving_at[dataset][msg.sender] == 0, "challenges: is leaving"
    self.stake_of[dataset][msg.sender] = total
    extcall VERDICTS.set_counting(
        dataset, msg.sender, total != 0 and total >= staticcall CHARTER.evaluator_stake(dataset)
    )
    log Staked(dataset=dataset, evaluator=msg.sender, amount=amount)
    credits._pull(msg.sender, amount)


@external
@nonreentrant
def unstake(dataset: uint256) -> uint256:
    """
    @notice Leave as an evaluator: the first call ends that one's signatures count, a second one 180 days later
        makes the stake a credit.
    @param dataset Id of the dataset.
    @return Base units credited, 0 on the first call.
    """
    leaving: uint256 = self.leaving_at[dataset][msg.sender]
    if leaving == 0:
        assert self.stake_of[dataset][msg.sender] != 0, "challenges: nothing at stake"
        self.leaving_at[dataset][msg.sender] = block.timestamp
        extcall VERDICTS.set_counting(dataset, msg.sender, False)
        return 0
    assert block.timestamp >= leaving + LEAVING, "challenges: stake is locked"
    amount: uint256 = self.stake_of[dataset][msg.sender]
    self.stake_of[dataset][msg.sender] = 0
    self.leaving_at[dataset][msg.sender] = 0
    credits._credit(msg.sender, amount)
    log StakeReturned(dataset=dataset, evaluator=msg.sender, amount=amount)
    return amount


@external
@nonreentrant
def challenge(
    proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]
):
    """
    @notice Challenge a signed verdict on an open proposal; again only one that differs from what a challenge
        has found, or is about another snapshot. Also one whose signers leave, as long as they have the required
        stake to lose. The bond buys a re-evaluation by k evaluators who did not sign it; until then nothing is
        executed.
    @param proposal Id of the proposal.
    @param verdict The verdict.
    @param signatures Its signatures, k of them, in ascending order of signer.
    """
    t: uint256 = staticcall CURATORS.tallies(proposal)
    bond: uint256 = staticcall CHARTER.challenge_bond_at(
        proposal // UNIT, (t >> 224) & (2**12 - 1)
    )
    assert bond != 0, "challenges: rules allow none"
    signers: DynArray[address, MAX_MEMBERS] = staticcall VERDICTS.named_signers_of_verdict(
        proposal, verdict, signatures
    )
    # Who leaves in front of a challenge is still liable. Without a stake the same could hold a proposal up again
    # and again.
    least: uint256 = max(1, staticcall CHARTER.evaluator_stake(proposal // UNIT))
    for signer: address in signers:
        assert self.stake_of[proposal // UNIT][signer] >= least, "challenges: nothing at stake"
    word: uint256 = staticcall VERDICTS.rules_word(proposal // UNIT, (t >> 224) & (2**12 - 1))
    # Else a challenger who names all evaluators would leave nobody to answer, and lose nothing.
    assert len(signers) == (word >> 14) & 31, "challenges: too many signatures"
    c: Challenge = self.challenges[proposal]
    # Else a challenge of a good verdict would shield a bad one, or the same one on a snapshot where it is bad.
    assert (
        c.status <= PENDING
        or c.base != verdict.base
        or self._differ(c, verdict, (word >> 222) & (2**14 - 1))
    ), "challenges: was challenged"
    deadline: uint256 = block.timestamp + ((t >> 188) & (2**24 - 1))
    self.challenges[proposal] = Challenge(
        challenger=msg.sender,
        bond=bond,
        base=verdict.base,
        outcome=verdict.outcome,
        amount=verdict.amount,
        deadline=deadline,
        status=PENDING,
        signers=signers,
        copy_of=verdict.copy_of,
    )
    extcall VERDICTS.hold(proposal)
    log Challenged(
        proposal=proposal,
        challenger=msg.sender,
        bond=bond,
        base=verdict.base,
        amount=verdict.amount,
        deadline=deadline,
    )
    credits._pull(msg.sender, bond)


@external
@nonreentrant
def answer(
    proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]
):
    """
    @notice Decide a challenge by what k other evaluators measured on the same snapshot. Anyone may. They are
        paid its bond. A difference above the tolerance takes the stakes of the first ones: up to twice the
        bond goes to the challenger, the rest is burnt, and their signatures count no more.
    @param proposal Id of the proposal.
    @param verdict What the others measured.
    @param signatures Theirs, in ascending order of signer.
    """
    c: Challenge = self.challenges[proposal]
    assert c.status == PENDING, "challenges: none is pending"
    assert block.timestamp < c.deadline, "challenges: too late"
    assert verdict.base == c.base, "challenges: stale base"
    signers: DynArray[address, MAX_MEMBERS] = staticcall VERDICTS.signers_of_verdict(
        proposal, verdict, signatures
    )
    for signer: address in signers:
        assert signer not in c.signers, "challenges: signed the first"
    t: uint256 = staticcall CURATORS.tallies(proposal)
    word: uint256 = staticcall VERDICTS.rules_word(proposal // UNIT, (t >> 224) & (2**12 - 1))
    status: uint256 = REFUSED
    if self._differ(c, verdict, (word >> 222) & (2**14 - 1)):
        status = UPHELD
        self._slash_signers(proposal, c)
        # What was found counts from now on.
        self.challenges[proposal].outcome = verdict.outcome
        self.challenges[proposal].amount = verdict.amount
        self.challenges[proposal].copy_of = verdict.copy_of
    self.challenges[proposal].status = status
    extcall VERDICTS.let_go(proposal)
    part: uint256 = c.bond // len(signers)
    amount: uint256 = c.bond - part * (len(signers) - 1)
    for signer: address in signers:
        credits._credit(signer, amount)
        amount = part
    log ChallengeDecided(
        proposal=proposal,
        status=status,
        base=verdict.base,
        outcome=verdict.outcome,
        amount=verdict.amount,
        evidence=verdict.evidence,
    )


@external
@nonreentrant
def lapse(terms: Terms):
    """
    @notice Close a challenged proposal that nobody measured again in time: nothing is minted, its bond and fee
        and the challenger's bond go back. Anyone may.
    @param terms The proposal's.
    """
    c: Challenge = self.challenges[terms.proposal]
    assert c.status == PENDING, "challenges: none is pending"
    assert block.timestamp >= c.deadline, "challenges: may be answered"
    self.challenges[terms.proposal].status = UNANSWERED
    credits._credit(c.challenger, c.bond)
    log ChallengeDecided(
        proposal=terms.proposal,
        status=UNANSWERED,
        base=c.base,
        outcome=c.outcome,
        amount=c.amount,
        evidence=empty(bytes32),
    )
    extcall VERDICTS.void(terms)


@internal
@pure
def _differ(c: Challenge, verdict: Verdict, tolerance: uint256) -> bool:
    if c.outcome != verdict.outcome or c.copy_of != verdict.copy_of:
        return True
    low: uint256 = min(c.amount, verdict.amount)
    high: uint256 = max(c.amount, verdict.amount)
    return (high - low) * BPS > tolerance * high


@internal
def _slash_signers(proposal: uint256, c: Challenge):
    dataset: uint256 = proposal // UNIT
    pot: uint256 = 0
    for signer: address in c.signers:
        amount: uint256 = self.stake_of[dataset][signer]
        self.stake_of[dataset][signer] = 0
        extcall VERDICTS.set_counting(dataset, signer, False)
        pot += amount
        log EvaluatorSlashed(
            dataset=dataset, evaluator=signer, proposal=proposal, amount=amount
        )
    reward: uint256 = min(pot, 2 * c.bond)
    credits._credit(c.challenger, reward)
    if pot > reward:
        extcall Burnable(credits.TOKEN.address).burn(pot - reward)
