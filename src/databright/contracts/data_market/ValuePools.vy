# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title ValuePools: the part of a snapshot's income that is divided by measured values
@notice Where a dataset's rules give the shares less than all income, the rest of a snapshot's waits here for a
    root of values signed by k evaluators. It can be vetoed by k evaluators for one voting period; then its
    owners are paid by proof. A pool that gets no root in time falls to the shares.
"""
from ethereum.ercs import IERC20

interface Association:
    def database_of(dataset: uint256) -> address: view

interface Database:
    def fund_shares(s: uint256, amount: uint256): nonpayable

interface Charter:
    def value_window(dataset: uint256) -> uint256: view

interface Verdicts:
    def signers_of(
        dataset: uint256, version: uint256, digest: bytes32, signatures: DynArray[Bytes[65], 16]
    ) -> DynArray[address, 16]: view

struct Pool:
    amount: uint256
    since: uint256
    root: bytes32
    total: uint256
    posted_at: uint256
    is_released: bool
    # From when on its values cannot be vetoed; the window of the rules when they were posted.
    final_at: uint256
    # What its owners were paid until now.
    paid: uint256

event PoolFunded:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    amount: uint256

event ValuesPosted:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    root: bytes32
    total: uint256

event ValuesVetoed:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    root: bytes32

event PoolReleased:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    amount: uint256

event ValueClaimed:
    dataset: indexed(uint256)
    snapshot: indexed(uint256)
    owner: indexed(address)
    amount: uint256

MAX_MEMBERS: constant(uint256) = 16
MAX_DEPTH: constant(uint256) = 20
# No root after so long: the pool falls to the shares.
PATIENCE: constant(uint256) = 90 * 86_400
M128: constant(uint256) = 2**128 - 1
POST: constant(uint256) = 1
VETO: constant(uint256) = 2

TOKEN: immutable(IERC20)
ASSOCIATION: immutable(Association)
CHARTER: immutable(Charter)
VERDICTS: immutable(Verdicts)

# Dataset -> snapshot -> pool.
pools: HashMap[uint256, HashMap[uint256, Pool]]
# Dataset -> snapshot -> owner -> what its value was paid.
value_paid: public(HashMap[uint256, HashMap[uint256, HashMap[address, uint256]]])


@deploy
def __init__(token: address, association: address, charter: address, verdicts: address):
    """
    @param token Money of the market.
    @param association Who knows the Databases.
    @param charter Who knows the rules.
    @param verdicts Who knows the evaluators' signatures.
    """
    TOKEN = IERC20(token)
    ASSOCIATION = Association(association)
    CHARTER = Charter(charter)
    VERDICTS = Verdicts(verdicts)


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
    @return Who knows the Databases.
    """
    return ASSOCIATION.address


@external
@view
def charter() -> address:
    """
    @return Who knows the rules.
    """
    return CHARTER.address


@external
@view
def verdicts() -> address:
    """
    @return Who knows the evaluators' signatures.
    """
    return VERDICTS.address


@external
@view
def pool(dataset: uint256, s: uint256) -> Pool:
    """
    @param dataset Id of the dataset.
    @param s Number of a snapshot.
    @return What its values divide, and by which root.
    """
    return self.pools[dataset][s]


@external
@view
def is_open(dataset: uint256, s: uint256) -> bool:
    """
    @param dataset Id of the dataset.
    @param s Number of a snapshot.
    @return Whether it takes income.
    """
    return not self.pools[dataset][s].is_released


@external
@view
def is_settled(dataset: uint256, s: uint256) -> bool:
    """
    @param dataset Id of the dataset.
    @param s Number of a snapshot.
    @return Whether its values cannot be contested any more: its root has stood its window, or the pool fell to the
        shares without one. Not while nothing has come in.
    """
    p: Pool = self.pools[dataset][s]
    if p.is_released:
        return True
    return p.posted_at != 0 and block.timestamp >= p.final_at


@external
def on_fund(dataset: uint256, s: uint256, amount: uint256):
    """
    @notice Income has come in. Only the dataset's Database, which has sent it.
    @param dataset Id of the dataset.
    @param s Number of the snapshot that was used.
    @param amount Base units.
    """
    assert msg.sender == staticcall ASSOCIATION.database_of(dataset), "pools: not the database"
    if self.pools[dataset][s].since == 0:
        self.pools[dataset][s].since = block.timestamp
    self.pools[dataset][s].amount += amount
    log PoolFunded(dataset=dataset, snapshot=s, amount=amount)


@external
def post_values(
    dataset: uint256,
    s: uint256, root: bytes32, total: uint256, signatures: DynArray[Bytes[65], MAX_MEMBERS]
):
    """
    @notice Say how a snapshot's value pool is divided. Anyone may, with k signatures of evaluators.
    @param dataset Id of the dataset.
    @param s Number of the snapshot.
    @param root Merkle root of (owner, value), leaves keccak(0x00 | owner | value), nodes sorted pairs after 0x01.
    @param total Sum of the values.
    @param signatures Over keccak(this contract, chain, dataset, s, root, total, 1), in ascending order of signer.
    """
    p: Pool = self.pools[dataset][s]
    assert p.posted_at == 0 and not p.is_released, "pools: values are posted"
    assert total != 0 and total <= M128, "pools: values out of range"
    self._check_signed(dataset, s, root, total, POST, signatures)
    self.pools[dataset][s].root = root
    self.pools[dataset][s].total = total
    self.pools[dataset][s].posted_at = block.timestamp
    self.pools[dataset][s].final_at = block.timestamp + staticcall CHARTER.value_window(dataset)
    log ValuesPosted(dataset=dataset, snapshot=s, root=root, total=total)


@external
@nonreentrant
def veto_values(dataset: uint256, s: uint256, signatures: DynArray[Bytes[65], MAX_MEMBERS]):
    """
    @notice Take a root back within its window: the pool falls to the shares. k evaluators sign it.
    @param dataset Id of the dataset.
    @param s Number of the snapshot.
    @param signatures As for posting, with 2 in the place of 1.
    """
    p: Pool = self.pools[dataset][s]
    assert p.posted_at != 0, "pools: no values"
    assert block.timestamp < p.final_at, "pools: values are final"
    self._check_signed(dataset, s, p.root, p.total, VETO, signatures)
    log ValuesVetoed(dataset=dataset, snapshot=s, root=p.root)
    self._release(dataset, s, p)


@external
@nonreentrant
def release(dataset: uint256, s: uint256):
    """
    @notice Let a pool that got no values in 90 days fall to the shares. Anyone may.
    @param dataset Id of the dataset.
    @param s Number of the snapshot.
    """
    p: Pool = self.pools[dataset][s]
    assert p.posted_at == 0 and not p.is_released, "pools: values are posted"
    assert (
        p.since != 0 and block.timestamp >= p.since + PATIENCE
    ), "pools: values may still come"
    self._release(dataset, s, p)


@external
@nonreentrant
def claim_value(
    dataset: uint256, s: uint256, owner: address, worth: uint256, path: DynArray[bytes32, MAX_DEPTH]
) -> uint256:
    """
    @notice Pay an owner its part of a value pool, and again what came in since. Anyone may.
    @param dataset Id of the dataset.
    @param s Number of the snapshot.
    @param owner Who is paid.
    @param worth Its value under the root.
    @param path Siblings from its leaf up.
    @return Base units.
    """
    p: Pool = self.pools[dataset][s]
    assert p.posted_at != 0 and not p.is_released, "pools: no values"
    assert block.timestamp >= p.final_at, "pools: values are not final"
    node: bytes32 = keccak256(concat(x"00", convert(owner, bytes20), convert(worth, bytes32)))
    for sibling: bytes32 in path:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(concat(x"01", node, sibling))
        else:
            node = keccak256(concat(x"01", sibling, node))
    assert node == p.root and worth <= p.total, "pools: wrong path"
    earned: uint256 = p.amount * worth // p.total
    due: uint256 = earned - self.value_paid[dataset][s][owner]
    # A root whose values sum to more than it says takes nothing of another pool.
    assert p.paid + due <= p.amount, "pools: values exceed their sum"
    self.pools[dataset][s].paid = p.paid + due
    self.value_paid[dataset][s][owner] = earned
    log ValueClaimed(dataset=dataset, snapshot=s, owner=owner, amount=due)
    if due != 0:
        assert extcall TOKEN.transfer(
            owner, due, default_return_value=True
        ), "token: transfer failed"
    return due


@internal
@view
def _check_signed(
    dataset: uint256,
    s: uint256,
    root: bytes32,
    total: uint256,
    purpose: uint256,
    signatures: DynArray[Bytes[65], MAX_MEMBERS],
):
    digest: bytes32 = keccak256(abi_encode(self, chain.id, dataset, s, root, total, purpose))
    # It reverts where a signature does not count. Version 0 is the newest.
    signers: DynArray[address, MAX_MEMBERS] = staticcall VERDICTS.signers_of(
        dataset, 0, digest, signatures
    )
    assert len(signers) != 0, "pools: not signed"


@internal
def _release(dataset: uint256, s: uint256, p: Pool):
    self.pools[dataset][s] = Pool(
        amount=0,
        since=p.since,
        root=empty(bytes32),
        total=0,
        posted_at=0,
        is_released=True,
        final_at=0,
        paid=0,
    )
    database: address = staticcall ASSOCIATION.database_of(dataset)
    assert extcall TOKEN.approve(database, p.amount, default_return_value=True)
    extcall Database(database).fund_shares(s, p.amount)
    log PoolReleased(dataset=dataset, snapshot=s, amount=p.amount)
