# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Database: the accepted entries of one dataset, its snapshots, its shares and their income
@notice Every acceptance, removal and takedown makes a snapshot, numbered from 1, which never changes. Shares
    are ERC-6909 ids, one per tranche (the proposal's id). Income names the snapshot that was used and is
    split among the shares of that snapshot alone: who joins later takes nothing of it. A part of it may
    go to the snapshot's value pool, which values signed by k evaluators divide.
@dev Income per share is fixed point (2^64): one accumulator for the newest snapshot, a Fenwick tree for older
    ones, read from a tranche's birth to its end. What a holder has earned is never rounded up: a claim
    keeps the fraction by setting `paid` back by it.
    Head, from the low end: income per share 160 | shares 52 | snapshots 32 | some tranche has a word of its
    own 1 | percent to the value pool 7.
    Position: balance 52 | paid 160 | born 32. Snapshot, three to a word: shares 52 | number 20 | kind 2 |
    percent to the pool 7.
"""
from ethereum.ercs import IERC20

interface Association:
    def commitment(proposal: uint256) -> bytes32: view

interface Charter:
    def price_per_use(dataset: uint256) -> uint256: view

interface ValuePools:
    def is_open(dataset: uint256, snapshot: uint256) -> bool: view
    def on_fund(dataset: uint256, snapshot: uint256, amount: uint256): nonpayable

interface Authorizing:
    def receiveWithAuthorization(
        sender: address,
        receiver: address,
        amount: uint256,
        valid_after: uint256,
        valid_before: uint256,
        nonce: bytes32,
        v: uint8,
        r: bytes32,
        s: bytes32,
    ): nonpayable

struct Entry:
    proposal: uint256
    commitment: bytes32
    shares: uint256
    born: uint256
    # Snapshot from which on it is not part of the dataset; 0 = it is.
    ended: uint256

struct Authorization:
    payer: address
    amount: uint256
    valid_after: uint256
    valid_before: uint256
    nonce: bytes32
    v: uint8
    r: bytes32
    s: bytes32

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

struct Point:
    index: uint256
    num_points: uint256
    salt: bytes32
    row: bytes32
    owner: address
    cid: bytes32

event Transfer:
    caller: address
    sender: indexed(address)
    receiver: indexed(address)
    id: indexed(uint256)
    amount: uint256

event OperatorSet:
    owner: indexed(address)
    spender: indexed(address)
    approved: bool

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    id: indexed(uint256)
    amount: uint256

event Funded:
    snapshot: indexed(uint256)
    payer: indexed(address)
    amount: uint256
    to_pool: uint256

event TrancheFunded:
    tranche: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event Claimed:
    tranche: indexed(uint256)
    holder: indexed(address)
    amount: uint256

event Redirected:
    tranche: indexed(uint256)
    holder: indexed(address)
    to: indexed(address)
    amount: uint256

event Credited:
    tranche: indexed(uint256)
    holder: indexed(address)
    amount: uint256

event Withdrawn:
    account: indexed(address)
    amount: uint256

event Ended:
    tranche: indexed(uint256)
    snapshot: indexed(uint256)
    # Zero: its holder removed it and keeps earlier income.
    redirected_to: address

ACCEPTANCE: constant(uint256) = 0
REMOVAL: constant(uint256) = 1
TAKEDOWN: constant(uint256) = 2

UNIT: constant(uint256) = 1_000_000
MAX_PAGE: constant(uint256) = 50
MAX_CLAIMS: constant(uint256) = 64
MAX_DEPTH: constant(uint256) = 20
M20: constant(uint256) = 2**20 - 1
M32: constant(uint256) = 2**32 - 1
M52: constant(uint256) = 2**52 - 1
M64: constant(uint256) = 2**64 - 1
M81: constant(uint256) = 2**81 - 1
M96: constant(uint256) = 2**96 - 1
M154: constant(uint256) = 2**154 - 1
M160: constant(uint256) = 2**160 - 1

# Places in the head.
H_SHARES: constant(uint256) = 160
H_COUNT: constant(uint256) = 212
H_WORDS: constant(uint256) = 2**244
H_POOL: constant(uint256) = 245
# Places in a snapshot's 81 bits.
S_NUMBER: constant(uint256) = 52
S_KIND: constant(uint256) = 72
S_POOL: constant(uint256) = 74
S_BITS: constant(uint256) = 81
# Places in a position.
B_PAID: constant(uint256) = 52
B_BORN: constant(uint256) = 212

ERC165_ID: constant(bytes4) = 0x01ffc9a7
ERC6909_ID: constant(bytes4) = 0x0f632fb3

DATASET: immutable(uint256)
TOKEN: immutable(IERC20)
ASSOCIATION: immutable(address)
CHARTER: immutable(address)
POOLS: immutable(address)

head: public(uint256)
# Snapshot // 3 -> three of them.
snapshots: HashMap[uint256, uint256]
# Income per share of older snapshots: node j holds those of j .. j + lowbit(j) - 1.
tree: public(HashMap[uint256, uint256])
positions: public(HashMap[address, HashMap[uint256, uint256]])
# Tranche -> income per share that it alone had (slashed bonds of its copies).
tranche_income: public(HashMap[uint256, uint256])
# Tranche -> accumulator when it ended 160 | snapshot from which on it is out 32; 0 = it is in.
endings: public(HashMap[uint256, uint256])
# Tranche -> who is paid instead of its holders after a takedown.
redirect: public(HashMap[uint256, address])
credit_of: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, HashMap[uint256, uint256]]])
isOperator: public(HashMap[address, HashMap[address, bool]])


@deploy
def __init__(
    dataset: uint256, token: address, association: address, charter: address, pools: address
):
    """
    @param dataset Id of the dataset.
    @param token Money of the market.
    @param association The only caller that registers entries.
    @param charter Who sets the price and orders takedowns.
    @param pools Where value pools are.
    """
    DATASET = dataset
    TOKEN = IERC20(token)
    ASSOCIATION = association
    CHARTER = charter
    POOLS = pools


# Views: the registry


@external
@view
def dataset() -> uint256:
    """
    @return Id of the dataset.
    """
    return DATASET


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
    @return Who registers entries.
    """
    return ASSOCIATION


@external
@view
def price_per_use() -> uint256:
    """
    @return Data fee of a job opened now, base units.
    """
    return staticcall Charter(CHARTER).price_per_use(DATASET)


@external
@view
def num_snapshots() -> uint256:
    """
    @return How many there are; the newest has this number.
    """
    return (self.head >> H_COUNT) & M32


@external
@view
def total_shares(s: uint256) -> uint256:
    """
    @param s Number of a snapshot, from 1.
    @return Sum of its shares.
    """
    return self._snapshot(s) & M52


@external
@view
def snapshot(s: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @param s Number of a snapshot, from 1.
    @return Sum of its shares; the tranche that made it; how: 0 accepted, 1 removed by its holder, 2 taken
        down; percent of its income that goes to the value pool.
    """
    word: uint256 = self._snapshot(s)
    return (
        word & M52,
        DATASET * UNIT + ((word >> S_NUMBER) & M20),
        (word >> S_KIND) & 3,
        word >> S_POOL,
    )


@external
@view
def entries(offset: uint256, limit: uint256) -> DynArray[Entry, MAX_PAGE]:
    """
    @param offset Snapshots to pass over, from 0.
    @param limit How many snapshots to look at, up to 50.
    @return The entries that these snapshots brought, in order of acceptance. Snapshot s consists of all with
        born <= s that have not ended or ended > s.
    """
    assert limit <= MAX_PAGE, "database: page too large"
    page: DynArray[Entry, MAX_PAGE] = []
    count: uint256 = (self.head >> H_COUNT) & M32
    for i: uint256 in range(limit, bound=MAX_PAGE):
        s: uint256 = offset + i + 1
        if s > count:
            break
        word: uint256 = self._snapshot(s)
        if (word >> S_KIND) & 3 != ACCEPTANCE:
            continue
        proposal: uint256 = DATASET * UNIT + ((word >> S_NUMBER) & M20)
        page.append(
            Entry(
                proposal=proposal,
                commitment=staticcall Association(ASSOCIATION).commitment(proposal),
                shares=self._shares_born(s),
                born=s,
                ended=self.endings[proposal] >> 160,
            )
        )
    return page


@external
@view
def shares_born(s: uint256, tranche: uint256) -> uint256:
    """
    @param s The snapshot that a tranche was born in.
    @param tranche The tranche.
    @return Shares that were minted; reverts where that snapshot is not its birth.
    """
    self._check_born(s, tranche)
    return self._shares_born(s)


@external
@view
def verify_point(
    terms: Terms, point: Point, path: DynArray[bytes32, MAX_DEPTH], s: uint256, born: uint256
) -> bool:
    """
    @notice Check that a point is part of a snapshot.
    @param terms Of the proposal that brought it.
    @param point The point, its salt, and how many points there are.
    @param path Siblings from its leaf up to the root.
    @param s Number of the snapshot.
    @param born The snapshot that the proposal was accepted in.
    @return True; reverts and says why where it is not.
    """
    assert staticcall Association(ASSOCIATION).commitment(terms.proposal) == keccak256(
        abi_encode(terms)
    ), "database: other terms"
    self._check_born(born, terms.proposal)
    ended: uint256 = self.endings[terms.proposal] >> 160
    assert born <= s and s <= (self.head >> H_COUNT) & M32, "database: not in the snapshot"
    assert ended == 0 or s < ended, "database: not in the snapshot"
    assert point.num_points == terms.num_rows, "database: wrong path"
    assert point.index < point.num_points, "database: wrong path"
    node: bytes32 = keccak256(
        concat(
            x"00",
            convert(convert(point.index, uint64), bytes8),
            point.salt,
            point.row,
            convert(point.owner, bytes20),
            point.cid,
        )
    )
    place: uint256 = point.index
    width: uint256 = point.num_points
    used: uint256 = 0
    for _: uint256 in range(MAX_DEPTH):
        if width == 1:
            break
        # The last node of an odd level goes up as it is.
        if place % 2 == 1 or place + 1 < width:
            assert used < len(path), "database: wrong path"
            if place % 2 == 1:
                node = keccak256(concat(x"01", path[used], node))
            else:
                node = keccak256(concat(x"01", node, path[used]))
            used += 1
        place = place // 2
        width = (width + 1) // 2
    assert width == 1 and used == len(path) and node == terms.root, "database: wrong path"
    return True


@external
@view
def charter() -> address:
    """
    @return Who sets the price and orders takedowns.
    """
    return CHARTER


@external
@view
def pools() -> address:
    """
    @return Where value pools are.
    """
    return POOLS


# Registration, removal, takedown


@external
def register(
    number: uint256, payee: address, shares: uint256, base: uint256, pool_percent: uint256
) -> uint256:
    """
    @notice Append an accepted entry and make the next snapshot. Only the association.
    @param number Of the proposal within the dataset.
    @param payee Who gets the shares.
    @param shares Minted for it.
    @param base The newest snapshot, on which it was measured.
    @param pool_percent Percent of the new snapshot's income that goes to its value pool.
    @return Number of the new snapshot.
    """
    assert msg.sender == ASSOCIATION, "database: not the association"
    word: uint256 = self.head
    s: uint256 = ((word >> H_COUNT) & M32) + 1
    assert base + 1 == s, "database: stale base"
    total: uint256 = ((word >> H_SHARES) & M52) + shares
    income: uint256 = word & M160
    self.head = (
        income
        | (total << H_SHARES)
        | (s << H_COUNT)
        | (word & H_WORDS)
        | (pool_percent << H_POOL)
    )
    self._append(s, total | (number << S_NUMBER) | (pool_percent << S_POOL))
    if shares != 0:
        tranche: uint256 = DATASET * UNIT + number
        self.positions[payee][tranche] = shares | (income << B_PAID) | (s << B_BORN)
        log Transfer(
            caller=msg.sender, sender=empty(address), receiver=payee, id=tranche, amount=shares
        )
    return s


@external
@nonreentrant
def remove(tranche: uint256):
    """
    @notice Take a tranche out of the snapshots to come. Only who holds all its shares, and keeps the income of
        the snapshots that had it.
    @param tranche Id of the tranche.
    """
    position: uint256 = self.positions[msg.sender][tranche]
    born: uint256 = position >> B_BORN
    assert born != 0, "database: no shares"
    assert position & M52 == self._shares_born(born), "database: not all shares"
    self._end(tranche, born, REMOVAL)
    log Ended(tranche=tranche, snapshot=(self.head >> H_COUNT) & M32, redirected_to=empty(address))


@external
@nonreentrant
def take_down(tranche: uint256, born: uint256, to: address):
    """
    @notice Take a tranche out and give all its unclaimed and future income to somebody else. Only the Charter.
    @param tranche Id of the tranche.
    @param born The snapshot that it was born in.
    @param to Who is paid.
    """
    assert msg.sender == CHARTER, "database: not the charter"
    assert to != empty(address), "database: zero address"
    self._check_born(born, tranche)
    assert self.redirect[tranche] == empty(address), "database: is taken down"
    self.redirect[tranche] = to
    if self.endings[tranche] == 0:
        self._end(tranche, born, TAKEDOWN)
    log Ended(tranche=tranche, snapshot=(self.head >> H_COUNT) & M32, redirected_to=to)


# Income


@external
@nonreentrant
def fund(s: uint256, amount: uint256):
    """
    @notice Pay income of a use of snapshot s to its shares and its value pool. Anyone may.
    @param s Number of the snapshot that was used.
    @param amount Base units, pulled from the caller.
    """
    to_pool: uint256 = self._fund(s, msg.sender, amount)
    self._pull(msg.sender, amount)
    self._pass_on(s, to_pool)


@external
@nonreentrant
def fund_shares(s: uint256, amount: uint256):
    """
    @notice Pay income to a snapshot's shares alone. Only the ValuePools, when a pool falls to the shares.
    @param s Number of the snapshot.
    @param amount Base units, pulled from the caller.
    """
    assert msg.sender == POOLS, "database: not the pools"
    word: uint256 = self.head
    shares: uint256 = self._snapshot(s) & M52
    assert shares != 0, "database: no shares"
    self._add_income(s, word, (word >> H_COUNT) & M32, (amount << 64) // shares)
    log Funded(snapshot=s, payer=msg.sender, amount=amount, to_pool=0)
    self._pull(msg.sender, amount)


@external
@nonreentrant
def fund_with_authorization(s: uint256, a: Authorization):
    """
    @notice Pay income by a signed EIP-3009 authorization; anyone may send it.
    @param s Number of the snapshot that was used.
    @param a The payer's authorization to this contract; its nonce names the snapshot: its low 32 bits are s.
    """
    # Else whoever sends it could choose another snapshot than the payer meant.
    assert convert(a.nonce, uint256) & M32 == s, "database: other snapshot"
    to_pool: uint256 = self._fund(s, a.payer, a.amount)
    before: uint256 = staticcall TOKEN.balanceOf(self)
    extcall Authorizing(TOKEN.address).receiveWithAuthorization(
        a.payer, self, a.amount, a.valid_after, a.valid_before, a.nonce, a.v, a.r, a.s
    )
    assert staticcall TOKEN.balanceOf(self) == before + a.amount, "token: fee on transfer"
    self._pass_on(s, to_pool)


@external
@nonreentrant
def fund_tranche(tranche: uint256, born: uint256, amount: uint256):
    """
    @notice Pay income to one tranche alone. Anyone may.
    @param tranche Id of the tranche.
    @param born The snapshot that it was born in.
    @param amount Base units, pulled from the caller.
    """
    self._check_born(born, tranche)
    shares: uint256 = self._shares_born(born)
    assert shares != 0, "database: no shares"
    assert amount <= M96, "database: amount out of range"
    income: uint256 = self.tranche_income[tranche] + (amount << 64) // shares
    assert income <= M154, "database: amount out of range"
    self.tranche_income[tranche] = income
    self.head = self.head | H_WORDS
    log TrancheFunded(tranche=tranche, payer=msg.sender, amount=amount)
    self._pull(msg.sender, amount)


@external
@view
def claimable(tranche: uint256, holder: address) -> uint256:
    """
    @param tranche Id of the tranche.
    @param holder Whose income of the shares that it holds.
    @return Base units that a claim would pay now.
    """
    position: uint256 = self.positions[holder][tranche]
    if position & M52 == 0:
        return 0
    income: uint256 = self._income(self.head, tranche, position >> B_BORN)
    return ((position & M52) * (income - ((position >> B_PAID) & M160))) >> 64


@external
@nonreentrant
def claim(tranche: uint256) -> uint256:
    """
    @notice Pay the caller its income of a tranche.
    @param tranche Id of the tranche.
    @return Base units.
    """
    return self._send(msg.sender, self._claim(self.head, tranche, msg.sender))


@external
@nonreentrant
def claim_many(tranches: DynArray[uint256, MAX_CLAIMS]) -> uint256:
    """
    @notice Pay the caller its income of several tranches at once.
    @param tranches Ids of the tranches.
    @return Base units.
    """
    # No claim changes the head.
    word: uint256 = self.head
    total: uint256 = 0
    for tranche: uint256 in tranches:
        total += self._claim(word, tranche, msg.sender)
    return self._send(msg.sender, total)


@external
@nonreentrant
def claim_for(tranche: uint256, holder: address) -> uint256:
    """
    @notice Pay a holder its income of a tranche, or whom a takedown named in its stead. Anyone may.
    @param tranche Id of the tranche.
    @param holder Who is paid.
    @return Base units that the holder is paid.
    """
    return self._send(holder, self._claim(self.head, tranche, holder))


@external
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Send the caller what transfers and redirections have credited to it.
    @return Base units.
    """
    return self._withdraw(msg.sender)


@external
@nonreentrant
def withdraw_for(account: address) -> uint256:
    """
    @notice Push a credit to its owner; anyone may.
    @param account Whose credit.
    @return Base units.
    """
    return self._withdraw(account)


# ERC-6909: the shares


@external
@view
def balanceOf(owner: address, id: uint256) -> uint256:
    """
    @param owner Whose.
    @param id Tranche.
    @return Shares.
    """
    return self.positions[owner][id] & M52


@external
@nonreentrant
def transfer(receiver: address, id: uint256, amount: uint256) -> bool:
    """
    @notice Send shares; income earned until now stays with the sender, votes do not move.
    @param receiver To whom, not the zero address.
    @param id Tranche.
    @param amount Shares.
    @return True.
    """
    self._transfer(msg.sender, receiver, id, amount)
    return True


@external
@nonreentrant
def transferFrom(sender: address, receiver: address, id: uint256, amount: uint256) -> bool:
    """
    @notice Send another's shares, as its operator or within its allowance.
    @param sender Whose shares.
    @param receiver To whom, not the zero address.
    @param id Tranche.
    @param amount Shares.
    @return True.
    """
    if msg.sender != sender and not self.isOperator[sender][msg.sender]:
        allowed: uint256 = self.allowance[sender][msg.sender][id]
        if allowed != max_value(uint256):
            assert allowed >= amount, "database: allowance too low"
            self.allowance[sender][msg.sender][id] = allowed - amount
    self._transfer(sender, receiver, id, amount)
    return True


@external
def approve(spender: address, id: uint256, amount: uint256) -> bool:
    """
    @notice Allow another to send the caller's shares of one tranche.
    @param spender Whom.
    @param id Tranche.
    @param amount Shares; 2^256 - 1 does not shrink with use.
    @return True.
    """
    self.allowance[msg.sender][spender][id] = amount
    log Approval(owner=msg.sender, spender=spender, id=id, amount=amount)
    return True


@external
def setOperator(spender: address, approved: bool) -> bool:
    """
    @notice Allow or stop another to send all the caller's shares.
    @param spender Whom.
    @param approved Whether it may.
    @return True.
    """
    self.isOperator[msg.sender][spender] = approved
    log OperatorSet(owner=msg.sender, spender=spender, approved=approved)
    return True


@external
@pure
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @param interface_id ERC-165 id.
    @return True for ERC-165 and ERC-6909.
    """
    return interface_id == ERC165_ID or interface_id == ERC6909_ID


@internal
@view
def _snapshot(s: uint256) -> uint256:
    assert s != 0 and s <= (self.head >> H_COUNT) & M32, "database: unknown snapshot"
    return (self.snapshots[s // 3] >> (s % 3 * S_BITS)) & M81


@internal
@view
def _shares_born(s: uint256) -> uint256:
    before: uint256 = 0
    if s > 1:
        before = self._snapshot(s - 1) & M52
    return (self._snapshot(s) & M52) - before


@internal
@view
def _check_born(s: uint256, tranche: uint256):
    word: uint256 = self._snapshot(s)
    assert (word >> S_KIND) & 3 == ACCEPTANCE, "database: unknown tranche"
    assert DATASET * UNIT + ((word >> S_NUMBER) & M20) == tranche, "database: unknown tranche"


@internal
def _append(s: uint256, word: uint256):
    packed: uint256 = word << (s % 3 * S_BITS)
    if s % 3 != 0:
        packed = packed | self.snapshots[s // 3]
    self.snapshots[s // 3] = packed


@internal
def _end(tranche: uint256, born: uint256, kind: uint256):
    assert self.endings[tranche] == 0, "database: has ended"
    word: uint256 = self.head
    s: uint256 = ((word >> H_COUNT) & M32) + 1
    total: uint256 = ((word >> H_SHARES) & M52) - self._shares_born(born)
    pool_percent: uint256 = word >> H_POOL
    self.head = (
        (word & M160) | (total << H_SHARES) | (s << H_COUNT) | H_WORDS | (pool_percent << H_POOL)
    )
    number: uint256 = tranche % UNIT
    self._append(
        s, total | (number << S_NUMBER) | (kind << S_KIND) | (pool_percent << S_POOL)
    )
    self.endings[tranche] = (word & M160) | (s << 160)


@internal
def _fund(s: uint256, payer: address, amount: uint256) -> uint256:
    """
    @return What of it goes to the value pool.
    """
    assert amount <= M96, "database: amount out of range"
    word: uint256 = self.head
    newest: uint256 = (word >> H_COUNT) & M32
    percent: uint256 = word >> H_POOL
    shares: uint256 = (word >> H_SHARES) & M52
    if s != newest:
        old: uint256 = self._snapshot(s)
        shares = old & M52
        percent = old >> S_POOL
    assert shares != 0, "database: no shares"
    to_pool: uint256 = 0
    if percent != 0 and staticcall ValuePools(POOLS).is_open(DATASET, s):
        to_pool = amount * percent // 100
    self._add_income(s, word, newest, ((amount - to_pool) << 64) // shares)
    log Funded(snapshot=s, payer=payer, amount=amount, to_pool=to_pool)
    return to_pool


@internal
def _pass_on(s: uint256, to_pool: uint256):
    if to_pool != 0:
        self._send(POOLS, to_pool)
        extcall ValuePools(POOLS).on_fund(DATASET, s, to_pool)


@internal
def _add_income(s: uint256, word: uint256, newest: uint256, per_share: uint256):
    if s == newest:
        assert (word & M160) + per_share <= M154, "database: amount out of range"
        self.head = unsafe_add(word, per_share)
        return
    j: uint256 = s
    for _: uint256 in range(32):
        if j == 0:
            break
        node: uint256 = self.tree[j] + per_share
        # So that a sum of nodes and accumulators fits into its 160 bits.
        assert node <= M154, "database: amount out of range"
        self.tree[j] = node
        # Without its lowest bit.
        j = j & unsafe_sub(j, 1)


@internal
@view
def _income(word: uint256, tranche: uint256, born: uint256) -> uint256:
    """
    @param word The head.
    @return Income per share of a tranche since the accumulator's beginning.
    """
    newest: uint256 = (word >> H_COUNT) & M32
    # What `_suffix` does, written out.
    income: uint256 = 0
    j: uint256 = born
    for _: uint256 in range(33):
        if j >= newest:
            break
        income = unsafe_add(income, self.tree[j])
        j = unsafe_add(j, j & unsafe_sub(0, j))
    if word & H_WORDS == 0:
        return unsafe_add(income, word & M160)
    income += self.tranche_income[tranche]
    ending: uint256 = self.endings[tranche]
    if ending == 0:
        return income + (word & M160)
    # What newest snapshots earned after its end, and older ones from its end on, is not its own.
    return income + (ending & M160) - self._suffix(ending >> 160, newest)


@internal
@view
def _suffix(s: uint256, newest: uint256) -> uint256:
    total: uint256 = 0
    j: uint256 = s
    for _: uint256 in range(33):
        # Income of the newest snapshot is in the head, so its node and higher ones are empty.
        if j >= newest:
            break
        total = unsafe_add(total, self.tree[j])
        # Plus its lowest bit.
        j = unsafe_add(j, j & unsafe_sub(0, j))
    return total


@internal
def _claim(word: uint256, tranche: uint256, holder: address) -> uint256:
    """
    @param word The head.
    @return What the caller must send to the holder.
    """
    position: uint256 = self.positions[holder][tranche]
    balance: uint256 = position & M52
    if balance == 0:
        return 0
    born: uint256 = position >> B_BORN
    income: uint256 = self._income(word, tranche, born)
    # 52 bits by 160.
    earned: uint256 = unsafe_mul(balance, income - ((position >> B_PAID) & M160))
    amount: uint256 = earned >> 64
    if amount == 0:
        return 0
    # There is a balance, and the fraction of a share's income is no more than the income.
    paid: uint256 = unsafe_sub(income, unsafe_div(earned & M64, balance))
    self.positions[holder][tranche] = balance | (paid << B_PAID) | (born << B_BORN)
    if word & H_WORDS != 0:
        to: address = self.redirect[tranche]
        if to != empty(address):
            self.credit_of[to] += amount
            log Redirected(tranche=tranche, holder=holder, to=to, amount=amount)
            return 0
    log Claimed(tranche=tranche, holder=holder, amount=amount)
    return amount


@internal
def _transfer(sender: address, receiver: address, id: uint256, amount: uint256):
    assert receiver != empty(address), "database: zero address"
    position: uint256 = self.positions[sender][id]
    balance: uint256 = position & M52
    assert balance >= amount, "database: balance too low"
    log Transfer(caller=msg.sender, sender=sender, receiver=receiver, id=id, amount=amount)
    if amount == 0 or sender == receiver:
        return
    born: uint256 = position >> B_BORN
    word: uint256 = self.head
    income: uint256 = self._income(word, id, born)
    # 52 bits by 160.
    earned: uint256 = unsafe_mul(balance, income - ((position >> B_PAID) & M160))
    whole: uint256 = earned >> 64
    if whole != 0:
        # Earlier income stays with the sender, as a credit: it may keep no shares.
        to: address = sender
        # Who is taken down has ended, so that the head says there are words.
        if word & H_WORDS != 0 and self.redirect[id] != empty(address):
            to = self.redirect[id]
        self.credit_of[to] += whole
        log Credited(tranche=id, holder=to, amount=whole)
    rest: uint256 = unsafe_sub(balance, amount)
    if rest == 0:
        self.positions[sender][id] = 0
    else:
        # The fraction stays too, unless it is more than the shares left could have earned.
        paid: uint256 = income - min(income, (earned & M64) // rest)
        self.positions[sender][id] = rest | (paid << B_PAID) | (born << B_BORN)
    old: uint256 = self.positions[receiver][id]
    held: uint256 = old & M52
    paid_by: uint256 = income
    if held != 0:
        # Its earlier income goes on as income of all its shares, rounded down.
        paid_by = income - held * (income - ((old >> B_PAID) & M160)) // (held + amount)
    self.positions[receiver][id] = (held + amount) | (paid_by << B_PAID) | (born << B_BORN)


@internal
def _withdraw(account: address) -> uint256:
    amount: uint256 = self.credit_of[account]
    if amount == 0:
        return 0
    self.credit_of[account] = 0
    log Withdrawn(account=account, amount=amount)
    return self._send(account, amount)


@internal
def _send(account: address, amount: uint256) -> uint256:
    if amount != 0:
        assert extcall TOKEN.transfer(
            account, amount, default_return_value=True
        ), "token: transfer failed"
    return amount


@internal
def _pull(payer: address, amount: uint256):
    # The re-entrancy lock is held, so nobody else can move this contract's balance in between.
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        payer, self, amount, default_return_value=True
    ), "token: transfer failed"
    assert staticcall TOKEN.balanceOf(self) == before + amount, "token: fee on transfer"
