# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title CuratorToken: who may vote, and who owns the income of accepted data
@notice Two balances, minted together when a proposal is accepted. Votes belong to a dataset and never
    move. Shares are ERC-6909 ids, one per tranche (the proposal's id), and are transferable; the
    income that they earned before a transfer stays with the sender. Genesis weight opens a dataset
    and fades as earned weight grows. Votes can be lent to an oracle, with a cap and an expiry.
"""

interface Database:
    def settle(tranche: uint256, a: address, b: address): nonpayable

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

event Minted:
    dataset: indexed(uint256)
    tranche: indexed(uint256)
    to: indexed(address)
    amount: uint256

event Lent:
    dataset: indexed(uint256)
    lender: indexed(address)
    oracle: indexed(address)
    cap: uint256
    expiry: uint256

event TakenBack:
    dataset: indexed(uint256)
    lender: indexed(address)

struct Checkpoint:
    time: uint256
    votes: uint256

struct Loan:
    oracle: address
    cap: uint256
    since: uint256
    expiry: uint256

MAX_CURATORS: constant(uint256) = 16
# Weights and mints stay below 2^96, so that no product of two of them overflows.
MAX_WEIGHT: constant(uint256) = 2**96 - 1
ERC165_ID: constant(bytes4) = 0x01ffc9a7
ERC6909_ID: constant(bytes4) = 0x0f632fb3

ASSOCIATION: immutable(address)

balanceOf: public(HashMap[address, HashMap[uint256, uint256]])
totalSupply: public(HashMap[uint256, uint256])
allowance: public(HashMap[address, HashMap[address, HashMap[uint256, uint256]]])
isOperator: public(HashMap[address, HashMap[address, bool]])

database_of: public(HashMap[uint256, address])
dataset_of: public(HashMap[uint256, uint256])
genesis_weight: public(HashMap[uint256, HashMap[address, uint256]])
genesis_total: public(HashMap[uint256, uint256])
lent: public(HashMap[uint256, HashMap[address, Loan]])

# Earned votes over time; the zero address holds the dataset's sum.
history: HashMap[uint256, HashMap[address, HashMap[uint256, Checkpoint]]]
history_length: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(association: address):
    """
    @param association The only caller that opens datasets and mints.
    """
    assert association != empty(address), "curator: zero address"
    ASSOCIATION = association


@external
@view
def association() -> address:
    """
    @return The only caller that opens datasets and mints.
    """
    return ASSOCIATION


@external
def open_dataset(
    dataset: uint256,
    database: address,
    curators: DynArray[address, MAX_CURATORS],
    weights: DynArray[uint256, MAX_CURATORS],
):
    """
    @notice Open a dataset's electorate with its genesis curators. Only the association.
    @param dataset Id of the dataset.
    @param database Its Database, which is told of transfers of its shares.
    @param curators Genesis curators, distinct.
    @param weights Their weights, each above 0.
    """
    assert msg.sender == ASSOCIATION, "curator: not the association"
    assert self.database_of[dataset] == empty(address), "curator: dataset is open"
    assert database != empty(address), "curator: zero address"
    assert len(curators) != 0, "curator: no curators"
    assert len(curators) == len(weights), "curator: curators and weights differ in length"
    self.database_of[dataset] = database
    total: uint256 = 0
    for i: uint256 in range(len(curators), bound=MAX_CURATORS):
        curator: address = curators[i]
        assert curator != empty(address), "curator: zero address"
        assert self.genesis_weight[dataset][curator] == 0, "curator: named twice"
        assert 0 < weights[i] and weights[i] <= MAX_WEIGHT, "curator: weight out of range"
        self.genesis_weight[dataset][curator] = weights[i]
        total += weights[i]
    self.genesis_total[dataset] = total


@external
def mint(dataset: uint256, tranche: uint256, to: address, amount: uint256):
    """
    @notice Mint a tranche: shares and as many votes, once. Only the association.
    @param dataset Id of the dataset.
    @param tranche Id of the tranche, which is its proposal's.
    @param to Who gets both.
    @param amount Shares; 0 registers the tranche only.
    """
    assert msg.sender == ASSOCIATION, "curator: not the association"
    assert self.database_of[dataset] != empty(address), "curator: unknown dataset"
    assert self.dataset_of[tranche] == 0, "curator: tranche is minted"
    assert to != empty(address), "curator: zero address"
    assert amount <= MAX_WEIGHT, "curator: amount out of range"
    self.dataset_of[tranche] = dataset
    if amount != 0:
        self.balanceOf[to][tranche] = amount
        self.totalSupply[tranche] = amount
        self._add_votes(dataset, to, amount)
        self._add_votes(dataset, empty(address), amount)
        log Transfer(
            caller=msg.sender, sender=empty(address), receiver=to, id=tranche, amount=amount
        )
    log Minted(dataset=dataset, tranche=tranche, to=to, amount=amount)


# ERC-6909: the shares


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
            assert allowed >= amount, "curator: allowance too low"
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


# Votes


@external
@view
def earned_votes(dataset: uint256, account: address) -> uint256:
    """
    @param dataset Id of the dataset.
    @param account Whose.
    @return Votes earned by accepted data until now.
    """
    length: uint256 = self.history_length[dataset][account]
    if length == 0:
        return 0
    return self.history[dataset][account][length - 1].votes


@external
@view
def earned_at(dataset: uint256, account: address, time: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @param account Whose.
    @param time Chain time; final once it is past.
    @return Earned votes at the end of `time`.
    """
    assert account != empty(address), "curator: zero address"
    return self._earned_at(dataset, account, time)


@external
@view
def earned_supply_at(dataset: uint256, time: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @param time Chain time; final once it is past.
    @return Sum of all earned votes at the end of `time`.
    """
    return self._earned_at(dataset, empty(address), time)


@external
@view
def weight_at(dataset: uint256, account: address, time: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @param account Whose.
    @param time Chain time; final once it is past. Genesis weight is the same at any time but for
        its fading.
    @return Voting weight: earned votes and faded genesis weight.
    """
    genesis: uint256 = self.genesis_weight[dataset][account]
    weight: uint256 = self._earned_at(dataset, account, time)
    if genesis == 0:
        return weight
    return weight + self._faded(dataset, genesis, self._earned_at(dataset, empty(address), time))


@external
@view
def supply_at(dataset: uint256, time: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @param time Chain time; final once it is past.
    @return At least the sum of all voting weights at the end of `time`; more only by what rounding
        takes from each genesis curator.
    """
    earned: uint256 = self._earned_at(dataset, empty(address), time)
    return earned + self._faded(dataset, self.genesis_total[dataset], earned)


@external
def lend(dataset: uint256, oracle: address, cap: uint256, expiry: uint256):
    """
    @notice Lend votes to an oracle, for proposals opened later. Replaces an earlier loan. The lender
        may still vote herself, which overrides the oracle's ballot on that proposal.
    @param dataset Id of the dataset.
    @param oracle Who may cast them.
    @param cap The most weight that it casts on one proposal.
    @param expiry Chain time at which the loan ends.
    """
    assert self.database_of[dataset] != empty(address), "curator: unknown dataset"
    assert oracle != empty(address), "curator: zero address"
    assert oracle != msg.sender, "curator: cannot lend to oneself"
    assert cap != 0, "curator: cap is zero"
    assert expiry > block.timestamp, "curator: expiry is past"
    self.lent[dataset][msg.sender] = Loan(
        oracle=oracle, cap=cap, since=block.timestamp, expiry=expiry
    )
    log Lent(dataset=dataset, lender=msg.sender, oracle=oracle, cap=cap, expiry=expiry)


@external
def take_back(dataset: uint256):
    """
    @notice End a loan of votes. Ballots that the oracle cast already stand until overridden.
    @param dataset Id of the dataset.
    """
    assert self.lent[dataset][msg.sender].oracle != empty(address), "curator: nothing is lent"
    self.lent[dataset][msg.sender] = empty(Loan)
    log TakenBack(dataset=dataset, lender=msg.sender)


@internal
def _transfer(sender: address, receiver: address, id: uint256, amount: uint256):
    dataset: uint256 = self.dataset_of[id]
    assert dataset != 0, "curator: unknown tranche"
    assert receiver != empty(address), "curator: zero address"
    # The Database is our own contract, reads the balances as they are before the transfer, and
    # calls nobody else.
    extcall Database(self.database_of[dataset]).settle(id, sender, receiver)
    held: uint256 = self.balanceOf[sender][id]
    assert held >= amount, "curator: balance too low"
    self.balanceOf[sender][id] = held - amount
    self.balanceOf[receiver][id] += amount
    log Transfer(caller=msg.sender, sender=sender, receiver=receiver, id=id, amount=amount)


@internal
def _add_votes(dataset: uint256, account: address, amount: uint256):
    length: uint256 = self.history_length[dataset][account]
    votes: uint256 = amount
    if length != 0:
        last: Checkpoint = self.history[dataset][account][length - 1]
        votes += last.votes
        if last.time == block.timestamp:
            self.history[dataset][account][length - 1].votes = votes
            return
    self.history[dataset][account][length] = Checkpoint(time=block.timestamp, votes=votes)
    self.history_length[dataset][account] = length + 1


@internal
@view
def _earned_at(dataset: uint256, account: address, time: uint256) -> uint256:
    # Binary search: `low` is how many checkpoints are known to be at or before `time`.
    low: uint256 = 0
    high: uint256 = self.history_length[dataset][account]
    for _: uint256 in range(256):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self.history[dataset][account][middle].time <= time:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return self.history[dataset][account][low - 1].votes


@internal
@view
def _faded(dataset: uint256, genesis: uint256, earned: uint256) -> uint256:
    total: uint256 = self.genesis_total[dataset]
    if total == 0:
        return 0
    return genesis * total // (total + earned)
