# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Database: the accepted entries of one dataset, its snapshots and its dividends
@notice Every acceptance appends an entry and makes a snapshot, numbered from 1; a snapshot consists of
    its first `num_entries` entries and never changes. Income names the snapshot that was used and
    is split among the shares of that snapshot alone: who joins later takes nothing of it.

    Income per share is kept in fixed point (2^64) in a Fenwick tree over snapshots, read as a sum
    from a tranche's birth to the newest snapshot. What a holder has earned is kept with its
    fraction, so that no claim rounds twice; only whole units are paid.
"""
from ..modules import credits

initializes: credits
exports: (credits.token, credits.credit_of, credits.total_credit, credits.withdraw, credits.withdraw_for)

interface CuratorToken:
    def balanceOf(owner: address, id: uint256) -> uint256: view

event Registered:
    dataset: indexed(uint256)
    proposal: indexed(uint256)
    snapshot: indexed(uint256)
    contributor: address
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    shares: uint256
    root: bytes32

event Funded:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event TrancheFunded:
    dataset: indexed(uint256)
    tranche: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event Claimed:
    dataset: indexed(uint256)
    tranche: indexed(uint256)
    holder: indexed(address)
    amount: uint256

struct Entry:
    proposal: uint256
    contributor: address
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    shares: uint256
    born: uint256

struct Snapshot:
    num_entries: uint256
    num_rows: uint256
    total_shares: uint256
    root: bytes32
    created_at: uint256

MAX_PAGE: constant(uint256) = 50
MAX_CLAIMS: constant(uint256) = 64
# Base units per share are kept times this.
ONE: constant(uint256) = 2**64

DATASET: immutable(uint256)
ASSOCIATION: immutable(address)
CURATOR_TOKEN: immutable(CuratorToken)
PRICE_PER_USE: immutable(uint256)

num_snapshots: public(uint256)
# Tranche -> the snapshot that its acceptance made; 0 = not of this dataset.
born_of: public(HashMap[uint256, uint256])
shares_of: public(HashMap[uint256, uint256])

# Entry i (from 0) was appended by snapshot i + 1.
entry_at: HashMap[uint256, Entry]
snapshots: HashMap[uint256, Snapshot]
# Income per share: by snapshot (Fenwick tree), and of single tranches.
tree: HashMap[uint256, uint256]
tranche_income: HashMap[uint256, uint256]
# Tranche -> holder: income per share that is already counted, and what was earned, times ONE.
counted: HashMap[uint256, HashMap[address, uint256]]
pending: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(
    dataset: uint256,
    association: address,
    curator_token: address,
    token: address,
    price_per_use: uint256,
):
    """
    @param dataset Id of the dataset.
    @param association The only caller that registers entries.
    @param curator_token Who holds the shares.
    @param token Money of the market.
    @param price_per_use Data fee of a job, base units.
    """
    credits.__init__(token)
    DATASET = dataset
    ASSOCIATION = association
    CURATOR_TOKEN = CuratorToken(curator_token)
    PRICE_PER_USE = price_per_use


@external
@view
def dataset() -> uint256:
    """
    @return Id of the dataset.
    """
    return DATASET


@external
@view
def price_per_use() -> uint256:
    """
    @return Data fee of a job, base units.
    """
    return PRICE_PER_USE


@external
@view
def snapshot(s: uint256) -> Snapshot:
    """
    @param s Number of the snapshot, from 1.
    @return The snapshot.
    """
    assert s != 0 and s <= self.num_snapshots, "database: unknown snapshot"
    return self.snapshots[s]


@external
@view
def entries(offset: uint256, limit: uint256) -> DynArray[Entry, MAX_PAGE]:
    """
    @param offset Index of the first entry, from 0.
    @param limit How many at most, up to 50.
    @return Accepted entries in order of acceptance; fewer than `limit` at the end.
    """
    assert limit <= MAX_PAGE, "database: page too large"
    page: DynArray[Entry, MAX_PAGE] = []
    # Each snapshot appended one entry.
    total: uint256 = self.num_snapshots
    for i: uint256 in range(limit, bound=MAX_PAGE):
        if offset >= total or i >= total - offset:
            break
        page.append(self.entry_at[offset + i])
    return page


@external
@nonreentrant
def register(
    proposal: uint256,
    contributor: address,
    ref: bytes32,
    manifest: bytes32,
    num_rows: uint256,
    shares: uint256,
) -> uint256:
    """
    @notice Append an accepted entry and make the next snapshot. Only the association.
    @param proposal Id of the proposal, and of its tranche.
    @param contributor Who gets the shares.
    @param ref Digest of the sealed reference.
    @param manifest Digest of the public manifest.
    @param num_rows Rows of the entry.
    @param shares Shares minted for it.
    @return Number of the new snapshot.
    """
    assert msg.sender == ASSOCIATION, "database: not the association"
    assert self.born_of[proposal] == 0, "database: proposal is registered"
    head: uint256 = self.num_snapshots
    s: uint256 = head + 1
    old: Snapshot = self.snapshots[head]
    root: bytes32 = keccak256(
        abi_encode(old.root, proposal, contributor, ref, manifest, num_rows, shares)
    )
    self.num_snapshots = s
    self.born_of[proposal] = s
    self.shares_of[proposal] = shares
    self.entry_at[head] = Entry(
        proposal=proposal,
        contributor=contributor,
        ref=ref,
        manifest=manifest,
        num_rows=num_rows,
        shares=shares,
        born=s,
    )
    self.snapshots[s] = Snapshot(
        num_entries=s,
        num_rows=old.num_rows + num_rows,
        total_shares=old.total_shares + shares,
        root=root,
        created_at=block.timestamp,
    )
    log Registered(
        dataset=DATASET,
        proposal=proposal,
        snapshot=s,
        contributor=contributor,
        ref=ref,
        manifest=manifest,
        num_rows=num_rows,
        shares=shares,
        root=root,
    )
    return s


@external
@nonreentrant
def fund(s: uint256, amount: uint256):
    """
    @notice Pay income of a use of snapshot s to its shares. Anyone may.
    @param s Number of the snapshot that was used.
    @param amount Base units, pulled from the caller.
    """
    assert s != 0 and s <= self.num_snapshots, "database: unknown snapshot"
    total_shares: uint256 = self.snapshots[s].total_shares
    assert total_shares != 0, "database: snapshot has no shares"
    per_share: uint256 = amount * ONE // total_shares
    # Node j holds the income of snapshots j .. j + lowbit(j) - 1.
    j: uint256 = s
    for _: uint256 in range(256):
        if j == 0:
            break
        self.tree[j] += per_share
        j -= self._lowbit(j)
    log Funded(dataset=DATASET, snapshot=s, payer=msg.sender, amount=amount)
    credits._pull(msg.sender, amount)


@external
@nonreentrant
def fund_tranche(tranche: uint256, amount: uint256):
    """
    @notice Pay income to one tranche alone. Anyone may.
    @param tranche Id of the tranche.
    @param amount Base units, pulled from the caller.
    """
    assert self.born_of[tranche] != 0, "database: unknown tranche"
    shares: uint256 = self.shares_of[tranche]
    assert shares != 0, "database: tranche has no shares"
    self.tranche_income[tranche] += amount * ONE // shares
    log TrancheFunded(dataset=DATASET, tranche=tranche, payer=msg.sender, amount=amount)
    credits._pull(msg.sender, amount)


@external
@view
def claimable(tranche: uint256, holder: address) -> uint256:
    """
    @param tranche Id of the tranche.
    @param holder Whose income, also after it has sold its shares.
    @return Base units that a claim would pay now.
    """
    return self._earned(tranche, holder, self._income_per_share(tranche)) // ONE


@external
@nonreentrant
def claim(tranche: uint256) -> uint256:
    """
    @notice Pay the caller its income of a tranche.
    @param tranche Id of the tranche.
    @return Base units paid.
    """
    self._claim(tranche, msg.sender)
    return credits._pay_out(msg.sender)


@external
@nonreentrant
def claim_many(tranches: DynArray[uint256, MAX_CLAIMS]) -> uint256:
    """
    @notice Pay the caller its income of several tranches at once.
    @param tranches Ids of the tranches.
    @return Base units paid.
    """
    for tranche: uint256 in tranches:
        self._claim(tranche, msg.sender)
    return credits._pay_out(msg.sender)


@external
@nonreentrant
def claim_for(tranche: uint256, holder: address) -> uint256:
    """
    @notice Pay a holder its income of a tranche. Anyone may.
    @param tranche Id of the tranche.
    @param holder Who is paid.
    @return Base units paid.
    """
    self._claim(tranche, holder)
    return credits._pay_out(holder)


@external
@nonreentrant
def settle(tranche: uint256, a: address, b: address):
    """
    @notice Count two holders' income before their balances change. Only the CuratorToken.
    @param tranche Id of the tranche.
    @param a Sender.
    @param b Receiver; may equal the sender.
    """
    assert msg.sender == CURATOR_TOKEN.address, "database: not the curator token"
    income: uint256 = self._income_per_share(tranche)
    self._settle(tranche, a, income)
    self._settle(tranche, b, income)


@internal
def _claim(tranche: uint256, holder: address):
    self._settle(tranche, holder, self._income_per_share(tranche))
    earned: uint256 = self.pending[tranche][holder]
    amount: uint256 = earned // ONE
    if amount == 0:
        return
    self.pending[tranche][holder] = earned % ONE
    credits._credit(holder, amount)
    log Claimed(dataset=DATASET, tranche=tranche, holder=holder, amount=amount)


@internal
def _settle(tranche: uint256, holder: address, income: uint256):
    self.pending[tranche][holder] = self._earned(tranche, holder, income)
    self.counted[tranche][holder] = income


@internal
@view
def _earned(tranche: uint256, holder: address, income: uint256) -> uint256:
    held: uint256 = staticcall CURATOR_TOKEN.balanceOf(holder, tranche)
    return self.pending[tranche][holder] + held * (income - self.counted[tranche][holder])


@internal
@view
def _income_per_share(tranche: uint256) -> uint256:
    born: uint256 = self.born_of[tranche]
    assert born != 0, "database: unknown tranche"
    income: uint256 = self.tranche_income[tranche]
    newest: uint256 = self.num_snapshots
    j: uint256 = born
    for _: uint256 in range(256):
        if j > newest:
            break
        income += self.tree[j]
        j += self._lowbit(j)
    return income


@internal
@pure
def _lowbit(j: uint256) -> uint256:
    # j & -j, for j > 0.
    return j & (~j + 1)
