# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title DataAssociation: proposals of data, their bonds and fees, and the order in which they settle
@notice A proposal is a commitment: its terms are in the event and come again with every call that needs
    them. It locks a bond and a fee of its proposer's deposit. Curators vote on it (CuratorToken), what
    evaluators measured decides with the votes (Verdicts); accepted data enters the dataset's Database and
    makes its payee a shareholder and voter. Rules come from the Charter. These contracts are fixed for
    ever, and no account has any power here but over its own money and proposals.
@dev Dataset's word, from the low end: earned votes 52 | since 32 | votes before 52 | proposals 20 |
    settled 20 | minted in the epoch 52 | epoch 16 | version of the rules 12.
    Rules' word: review minutes 16 | period 24 | bond 48 | fee 48 | relay price 32 | genesis weight 52 |
    closing time 32.
"""
from ..modules import accounts

initializes: accounts
exports: (
    accounts.token,
    accounts.deposit_of,
    accounts.credit_of,
    accounts.open_of,
    accounts.deposit,
    accounts.deposit_with_authorization,
    accounts.withdraw,
    accounts.withdraw_for,
)

interface Database:
    def register(
        number: uint256, payee: address, shares: uint256, base: uint256, pool_percent: uint256
    ) -> uint256: nonpayable

interface Requests:
    def on_propose(request: uint256, dataset: uint256): nonpayable
    def on_close(request: uint256, proposer: address, payee: address, amount: uint256, fee: uint256): nonpayable

interface CuratorToken:
    def open(
        proposal: uint256,
        proposer: address,
        supply: uint256,
        genesis: uint256,
        review: uint256,
        period: uint256,
        version: uint256,
    ) -> uint256: nonpayable
    def close(proposal: uint256, status: uint256): nonpayable
    def close_and_mint(
        proposal: uint256, status: uint256, to: address, amount: uint256, span: uint256
    ): nonpayable
    def tallies(proposal: uint256) -> uint256: view

interface Verdicts:
    def marks(proposal: uint256) -> uint256: view

interface Charter:
    def turn_of(dataset: uint256, version: uint256, number: uint256) -> DynArray[address, 16]: view

interface Token:
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

struct Settlement:
    status: uint256
    bond_back: uint256
    # Of the evaluation's fee.
    fee_back: uint256
    # Of a ballot: what was not spent goes back.
    relay_price: uint256
    # To each of those who are paid; the first has the remainder too.
    part: uint256
    remainder: uint256
    # The rest counts where the proposal is accepted.
    amount: uint256
    base: uint256
    epoch: uint256
    mint_cap: uint256
    span: uint256
    pool_percent: uint256

event Proposed:
    proposal: indexed(uint256)
    request: indexed(uint256)
    proposer: indexed(address)
    payee: address
    root: bytes32
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    revises: uint256
    bond: uint256
    fee: uint256
    electorate: uint256

event BallotsRepaid:
    proposal: indexed(uint256)
    relayer: indexed(address)
    amount: uint256

event Settled:
    proposal: indexed(uint256)
    status: uint256
    shares: uint256
    snapshot: uint256
    bond_back: uint256
    fee_back: uint256

event FeePaid:
    proposal: indexed(uint256)
    to: indexed(address)
    amount: uint256

event Given:
    proposal: indexed(uint256)
    to: indexed(address)
    amount: uint256

event Burnt:
    proposal: indexed(uint256)
    amount: uint256

event Installed:
    dataset: indexed(uint256)
    version: uint256

OPEN: constant(uint256) = 1
ACCEPTED: constant(uint256) = 2
EXPIRED: constant(uint256) = 4
WITHDRAWN: constant(uint256) = 5
REVISED: constant(uint256) = 6

# Proposal's id = dataset * UNIT + number; motions are numbered from MOTIONS on.
UNIT: constant(uint256) = 1_000_000
MOTIONS: constant(uint256) = 500_000
MAX_MEMBERS: constant(uint256) = 16
# Ballots of a proposal that are repaid to relayers.
MAX_REPAID: constant(uint256) = 64
# Closed or late proposals that one settlement looks past.
MAX_PASSED: constant(uint256) = 32
M12: constant(uint256) = 2**12 - 1
M16: constant(uint256) = 2**16 - 1
M20: constant(uint256) = 2**20 - 1
M24: constant(uint256) = 2**24 - 1
M32: constant(uint256) = 2**32 - 1
M48: constant(uint256) = 2**48 - 1
M51: constant(uint256) = 2**51 - 1
M52: constant(uint256) = 2**52 - 1
M96: constant(uint256) = 2**96 - 1

# Places in a dataset's word.
D_SINCE: constant(uint256) = 52
D_BEFORE: constant(uint256) = 84
D_COUNT: constant(uint256) = 136
D_SETTLED: constant(uint256) = 156
D_MINTED: constant(uint256) = 176
D_EPOCH: constant(uint256) = 228
D_VERSION: constant(uint256) = 244

# Places in the rules' word.
P_PERIOD: constant(uint256) = 16
P_BOND: constant(uint256) = 40
P_FEE: constant(uint256) = 88
P_RELAY: constant(uint256) = 136
P_GENESIS: constant(uint256) = 168
P_CLOSES: constant(uint256) = 220

CHARTER: immutable(address)
CURATORS: immutable(CuratorToken)
VERDICTS: immutable(address)
REQUESTS: immutable(address)

# Dataset -> word; dataset -> version -> rules' word.
datasets: public(HashMap[uint256, uint256])
rules_word: public(HashMap[uint256, HashMap[uint256, uint256]])
database: HashMap[uint256, address]
commitment: public(HashMap[uint256, bytes32])
# Proposal // 32 -> ballots of 32 proposals that were repaid to relayers, 8 bits each. A dataset's ids begin at
# a multiple of 32.
packed_repaid: HashMap[uint256, uint256]


@deploy
def __init__(token: address, charter: address, curator_token: address, verdicts: address, requests: address):
    """
    @param token Money of the market; has `burn`.
    @param charter Who installs datasets and their rules.
    @param curator_token Where votes are.
    @param verdicts Who settles proposals.
    @param requests Who is told of proposals to requests.
    """
    accounts.__init__(token)
    CHARTER = charter
    CURATORS = CuratorToken(curator_token)
    VERDICTS = verdicts
    REQUESTS = requests


# The Charter's


@external
def install(dataset: uint256, database: address, word: uint256) -> uint256:
    """
    @notice Take over a dataset's first rules, or new ones for proposals to come. Only the Charter, which
        has checked their ranges.
    @param dataset Id of the dataset.
    @param database Its Database; counts the first time.
    @param word The rules' word.
    @return Version of the rules, from 1.
    """
    assert msg.sender == CHARTER, "association: not the charter"
    old: uint256 = self.datasets[dataset]
    version: uint256 = (old >> D_VERSION) + 1
    assert version <= M12, "association: dataset is full"
    if version == 1:
        self.database[dataset] = database
    self.datasets[dataset] = (old & (2**244 - 1)) | (version << D_VERSION)
    self.rules_word[dataset][version] = word
    log Installed(dataset=dataset, version=version)
    return version


# Views


@external
@view
def charter() -> address:
    """
    @return Who installs datasets and their rules.
    """
    return CHARTER


@external
@view
def curator_token() -> address:
    """
    @return Where votes are.
    """
    return CURATORS.address


@external
@view
def verdicts() -> address:
    """
    @return Who settles proposals.
    """
    return VERDICTS


@external
@view
def requests() -> address:
    """
    @return Who is told of proposals to requests.
    """
    return REQUESTS


@external
@view
def repaid(proposal: uint256) -> uint256:
    """
    @param proposal Id of a proposal.
    @return Ballots that were repaid to relayers, up to 64.
    """
    return self._repaid(proposal)


@external
@view
def database_of(dataset: uint256) -> address:
    """
    @param dataset Id of the dataset.
    @return Its Database.
    """
    assert self.database[dataset] != empty(address), "association: unknown dataset"
    return self.database[dataset]


# Proposals


@external
@nonreentrant
def propose(
    dataset: uint256,
    request: uint256,
    payee: address,
    root: bytes32,
    ref: bytes32,
    manifest: bytes32,
    num_rows: uint256,
) -> uint256:
    """
    @notice Propose data. Locks a bond and a fee of the caller's deposit; the bond grows with the caller's
        open proposals.
    @param dataset Id of the dataset.
    @param request Id of a request of it, or 0.
    @param payee Who gets shares, votes and award when it is accepted.
    @param root Merkle root of its points.
    @param ref Digest of the sealed reference.
    @param manifest Digest of the public manifest.
    @param num_rows Rows.
    @return Id of the proposal.
    """
    terms: Terms = Terms(
        proposal=dataset,
        request=request,
        proposer=msg.sender,
        payee=payee,
        root=root,
        ref=ref,
        manifest=manifest,
        num_rows=num_rows,
        revises=0,
        bond=0,
        fee=0,
        electorate=0,
    )
    return self._propose(terms)


@external
@nonreentrant
def withdraw_proposal(terms: Terms):
    """
    @notice Take a proposal off before its vote begins: the bond goes back, and the fee unless evidence was
        published. Only its proposer.
    @param terms The proposal's.
    """
    t: uint256 = self._check_own(terms)
    assert (
        block.timestamp < ((t >> 156) & M32) + ((t >> 236) & M16) * 60
    ), "association: voting has begun"
    self._take_off(terms, t, WITHDRAWN, terms.bond)


@external
@nonreentrant
def revise(
    terms: Terms, root: bytes32, ref: bytes32, manifest: bytes32, num_rows: uint256
) -> uint256:
    """
    @notice Replace an open proposal by a revision: a new id in the same thread, its bond carried over, its
        votes begun anew. Only its proposer, before the vote is over. Locks another fee; the earlier one
        goes back unless evidence was published.
    @param terms The open proposal's.
    @param root Merkle root of the new points.
    @param ref Digest of the new sealed reference.
    @param manifest Digest of the new public manifest.
    @param num_rows Rows.
    @return Id of the revision.
    """
    t: uint256 = self._check_own(terms)
    assert (
        block.timestamp < ((t >> 156) & M32) + ((t >> 236) & M16) * 60 + ((t >> 188) & M24)
    ), "association: voting is over"
    self._take_off(terms, t, REVISED, 0)
    changed: Terms = terms
    changed.proposal = terms.proposal // UNIT
    changed.root = root
    changed.ref = ref
    changed.manifest = manifest
    changed.num_rows = num_rows
    changed.revises = terms.proposal
    return self._propose(changed)


@external
@nonreentrant
def settle(
    terms: Terms, s: Settlement, payees: DynArray[address, MAX_MEMBERS]
) -> uint256:
    """
    @notice Close a proposal. Only the Verdicts, which has decided how.
    @param terms The proposal's.
    @param s What becomes of it and of its money.
    @param payees Who measured it.
    @return The new snapshot where it is accepted, else 0.
    @dev In order of commitment: an earlier open proposal goes first, until a voting period after its own
        deadline; then it holds up nobody. What the proposer takes off or lets expire waits for nobody.
    """
    assert msg.sender == VERDICTS, "association: not the verdicts"
    return self._settle(terms, s, payees)


@external
@nonreentrant
def give(proposal: uint256, to: address, amount: uint256):
    """
    @notice Pay from a bond that was kept back; to nobody means burning it. Only the Verdicts.
    @param proposal Whose bond.
    @param to Whom; a contract of the market is sent the money, an account gets a deposit.
    @param amount Base units.
    """
    assert msg.sender == VERDICTS, "association: not the verdicts"
    if to == empty(address):
        log Burnt(proposal=proposal, amount=amount)
        extcall Token(accounts.TOKEN.address).burn(amount)
        return
    log Given(proposal=proposal, to=to, amount=amount)
    if to == VERDICTS:
        assert extcall accounts.TOKEN.transfer(
            to, amount, default_return_value=True
        ), "token: transfer failed"
        return
    accounts._add_deposit(to, amount)


@external
def repay(proposal: uint256, version: uint256, relayer: address, count: uint256):
    """
    @notice Repay a relayer of signed ballots at the proposal's price, for the first 64. Only the CuratorToken.
    @param proposal Id of the proposal.
    @param version Of its rules.
    @param relayer Whom.
    @param count Ballots that were cast.
    """
    assert msg.sender == CURATORS.address, "association: not the curators"
    counts: uint256 = self.packed_repaid[proposal // 32]
    place: uint256 = unsafe_mul(proposal % 32, 8)
    # Eight bits of at most 64; a price of 32 bits.
    paid: uint256 = min(count, unsafe_sub(MAX_REPAID, (counts >> place) & 255))
    price: uint256 = (self.rules_word[proposal // UNIT][version] >> P_RELAY) & M32
    amount: uint256 = unsafe_mul(paid, price)
    if amount == 0:
        return
    self.packed_repaid[proposal // 32] = unsafe_add(counts, paid << place)
    accounts._credit(relayer, amount)
    log BallotsRepaid(proposal=proposal, relayer=relayer, amount=amount)


@external
def pass_by(dataset: uint256, number: uint256):
    """
    @notice Move the mark of settled proposals up over closed or late ones. Anyone may; needed only where
        more than 32 of them lie before one that is to be executed.
    @param dataset Id of the dataset.
    @param number Up to which one, at most 32 on from the mark.
    """
    word: uint256 = self.datasets[dataset]
    assert number <= (word >> D_COUNT) & M20, "association: unknown number"
    # Else the mark would move down.
    assert number > (word >> D_SETTLED) & M20, "association: is passed"
    self.datasets[dataset] = self._pass_earlier(dataset, number + 1) - (1 << D_SETTLED)


@internal
@view
def _repaid(proposal: uint256) -> uint256:
    return (self.packed_repaid[proposal // 32] >> unsafe_mul(proposal % 32, 8)) & 255


@internal
def _propose(given: Terms) -> uint256:
    """
    @param given Terms with the dataset in the place of the proposal's id.
    """
    dataset: uint256 = given.proposal
    word: uint256 = self.datasets[dataset]
    assert word != 0, "association: unknown dataset"
    p: uint256 = self.rules_word[dataset][word >> D_VERSION]
    closes_at: uint256 = p >> P_CLOSES
    assert closes_at == 0 or block.timestamp < closes_at, "association: dataset is closed"
    assert 0 < given.num_rows and given.num_rows <= M32, "association: number of rows"
    assert given.payee != empty(address), "association: zero address"
    number: uint256 = unsafe_add((word >> D_COUNT) & M20, 1)
    assert number < MOTIONS, "association: dataset is full"
    self.datasets[dataset] = unsafe_add(word, 1 << D_COUNT)
    # Below nothing wraps: datasets are counted one by one, the parts of words are narrow.
    terms: Terms = given
    terms.proposal = unsafe_add(unsafe_mul(dataset, UNIT), number)
    terms.fee = unsafe_add((p >> P_FEE) & M48, unsafe_mul(MAX_REPAID, (p >> P_RELAY) & M32))
    account: uint256 = accounts.words[terms.proposer]
    due: uint256 = terms.fee
    if terms.revises == 0:
        terms.bond = unsafe_mul((p >> P_BOND) & M48, unsafe_add(1, account >> 192))
        due = unsafe_add(due, terms.bond)
    deposit: uint256 = account & M96
    if due > deposit:
        # What the association owes the proposer pays the rest.
        due = unsafe_sub(due, deposit)
        assert due <= (account >> 96) & M96, "association: deposit too low"
        account = unsafe_sub(unsafe_sub(account, deposit), due << 96)
    else:
        account = unsafe_sub(account, due)
    accounts.words[terms.proposer] = account + 2**192
    supply: uint256 = word & M52
    if (word >> D_SINCE) & M32 == block.timestamp:
        supply = (word >> D_BEFORE) & M52
    terms.electorate = extcall CURATORS.open(
        terms.proposal,
        terms.proposer,
        supply,
        (p >> P_GENESIS) & M52,
        p & M16,
        (p >> P_PERIOD) & M24,
        word >> D_VERSION,
    )
    self.commitment[terms.proposal] = keccak256(abi_encode(terms))
    log Proposed(
        proposal=terms.proposal,
        request=terms.request,
        proposer=terms.proposer,
        payee=terms.payee,
        root=terms.root,
        ref=terms.ref,
        manifest=terms.manifest,
        num_rows=terms.num_rows,
        revises=terms.revises,
        bond=terms.bond,
        fee=terms.fee,
        electorate=terms.electorate,
    )
    if terms.request != 0:
        extcall Requests(REQUESTS).on_propose(terms.request, dataset)
    return terms.proposal


@internal
@view
def _pass_earlier(dataset: uint256, number: uint256) -> uint256:
    """
    @return The dataset's word, its mark of settled proposals moved up to this one.
    """
    word: uint256 = self.datasets[dataset]
    settled: uint256 = (word >> D_SETTLED) & M20
    if number <= settled:
        return word
    assert number - settled <= MAX_PASSED + 1, "association: call pass_by"
    for i: uint256 in range(number - settled - 1, bound=MAX_PASSED):
        t: uint256 = staticcall CURATORS.tallies(dataset * UNIT + settled + 1 + i)
        if (t >> 212) & 15 == OPEN:
            # Committed at, review, twice the period: what a late flip adds to the vote holds up nobody.
            period: uint256 = (t >> 188) & M24
            late: uint256 = ((t >> 156) & M32) + ((t >> 236) & M16) * 60 + 2 * period
            assert block.timestamp >= late, "association: earlier is open"
    return unsafe_add(word, unsafe_sub(number, settled) << D_SETTLED)


@internal
@view
def _minted(dataset: uint256, word: uint256, s: Settlement) -> uint256:
    """
    @return The dataset's word.
    """
    # Of 52 bits at most (Verdicts), as are the parts of the word.
    minted: uint256 = s.amount
    if (word >> D_EPOCH) & M16 == s.epoch:
        minted = unsafe_add(minted, (word >> D_MINTED) & M52)
    assert minted <= s.mint_cap, "association: mint cap"
    supply: uint256 = word & M52
    since: uint256 = (word >> D_SINCE) & M32
    before: uint256 = (word >> D_BEFORE) & M52
    if s.amount != 0:
        if since != block.timestamp:
            since = block.timestamp
            before = supply
        supply = unsafe_add(supply, s.amount)
        # With the genesis weight, which the Charter keeps to 51 bits, so that no sum of ballots carries over.
        assert (
            supply <= M51
            or supply + ((self.rules_word[dataset][1] >> P_GENESIS) & M52) <= M52
        ), "association: dataset is full"
    return (
        (word & (2**176 - 2**136 + (M12 << D_VERSION)))
        | supply
        | (since << D_SINCE)
        | (before << D_BEFORE)
        | (minted << D_MINTED)
        | (s.epoch << D_EPOCH)
    )


@internal
def _settle(
    terms: Terms, s: Settlement, payees: DynArray[address, MAX_MEMBERS]
) -> uint256:
    assert self.commitment[terms.proposal] == keccak256(abi_encode(terms)), "association: other terms"
    dataset: uint256 = terms.proposal // UNIT
    snapshot: uint256 = 0
    if s.status < EXPIRED:
        word: uint256 = self._pass_earlier(dataset, terms.proposal % UNIT)
        if s.status == ACCEPTED:
            word = self._minted(dataset, word, s)
        self.datasets[dataset] = word
    if s.amount == 0:
        extcall CURATORS.close(terms.proposal, s.status)
    else:
        extcall CURATORS.close_and_mint(terms.proposal, s.status, terms.payee, s.amount, s.span)
    if s.status == ACCEPTED:
        snapshot = extcall Database(self.database[dataset]).register(
                terms.proposal % UNIT, terms.payee, s.amount, s.base, s.pool_percent
            )
    fee_back: uint256 = s.fee_back
    if s.relay_price != 0:
        # At most 64 ballots are repaid.
        unspent: uint256 = unsafe_sub(MAX_REPAID, self._repaid(terms.proposal))
        fee_back += unsafe_mul(unspent, s.relay_price)
    account: uint256 = accounts.words[terms.proposer] - 2**192
    back: uint256 = s.bond_back + fee_back
    assert (account & M96) + back <= M96, "token: amount out of range"
    accounts.words[terms.proposer] = unsafe_add(account, back)
    amount: uint256 = s.part + s.remainder
    for payee: address in payees:
        accounts._credit(payee, amount)
        log FeePaid(proposal=terms.proposal, to=payee, amount=amount)
        amount = s.part
    log Settled(
        proposal=terms.proposal,
        status=s.status,
        shares=s.amount,
        snapshot=snapshot,
        bond_back=s.bond_back,
        fee_back=fee_back,
    )
    if terms.request != 0:
        fee: uint256 = 0
        if s.status == ACCEPTED:
            fee = terms.fee - fee_back
        extcall Requests(REQUESTS).on_close(
            terms.request, terms.proposer, terms.payee, s.amount, fee
        )
    return snapshot


@internal
@view
def _check_own(terms: Terms) -> uint256:
    """
    @return The tally; terms are compared with the commitment when it is settled.
    """
    assert msg.sender == terms.proposer, "association: not the proposer"
    assert (
        (staticcall Verdicts(VERDICTS).marks(terms.proposal)) & 1 == 0
    ), "association: is challenged"
    return staticcall CURATORS.tallies(terms.proposal)


@internal
def _take_off(terms: Terms, t: uint256, status: uint256, bond_back: uint256):
    # Whoever was to measure it is paid if evidence is published, so that nobody probes a holdout for nothing.
    dataset: uint256 = terms.proposal // UNIT
    version: uint256 = (t >> 224) & M12
    s: Settlement = empty(Settlement)
    s.status = status
    s.bond_back = bond_back
    s.relay_price = (self.rules_word[dataset][version] >> P_RELAY) & M32
    s.fee_back = terms.fee - MAX_REPAID * s.relay_price
    payees: DynArray[address, MAX_MEMBERS] = []
    if (staticcall Verdicts(VERDICTS).marks(terms.proposal)) & 4 != 0:
        payees = staticcall Charter(CHARTER).turn_of(dataset, version, terms.proposal % UNIT)
        s.part = s.fee_back // len(payees)
        s.remainder = s.fee_back % len(payees)
        s.fee_back = 0
    self._settle(terms, s, payees)
