# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title CuratorToken: who may vote, with which weight, and every ballot
@notice Votes are minted with shares, belong to a dataset and never move. Genesis weight opens a dataset and
    fades as earned weight grows. Ballots are cast by their voters, by a relayer with their signature, or
    by an oracle with weight lent to it, which the lender's own vote overrides. The weight on a proposal is
    what one had before it was committed.
@dev One word each for a proposal's tally and a voter, so that a ballot writes two words.
    Tally, from the low end: yes 52 | no 52 | earned votes when committed 52 | committed at 32 | period 24 |
    status 4 | extension 8 (in 1/64 of the period) | version of the rules 12 | review minutes 16 |
    has lent ballots 1 | is a motion 1.
    Voter: votes 52 | since 32 | votes before 52 | window 15 | states 64 | is a genesis curator 1 |
    ballot nonce 16 | length of the history 20. A window is 32 proposals of the dataset; a state is two bits:
    0 nothing cast, 1 own ballot (or own proposal), 2 lent weight cast for, 3 against. The window moves up
    only; states of lower windows lie in `packed_states`, four windows to a word. History keeps (until 32 | votes 52) where a ballot
    could still need it.
    Loan: cap 52 | since 32 | expiry 32 | least confidence 14 | oracle's number 32 | older loans 16.
    Sums of packed fields cannot carry over: all weight of a dataset, genesis included, is below 2^52
    (DataAssociation sees to it).
"""

# Whose a proposal is: the Association's, or a motion the Motions'.
interface Opener:
    def commitment(proposal: uint256) -> bytes32: view

interface Association:
    def repay(proposal: uint256, version: uint256, relayer: address, count: uint256): nonpayable

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

struct SignedBallot:
    # Voter 160 | deadline 40 | for 1 | proposal 48, from the low end.
    what: uint256
    r: bytes32
    # s, and the signature's parity in the highest bit (EIP-2098).
    vs: bytes32

struct Signed:
    # What a voter signs: EIP-712 hashes these words, which a struct of words is as it lies in memory.
    kind: bytes32
    voter: address
    proposal: uint256
    commitment: bytes32
    support: uint256
    nonce: uint256
    deadline: uint256

struct Loan:
    oracle: address
    cap: uint256
    since: uint256
    expiry: uint256
    least_confidence: uint256

event Voted:
    proposal: indexed(uint256)
    voter: indexed(address)
    support: bool
    weight: uint256

event VotedLent:
    proposal: indexed(uint256)
    lender: indexed(address)
    oracle: indexed(address)
    support: bool
    weight: uint256
    confidence: uint256

event Overridden:
    proposal: indexed(uint256)
    lender: indexed(address)
    support: bool
    weight: uint256

event Extended:
    proposal: indexed(uint256)
    deadline: uint256

event Minted:
    dataset: indexed(uint256)
    to: indexed(address)
    amount: uint256

event GenesisSet:
    dataset: indexed(uint256)
    curator: indexed(address)
    weight: uint256

event Lent:
    dataset: indexed(uint256)
    lender: indexed(address)
    oracle: indexed(address)
    cap: uint256
    expiry: uint256
    least_confidence: uint256

event TakenBack:
    dataset: indexed(uint256)
    lender: indexed(address)

event BallotsCancelled:
    dataset: indexed(uint256)
    voter: indexed(address)
    nonce: uint256

OPEN: constant(uint256) = 1

OWN: constant(uint256) = 1
LENT_YES: constant(uint256) = 2
LENT_NO: constant(uint256) = 3

BPS: constant(uint256) = 10_000
# Proposal's id = dataset * UNIT + number.
UNIT: constant(uint256) = 1_000_000
WINDOW: constant(uint256) = 32
MAX_LENDERS: constant(uint256) = 32
MAX_BATCH: constant(uint256) = 64
# The last quarter of the time is late; a deadline moves by at most one period.
LATE: constant(uint256) = 4
WHOLE: constant(uint256) = 64
WALLET_GAS: constant(uint256) = 60_000

M8: constant(uint256) = 2**8 - 1
M12: constant(uint256) = 2**12 - 1
M14: constant(uint256) = 2**14 - 1
M15: constant(uint256) = 2**15 - 1
M16: constant(uint256) = 2**16 - 1
M24: constant(uint256) = 2**24 - 1
M32: constant(uint256) = 2**32 - 1
M40: constant(uint256) = 2**40 - 1
M52: constant(uint256) = 2**52 - 1
M64: constant(uint256) = 2**64 - 1
M160: constant(uint256) = 2**160 - 1

# Places in a tally.
T_NO: constant(uint256) = 52
T_SUPPLY: constant(uint256) = 104
T_OPENED: constant(uint256) = 156
T_PERIOD: constant(uint256) = 188
T_STATUS: constant(uint256) = 212
T_EXTENSION: constant(uint256) = 216
T_VERSION: constant(uint256) = 224
T_REVIEW: constant(uint256) = 236
T_LENT: constant(uint256) = 2**252
T_MOTION: constant(uint256) = 2**253

# Places in a voter's word.
AT_SINCE: constant(uint256) = 52
AT_BEFORE: constant(uint256) = 84
AT_WINDOW: constant(uint256) = 136
AT_STATES: constant(uint256) = 151
GENESIS: constant(uint256) = 2**215
AT_NONCE: constant(uint256) = 216
AT_LENGTH: constant(uint256) = 232

# Places in a loan.
LOAN_SINCE: constant(uint256) = 52
LOAN_EXPIRY: constant(uint256) = 84
LOAN_LEAST: constant(uint256) = 116
LOAN_ORACLE: constant(uint256) = 130
LOAN_OLDER: constant(uint256) = 162

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
BALLOT_TYPEHASH: constant(bytes32) = keccak256(
    "Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256 nonce,uint256 deadline)"
)
NAME_HASH: constant(bytes32) = keccak256("DataBright")
VERSION_HASH: constant(bytes32) = keccak256("1")
VALID: constant(bytes4) = 0x1626ba7e
# Half the order of secp256k1: of the two equivalent signatures only the lower one counts.
MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

ASSOCIATION: immutable(address)
CHARTER: immutable(address)
MOTIONS: immutable(address)

tallies: public(HashMap[uint256, uint256])
# Proposal -> what lent weight is cast on it: yes 52 | no 52.
lent_tallies: public(HashMap[uint256, uint256])
# Dataset -> account -> word.
voters: public(HashMap[uint256, HashMap[address, uint256]])
# Dataset -> account -> window // 4 -> states of these four windows, once they are below the voter's.
packed_states: HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]]
history: public(HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]])
genesis_weight: public(HashMap[uint256, HashMap[address, uint256]])
genesis_total: public(HashMap[uint256, uint256])
# Dataset -> lender -> 0: the loan that stands, 1 and up: older ones, oldest first.
loans: public(HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]])
# Everybody who was ever lent weight has a number, so that a loan is one word.
num_oracles: public(uint256)
oracle_at: public(HashMap[uint256, address])
oracle_number: public(HashMap[address, uint256])
# Motion -> who moved it.
mover_of: public(HashMap[uint256, address])


@deploy
def __init__(association: address, charter: address, motions: address):
    """
    @param association Who opens and closes proposals, and mints.
    @param charter Who names genesis curators.
    @param motions Who opens and closes motions.
    """
    ASSOCIATION = association
    CHARTER = charter
    MOTIONS = motions


@external
@view
def association() -> address:
    """
    @return Who opens and closes proposals, and mints.
    """
    return ASSOCIATION


@external
@view
def charter() -> address:
    """
    @return Who names genesis curators.
    """
    return CHARTER


@external
@view
def motions() -> address:
    """
    @return Who opens and closes motions.
    """
    return MOTIONS


# What the other contracts call


@external
def set_genesis(dataset: uint256, curator: address, weight: uint256):
    """
    @notice Give a genesis curator its weight. Only the Charter, before the dataset's first proposal.
    @param dataset Id of the dataset.
    @param curator Whom.
    @param weight Above 0; all of a dataset below 2^52.
    """
    assert msg.sender == CHARTER, "curator: not the charter"
    assert self.genesis_weight[dataset][curator] == 0, "curator: named twice"
    self.genesis_weight[dataset][curator] = weight
    self.genesis_total[dataset] += weight
    # It may have cancelled ballots of the dataset already.
    self.voters[dataset][curator] = self.voters[dataset][curator] | GENESIS
    log GenesisSet(dataset=dataset, curator=curator, weight=weight)


@external
def open(
    proposal: uint256,
    proposer: address,
    supply: uint256,
    genesis: uint256,
    review: uint256,
    period: uint256,
    version: uint256,
) -> uint256:
    """
    @notice Open the ballot on a proposal, or on a motion where the Motions call.
    @param proposal Its id.
    @param proposer Whose weight does not count on it.
    @param supply Earned votes of the dataset strictly before now.
    @param genesis Its genesis weight before it fades.
    @param review Minutes before ballots count.
    @param period Seconds in which they count.
    @param version Of the rules.
    @return The weight that may vote: the supply less the proposer's.
    """
    flags: uint256 = 0
    if msg.sender != ASSOCIATION:
        assert msg.sender == MOTIONS, "curator: not the motions"
        flags = T_MOTION
        self.mover_of[proposal] = proposer
    dataset: uint256 = proposal // UNIT
    t: uint256 = (
        flags
        | (supply << T_SUPPLY)
        | (block.timestamp << T_OPENED)
        | (period << T_PERIOD)
        | (OPEN << T_STATUS)
        | (version << T_VERSION)
        | (review << T_REVIEW)
    )
    self.tallies[proposal] = t
    electorate: uint256 = supply + genesis * genesis // (genesis + supply)
    voter: uint256 = self.voters[dataset][proposer]
    if voter != 0:
        weight: uint256 = self._weight(dataset, proposer, voter, t)
        if weight != 0:
            electorate -= weight
            self.voters[dataset][proposer] = self._with_state(
                dataset, proposer, voter, proposal % UNIT, OWN
            )
    return electorate


@external
def close(proposal: uint256, status: uint256):
    """
    @notice Close the ballot. Only who opened it.
    @param proposal Its id.
    @param status What it becomes.
    """
    self._close(proposal, status)


@external
def close_and_mint(proposal: uint256, status: uint256, to: address, amount: uint256, span: uint256):
    """
    @notice Close the ballot on an accepted proposal and mint its votes. Only the association.
    @param proposal Its id.
    @param status What it becomes.
    @param to Whose votes.
    @param amount Votes; the dataset's sum stays below 2^52.
    @param span Longest time, in seconds, that a ballot can be cast after its proposal opened.
    """
    opened: uint256 = (self._close(proposal, status) >> T_OPENED) & M32
    assert msg.sender == ASSOCIATION, "curator: not the association"
    dataset: uint256 = proposal // UNIT
    log Minted(dataset=dataset, to=to, amount=amount)
    word: uint256 = self.voters[dataset][to]
    since: uint256 = (word >> AT_SINCE) & M32
    votes: uint256 = word & M52
    if since == block.timestamp:
        self.voters[dataset][to] = unsafe_add(word, amount)
        return
    before: uint256 = (word >> AT_BEFORE) & M52
    length: uint256 = word >> AT_LENGTH
    # The span is that of the rules when the proposal opened: what opened after it, in its second even, may be
    # votable for longer.
    if since != 0 and (since + span > block.timestamp or since >= opened):
        self.history[dataset][to][length] = since | (before << 32)
        length = unsafe_add(length, 1)
    self.voters[dataset][to] = (
        (word & (2**232 - 2**136))
        | unsafe_add(votes, amount)
        | (block.timestamp << AT_SINCE)
        | (votes << AT_BEFORE)
        | (length << AT_LENGTH)
    )


# Views


@external
@view
def weight_on(proposal: uint256, voter: address) -> uint256:
    """
    @param proposal Id of a proposal or a motion.
    @param voter Whose.
    @return The weight that the voter had before it was committed; its own proposer's too.
    """
    dataset: uint256 = proposal // UNIT
    return self._weight(dataset, voter, self.voters[dataset][voter], self.tallies[proposal])


@external
@view
def ballot_of(proposal: uint256, voter: address) -> uint256:
    """
    @param proposal Id of a proposal or a motion.
    @param voter Whose.
    @return 0 nothing is cast, 1 an own ballot (or its own proposal), 2 lent weight for it, 3 lent weight
        against it.
    """
    dataset: uint256 = proposal // UNIT
    return self._state(dataset, voter, self.voters[dataset][voter], proposal % UNIT)


@external
@view
def earned_votes(dataset: uint256, account: address) -> uint256:
    """
    @param dataset Id of the dataset.
    @param account Whose.
    @return Votes earned by accepted data until now.
    """
    return self.voters[dataset][account] & M52


@external
@view
def ballot_nonce(dataset: uint256, voter: address) -> uint256:
    """
    @param dataset Id of the dataset.
    @param voter Whose.
    @return The nonce that a signed ballot must carry now.
    """
    return (self.voters[dataset][voter] >> AT_NONCE) & M16


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @return The EIP-712 domain separator on this chain.
    """
    return self._domain_separator()


# Ballots


@external
def vote(proposal: uint256, support: bool):
    """
    @notice Cast one's own weight; replaces a ballot that an oracle cast with it.
    @param proposal Id of a proposal or a motion.
    @param support True for it.
    """
    dataset: uint256 = proposal // UNIT
    self.voters[dataset][msg.sender] = self._vote(
        dataset, proposal, self.voters[dataset][msg.sender], support
    )


@external
def vote_many(proposals: DynArray[uint256, MAX_BATCH], supports: uint256):
    """
    @notice Cast one's own weight on several proposals of one dataset.
    @param proposals Their ids.
    @param supports Bit i is set where the caller is for the i-th.
    """
    assert len(proposals) != 0, "curator: no ballots"
    dataset: uint256 = proposals[0] // UNIT
    word: uint256 = self.voters[dataset][msg.sender]
    begin: uint256 = self._window_begin(dataset, word)
    states: uint256 = word >> AT_STATES
    weight: uint256 = word & M52
    # Neighbours have period, status and rules in common: so long before now they may have been opened for
    # ballots to count (`latest`), and for so long they are in the common case (`width`).
    common: uint256 = max_value(uint256)
    latest: uint256 = 0
    width: uint256 = 0
    against: uint256 = ~supports
    for proposal: uint256 in proposals:
        t: uint256 = self.tallies[proposal]
        if t >> T_PERIOD != common:
            common = t >> T_PERIOD
            latest = unsafe_sub(block.timestamp, unsafe_mul((t >> T_REVIEW) & M16, 60))
            width = self._common_width(word, t, latest)
        place: uint256 = unsafe_mul(2, unsafe_sub(proposal, begin))
        if place >= 2 * WINDOW:
            assert proposal // UNIT == dataset, "curator: several datasets"
            word = word | (states << AT_STATES)
            if proposal < begin:
                word = self._vote(dataset, proposal, word, against & 1 == 0)
                against = against >> 1
                continue
            word = self._moved_up(dataset, msg.sender, word, proposal % UNIT // WINDOW)
            begin = self._window_begin(dataset, word)
            states = word >> AT_STATES
            place = unsafe_mul(2, unsafe_sub(proposal, begin))
        # The common case, written out: nothing is cast yet, all votes count, the ballot is not late. What was
        # opened after `latest` wraps.
        if (states >> place) & 3 == 0 and unsafe_sub(latest, (t >> T_OPENED) & M32) < width:
            self.tallies[proposal] = unsafe_add(t, weight << unsafe_mul(T_NO, against & 1))
            states = states | (OWN << place)
            log Voted(
                proposal=proposal, voter=msg.sender, support=against & 1 == 0, weight=weight
            )
        else:
            word = self._vote(
                dataset, proposal, word | (states << AT_STATES), against & 1 == 0
            )
            states = word >> AT_STATES
        against = against >> 1
    self.voters[dataset][msg.sender] = word | (states << AT_STATES)


@external
def vote_signed(ballots: DynArray[SignedBallot, MAX_BATCH]) -> uint256:
    """
    @notice Cast ballots that their voters signed (EIP-712; contracts by ERC-1271). Those that do not
        count are passed over: cast already, too early or late, cancelled, without weight, or badly signed.
        A ballot names the commitment of its proposal, so that it counts for no other that gets its number
        in a reorganised chain.
        The caller is repaid for the first 64 of each proposal at its rules' price.
    @param ballots The ballots; neighbours of one proposal are cheapest.
    @return How many were cast.
    """
    separator: bytes32 = self._domain_separator()
    total: uint256 = 0
    # What the ballot says, and what was signed if it counts. Of neighbours on one proposal: they have proposal
    # and commitment in common, and their tally is written once, after the last of them.
    said: Signed = empty(Signed)
    said.kind = BALLOT_TYPEHASH
    dataset: uint256 = 0
    t: uint256 = 0
    # When ballots are cast: now, or never.
    time: uint256 = max_value(uint256)
    left: uint256 = 0
    # 1 while ballots are late.
    late: uint256 = 0
    opened: uint256 = 0
    window: uint256 = 0
    place: uint256 = 0
    cast: uint256 = 0
    for ballot: SignedBallot in ballots:
        if ballot.what >> 201 != said.proposal:
            self._finish(said.proposal, t, cast)
            total = unsafe_add(total, cast)
            cast = 0
            said.proposal = ballot.what >> 201
            dataset = said.proposal // UNIT
            t = self.tallies[said.proposal]
            said.commitment = staticcall Opener(self._opener(t)).commitment(said.proposal)
            left = self._time_left(t)
            time = block.timestamp if left != 0 else max_value(uint256)
            late = 1 if left < ((t >> T_PERIOD) & M24) // LATE else 0
            opened = ((t >> T_OPENED) & M32) << AT_SINCE
            window = said.proposal % UNIT // WINDOW
            place = unsafe_add(AT_STATES, unsafe_mul(2, said.proposal % UNIT % WINDOW))
        said.deadline = (ballot.what >> 160) & M40
        if time > said.deadline:
            continue
        said.voter = convert(ballot.what & M160, address)
        word: uint256 = self.voters[dataset][said.voter]
        is_here: bool = (word >> AT_WINDOW) & M15 == window
        state: uint256 = (word >> place) & 3
        if not is_here:
            state = self._state(dataset, said.voter, word, said.proposal % UNIT)
        if state == OWN:
            continue
        weight: uint256 = word & M52
        if word & (GENESIS | (M32 << AT_SINCE)) >= opened:
            # A genesis curator, or not all votes were there before.
            weight = self._weight(dataset, said.voter, word, t)
        if weight == 0:
            continue
        said.support = (ballot.what >> 200) & 1
        said.nonce = (word >> AT_NONCE) & M16
        digest: bytes32 = keccak256(
            concat(0x1901, separator, keccak256(abi_encode(said, ensure_tuple=False)))
        )
        s: uint256 = convert(ballot.vs, uint256) & (2**255 - 1)
        v: uint256 = unsafe_add(27, convert(ballot.vs, uint256) >> 255)
        if (
            s > MAX_S
            or ecrecover(digest, v, convert(ballot.r, uint256), s) != said.voter
            or said.voter == empty(address)
        ):
            if not said.voter.is_contract:
                continue
            # What the wallet can read is as if every ballot before had been written at once.
            self.tallies[said.proposal] = t
            if not self._has_wallet_signed(said.voter, digest, ballot.r, s, v):
                continue
        if late | state == 0:
            # What `_cast` does then, written out.
            t = unsafe_add(t, weight << unsafe_mul(T_NO, said.support ^ 1))
            log Voted(
                proposal=said.proposal,
                voter=said.voter,
                support=said.support == 1,
                weight=weight,
            )
        else:
            t = self._cast(
                said.proposal, said.voter, t, state, said.support == 1, weight, left
            )
        if is_here:
            self.voters[dataset][said.voter] = word ^ ((state ^ OWN) << place)
        else:
            self.voters[dataset][said.voter] = self._with_state(
                dataset, said.voter, word, said.proposal % UNIT, OWN
            )
        cast = unsafe_add(cast, 1)
    self._finish(said.proposal, t, cast)
    assert unsafe_add(total, cast) != 0, "curator: no ballot counts"
    return unsafe_add(total, cast)


@external
def vote_lent(
    terms: Terms, support: bool, confidence: uint256, lenders: DynArray[address, MAX_LENDERS]
) -> uint256:
    """
    @notice Cast the weight that others lent to the caller before the proposal was committed. Lenders who
        have voted, whose loan does not hold here or asks for more confidence, or who proposed it are
        passed over, so that none of them can stop the rest.
    @param terms The proposal's; of a motion only its id counts.
    @param support True for it.
    @param confidence How sure the caller is, 1/10,000.
    @param lenders Whose weight.
    @return The weight cast.
    """
    assert confidence <= BPS, "curator: confidence out of range"
    proposal: uint256 = terms.proposal
    t: uint256 = self.tallies[proposal]
    left: uint256 = self._time_left(t)
    assert left != 0, "curator: no voting now"
    self._check_not_proposer(terms, t)
    dataset: uint256 = proposal // UNIT
    opened: uint256 = (t >> T_OPENED) & M32
    own: uint256 = self.oracle_number[msg.sender]
    state: uint256 = LENT_YES if support else LENT_NO
    total: uint256 = 0
    for lender: address in lenders:
        loan: uint256 = self.loans[dataset][lender][0]
        if (loan >> LOAN_ORACLE) & M32 != own or (loan >> LOAN_SINCE) & M32 >= opened:
            continue
        if (loan >> LOAN_EXPIRY) & M32 <= block.timestamp or (loan >> LOAN_LEAST) & M14 > confidence:
            continue
        word: uint256 = self.voters[dataset][lender]
        if self._state(dataset, lender, word, proposal % UNIT) != 0:
            continue
        weight: uint256 = min(loan & M52, self._weight(dataset, lender, word, t))
        if weight == 0:
            continue
        total = unsafe_add(total, weight)
        self.voters[dataset][lender] = self._with_state(
            dataset, lender, word, proposal % UNIT, state
        )
        log VotedLent(
            proposal=proposal,
            lender=lender,
            oracle=msg.sender,
            support=support,
            weight=weight,
            confidence=confidence,
        )
    assert own != 0 and total != 0, "curator: no weight"
    added: uint256 = total if support else total << T_NO
    self.lent_tallies[proposal] = unsafe_add(self.lent_tallies[proposal], added)
    after: uint256 = unsafe_add(t, added) | T_LENT
    if left < ((t >> T_PERIOD) & M24) // LATE:
        after = self._counted(proposal, t, after)
    self.tallies[proposal] = after
    return total


# Lending


@external
def lend(dataset: uint256, oracle: address, cap: uint256, expiry: uint256, least_confidence: uint256):
    """
    @notice Lend votes for proposals opened later. Replaces an earlier loan. The lender may still vote
        herself, which overrides the oracle's ballot on that proposal.
    @param dataset Id of the dataset.
    @param oracle Who may cast them, a program's key or a person.
    @param cap The most weight that is cast on one proposal.
    @param expiry Chain time at which the loan ends.
    @param least_confidence Of a ballot that may use the weight, 1/10,000.
    """
    assert oracle != empty(address), "curator: zero address"
    assert oracle != msg.sender, "curator: cannot lend to oneself"
    assert cap != 0, "curator: cap is zero"
    assert expiry > block.timestamp, "curator: expiry is past"
    assert least_confidence <= BPS, "curator: confidence out of range"
    number: uint256 = self.oracle_number[oracle]
    if number == 0:
        number = self.num_oracles + 1
        assert number <= M32, "curator: too many oracles"
        self.num_oracles = number
        self.oracle_at[number] = oracle
        self.oracle_number[oracle] = number
    older: uint256 = self._shelve(dataset, msg.sender)
    self.loans[dataset][msg.sender][0] = (
        min(cap, M52)
        | (block.timestamp << LOAN_SINCE)
        | (min(expiry, M32) << LOAN_EXPIRY)
        | (least_confidence << LOAN_LEAST)
        | (number << LOAN_ORACLE)
        | (older << LOAN_OLDER)
    )
    log Lent(
        dataset=dataset,
        lender=msg.sender,
        oracle=oracle,
        cap=min(cap, M52),
        expiry=min(expiry, M32),
        least_confidence=least_confidence,
    )


@external
def take_back(dataset: uint256):
    """
    @notice End a loan of votes, for every ballot that is not cast yet. Those that the oracle cast stand
        until overridden.
    @param dataset Id of the dataset.
    """
    assert (
        (self.loans[dataset][msg.sender][0] >> LOAN_ORACLE) & M32 != 0
    ), "curator: nothing is lent"
    older: uint256 = self._shelve(dataset, msg.sender)
    self.loans[dataset][msg.sender][0] = (block.timestamp << LOAN_SINCE) | (older << LOAN_OLDER)
    log TakenBack(dataset=dataset, lender=msg.sender)


@external
def cancel_ballots(dataset: uint256):
    """
    @notice Make every signed ballot of the caller that is not cast yet worthless in a dataset.
    @param dataset Id of the dataset.
    """
    word: uint256 = self.voters[dataset][msg.sender]
    nonce: uint256 = (word >> AT_NONCE) & M16
    assert nonce < M16, "curator: no nonces left"
    self.voters[dataset][msg.sender] = unsafe_add(word, 1 << AT_NONCE)
    log BallotsCancelled(dataset=dataset, voter=msg.sender, nonce=nonce + 1)


@external
@view
def lent(dataset: uint256, lender: address) -> Loan:
    """
    @param dataset Id of the dataset.
    @param lender Whose votes.
    @return The loan that stands; its oracle is the zero address when there is none.
    """
    loan: uint256 = self.loans[dataset][lender][0]
    return Loan(
        oracle=self.oracle_at[(loan >> LOAN_ORACLE) & M32],
        cap=loan & M52,
        since=(loan >> LOAN_SINCE) & M32,
        expiry=(loan >> LOAN_EXPIRY) & M32,
        least_confidence=(loan >> LOAN_LEAST) & M14,
    )


@internal
def _close(proposal: uint256, status: uint256) -> uint256:
    """
    @return The tally while it was open.
    """
    t: uint256 = self.tallies[proposal]
    assert msg.sender == self._opener(t) and (t >> T_STATUS) & 15 == OPEN, "curator: not open"
    self.tallies[proposal] = (t & ~(15 << T_STATUS)) | (status << T_STATUS)
    return t


@internal
@view
def _opener(t: uint256) -> address:
    """
    @return Who opened and closes it, and knows its commitment.
    """
    return MOTIONS if t & T_MOTION != 0 else ASSOCIATION


@internal
@view
def _check_not_proposer(terms: Terms, t: uint256):
    # An oracle does not vote on its own proposal, so not with lent weight either.
    proposer: address = terms.proposer
    if t & T_MOTION != 0:
        proposer = self.mover_of[terms.proposal]
    else:
        assert staticcall Opener(ASSOCIATION).commitment(terms.proposal) == keccak256(
            abi_encode(terms)
        ), "curator: other terms"
    assert proposer != msg.sender, "curator: own proposal"


@internal
@pure
def _deadline(t: uint256) -> uint256:
    begin: uint256 = unsafe_add((t >> T_OPENED) & M32, unsafe_mul((t >> T_REVIEW) & M16, 60))
    period: uint256 = (t >> T_PERIOD) & M24
    return begin + period + unsafe_mul(period, (t >> T_EXTENSION) & M8) // WHOLE


@internal
@view
def _time_left(t: uint256) -> uint256:
    """
    @return Seconds in which ballots still count; 0 where they do not.
    """
    # Nothing wraps: 32 bits plus 16 bits of minutes, and a period of 24 bits twice.
    begin: uint256 = unsafe_add((t >> T_OPENED) & M32, unsafe_mul((t >> T_REVIEW) & M16, 60))
    if (t >> T_STATUS) & 15 != OPEN or block.timestamp < begin:
        return 0
    period: uint256 = (t >> T_PERIOD) & M24
    end: uint256 = unsafe_add(
        unsafe_add(begin, period), unsafe_mul(period, (t >> T_EXTENSION) & M8) // WHOLE
    )
    if block.timestamp >= end:
        return 0
    return unsafe_sub(end, block.timestamp)


@internal
@view
def _weight(dataset: uint256, account: address, word: uint256, t: uint256) -> uint256:
    """
    @dev Strictly before the proposal was committed.
    """
    weight: uint256 = self._earned(dataset, account, word, unsafe_sub((t >> T_OPENED) & M32, 1))
    if word & GENESIS == 0:
        return weight
    genesis: uint256 = self.genesis_total[dataset]
    return weight + self.genesis_weight[dataset][account] * genesis // (
        genesis + ((t >> T_SUPPLY) & M52)
    )


@internal
@view
def _earned(dataset: uint256, account: address, word: uint256, time: uint256) -> uint256:
    """
    @dev Votes at the end of `time`; right for every time that a ballot can still ask for.
    """
    if (word >> AT_SINCE) & M32 <= time:
        return word & M52
    length: uint256 = word >> AT_LENGTH
    if length == 0:
        return (word >> AT_BEFORE) & M52
    # How many entries ended at or before `time`.
    low: uint256 = 0
    high: uint256 = length
    for _: uint256 in range(21):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self.history[dataset][account][middle] & M32 <= time:
            low = middle + 1
        else:
            high = middle
    if low == length:
        return (word >> AT_BEFORE) & M52
    return self.history[dataset][account][low] // 2**32


@internal
@view
def _state(dataset: uint256, account: address, word: uint256, number: uint256) -> uint256:
    window: uint256 = (word >> AT_WINDOW) & M15
    wanted: uint256 = number // WINDOW
    states: uint256 = 0
    if wanted == window:
        states = word >> AT_STATES
    elif wanted < window:
        states = self._old_states(dataset, account, wanted)
    return (states >> unsafe_mul(2, number % WINDOW)) & 3


@internal
@pure
def _window_begin(dataset: uint256, word: uint256) -> uint256:
    """
    @return Id of the first proposal in the window of a voter's word.
    """
    return unsafe_add(dataset * UNIT, unsafe_mul((word >> AT_WINDOW) & M15, WINDOW))


@internal
@view
def _common_width(word: uint256, t: uint256, latest: uint256) -> uint256:
    """
    @return Proposals like this one, opened less than so many seconds before `latest` and not after it, take a
        ballot of all votes of the word, and not as a late one; 0 where there are none.
    """
    if (t >> T_STATUS) & 15 != OPEN or word & GENESIS != 0 or word & M52 == 0:
        # A genesis curator's weight is another on each proposal.
        return 0
    since: uint256 = min((word >> AT_SINCE) & M32, latest)
    return min(
        unsafe_mul(3, (t >> T_PERIOD) & M24) // LATE, unsafe_sub(latest, since)
    )


@internal
@view
def _old_states(dataset: uint256, account: address, window: uint256) -> uint256:
    return (self.packed_states[dataset][account][window // 4] >> unsafe_mul(window % 4, 64)) & M64


@internal
def _with_state(
    dataset: uint256, account: address, word: uint256, number: uint256, state: uint256
) -> uint256:
    """
    @dev The word with a state set; the caller stores it. States of lower windows are stored here.
    """
    window: uint256 = (word >> AT_WINDOW) & M15
    wanted: uint256 = number // WINDOW
    place: uint256 = unsafe_mul(2, number % WINDOW)
    if wanted == window:
        return (word & ~((3 << place) << AT_STATES)) | ((state << place) << AT_STATES)
    if wanted < window:
        place = unsafe_add(place, unsafe_mul(wanted % 4, 64))
        old: uint256 = self.packed_states[dataset][account][wanted // 4]
        self.packed_states[dataset][account][wanted // 4] = (old & ~(3 << place)) | (state << place)
        return word
    return self._moved_up(dataset, account, word, wanted) | (state << place) << AT_STATES


@internal
def _moved_up(dataset: uint256, account: address, word: uint256, wanted: uint256) -> uint256:
    """
    @return The word with an empty higher window; the caller stores it. The states of the old one are stored here.
    """
    window: uint256 = (word >> AT_WINDOW) & M15
    states: uint256 = (word >> AT_STATES) & M64
    if states != 0:
        # Its place is empty: nothing is kept there while its window is in the word.
        old: uint256 = self.packed_states[dataset][account][window // 4]
        self.packed_states[dataset][account][window // 4] = old | (states << unsafe_mul(window % 4, 64))
    return (word & ~((M64 << AT_STATES) | (M15 << AT_WINDOW))) | (wanted << AT_WINDOW)


@internal
@view
def _domain_separator() -> bytes32:
    # Not cached: after a fork of the chain the old signatures hold on one side only.
    return keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))


@internal
def _vote(dataset: uint256, proposal: uint256, word: uint256, support: bool) -> uint256:
    """
    @return The caller's word after its ballot.
    """
    t: uint256 = self.tallies[proposal]
    opened: uint256 = (t >> T_OPENED) & M32
    left: uint256 = max_value(uint256)
    # While three quarters of the period are not over a ballot is not late. Before the vote the time since it
    # began wraps, so that it is no small one.
    if (t >> T_STATUS) & 15 != OPEN or unsafe_sub(
        block.timestamp, unsafe_add(opened, unsafe_mul((t >> T_REVIEW) & M16, 60))
    ) >= unsafe_mul(3, (t >> T_PERIOD) & M24) // LATE:
        left = self._time_left(t)
        assert left != 0, "curator: no voting now"
    # Its state's place in the word, where the window is this proposal's or moves up to it.
    place: uint256 = unsafe_add(AT_STATES, unsafe_mul(2, proposal % UNIT % WINDOW))
    wanted: uint256 = proposal % UNIT // WINDOW
    window: uint256 = (word >> AT_WINDOW) & M15
    after: uint256 = word
    if wanted > window:
        after = self._moved_up(dataset, msg.sender, word, wanted)
    state: uint256 = (after >> place) & 3
    if wanted < window:
        state = self._state(dataset, msg.sender, word, proposal % UNIT)
    assert state != OWN, "curator: already voted"
    weight: uint256 = word & M52
    if word & (GENESIS | (M32 << AT_SINCE)) >= opened << AT_SINCE:
        # A genesis curator, or not all votes were there before.
        weight = self._weight(dataset, msg.sender, word, t)
    assert weight != 0, "curator: no weight"
    if state == 0 and left == max_value(uint256):
        # What `_cast` does then, written out.
        self.tallies[proposal] = unsafe_add(t, weight if support else weight << T_NO)
        log Voted(proposal=proposal, voter=msg.sender, support=support, weight=weight)
    else:
        self.tallies[proposal] = self._cast(proposal, msg.sender, t, state, support, weight, left)
    if wanted < window:
        return self._with_state(dataset, msg.sender, word, proposal % UNIT, OWN)
    return after ^ ((state ^ OWN) << place)


@internal
def _cast(
    proposal: uint256,
    voter: address,
    t: uint256,
    state: uint256,
    support: bool,
    weight: uint256,
    left: uint256,
) -> uint256:
    """
    @return The tally after a ballot; the caller stores it.
    """
    after: uint256 = t
    if state != 0:
        after = self._overridden(proposal, voter, t, state, weight)
    after = unsafe_add(after, weight if support else weight << T_NO)
    if left < ((t >> T_PERIOD) & M24) // LATE:
        after = self._counted(proposal, t, after)
    log Voted(proposal=proposal, voter=voter, support=support, weight=weight)
    return after


@internal
def _overridden(
    proposal: uint256, voter: address, t: uint256, state: uint256, weight: uint256
) -> uint256:
    """
    @return The tally without what an oracle cast with the voter's weight: by the loan that stood then.
    """
    lent: uint256 = min(weight, self._cap_at(proposal // UNIT, voter, (t >> T_OPENED) & M32))
    taken: uint256 = lent if state == LENT_YES else lent << T_NO
    self.lent_tallies[proposal] = unsafe_sub(self.lent_tallies[proposal], taken)
    log Overridden(proposal=proposal, lender=voter, support=state == LENT_YES, weight=lent)
    return unsafe_sub(t, taken)


@internal
def _counted(proposal: uint256, t: uint256, after: uint256) -> uint256:
    """
    @return The tally after a late ballot, its deadline moved where the ballot may change the outcome.
    @dev A late ballot may change it by turning the majority, or by bringing the quorum. The quorum is a
        matter of the terms, so any late ballot where the yes side led or leads counts as changing it.
    """
    deadline: uint256 = self._deadline(t)
    period: uint256 = (t >> T_PERIOD) & M24
    if unsafe_sub(deadline, block.timestamp) >= period // LATE:
        # A ballot of the same batch has moved it.
        return after
    if after & M52 <= (after >> T_NO) & M52 and t & M52 <= (t >> T_NO) & M52:
        # It fails as it did before.
        return after
    extension: uint256 = (t >> T_EXTENSION) & M8
    if extension == WHOLE:
        return after
    # A quarter more, from now on.
    missing: uint256 = unsafe_add(block.timestamp, period // LATE) - deadline
    more: uint256 = min(extension + (missing * WHOLE + period - 1) // period, WHOLE)
    changed: uint256 = (after & ~(M8 << T_EXTENSION)) | (more << T_EXTENSION)
    log Extended(proposal=proposal, deadline=self._deadline(changed))
    return changed


@internal
@view
def _has_wallet_signed(voter: address, digest: bytes32, r: bytes32, s: uint256, v: uint256) -> bool:
    signature: Bytes[65] = concat(r, convert(s, bytes32), convert(convert(v, uint8), bytes1))
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        voter,
        abi_encode(digest, signature, method_id=VALID),
        max_outsize=32,
        gas=WALLET_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(VALID, bytes32)


@internal
def _finish(proposal: uint256, t: uint256, cast: uint256):
    """
    @dev Writes the tally after relayed ballots and repays who relayed them.
    """
    if cast == 0:
        return
    self.tallies[proposal] = t
    if t & T_MOTION == 0:
        extcall Association(ASSOCIATION).repay(
            proposal, (t >> T_VERSION) & M12, msg.sender, cast
        )


@internal
def _shelve(dataset: uint256, lender: address) -> uint256:
    # An older loan stays readable: an override must take back exactly what it let the oracle cast.
    loan: uint256 = self.loans[dataset][lender][0]
    older: uint256 = loan >> LOAN_OLDER
    if (loan >> LOAN_ORACLE) & M32 != 0:
        older += 1
        assert older <= M16, "curator: too many loans"
        self.loans[dataset][lender][older] = loan
    return older


@internal
@view
def _cap_at(dataset: uint256, lender: address, opened: uint256) -> uint256:
    """
    @dev Cap of the loan that stood strictly before `opened`. Binary search over older ones.
    """
    loan: uint256 = self.loans[dataset][lender][0]
    if (loan >> LOAN_SINCE) & M32 < opened and (loan >> LOAN_ORACLE) & M32 != 0:
        return loan & M52
    # `low` older loans are known to begin before `opened`.
    low: uint256 = 0
    high: uint256 = loan >> LOAN_OLDER
    for _: uint256 in range(17):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if (self.loans[dataset][lender][middle + 1] >> LOAN_SINCE) & M32 < opened:
            low = middle + 1
        else:
            high = middle
    return self.loans[dataset][lender][low] & M52 if low != 0 else 0
