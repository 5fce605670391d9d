# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Accounts: money that people keep with the association, one word each
@notice A deposit pays bonds and fees of proposals to come and leaves only by its owner's call; a credit is
    what the association owes, which anybody may push to its owner. Neither is in any other line.
@dev word = deposit (96 bits) | credit (96) | open proposals (32). Amounts are below 2^96: the token's
    supply is at most 2^128, but no line takes more than 2^96 - 1.
"""
from ethereum.ercs import IERC20

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

event Deposited:
    account: indexed(address)
    amount: uint256

event Withdrawn:
    account: indexed(address)
    amount: uint256

MASK: constant(uint256) = 2**96 - 1
CREDIT: constant(uint256) = 2**96
OPEN: constant(uint256) = 2**192

TOKEN: immutable(IERC20)

words: HashMap[address, uint256]


@deploy
def __init__(market_token: address):
    """
    @param market_token The one ERC-20 of the market.
    """
    assert market_token != empty(address), "token: zero address"
    TOKEN = IERC20(market_token)


@external
@view
def token() -> address:
    """
    @return The one ERC-20 of the market.
    """
    return TOKEN.address


@external
@view
def deposit_of(account: address) -> uint256:
    """
    @param account Whose.
    @return Base units that pay bonds and fees to come.
    """
    return self.words[account] & MASK


@external
@view
def credit_of(account: address) -> uint256:
    """
    @param account Whose.
    @return Base units owed.
    """
    return (self.words[account] // CREDIT) & MASK


@external
@view
def open_of(account: address) -> uint256:
    """
    @param account Whose.
    @return Open proposals, which raise the bond of the next one.
    """
    return self.words[account] // OPEN


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Add to the caller's deposit.
    @param amount Base units, pulled from the caller.
    """
    self._add_deposit(msg.sender, amount)
    log Deposited(account=msg.sender, amount=amount)
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "token: transfer failed"
    assert staticcall TOKEN.balanceOf(self) == before + amount, "token: fee on transfer"


@external
@nonreentrant
def deposit_with_authorization(
    account: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Add to an account's deposit by its signed EIP-3009 authorization; anyone may send it.
    @param account Whose money and deposit.
    @param amount Base units.
    @param valid_after Chain time after which it holds.
    @param valid_before Chain time until which it holds.
    @param nonce The authorization's.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature.
    """
    self._add_deposit(account, amount)
    log Deposited(account=account, amount=amount)
    before: uint256 = staticcall TOKEN.balanceOf(self)
    extcall Authorizing(TOKEN.address).receiveWithAuthorization(
        account, self, amount, valid_after, valid_before, nonce, v, r, s
    )
    assert staticcall TOKEN.balanceOf(self) == before + amount, "token: fee on transfer"


@external
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Send the caller its credit and its deposit.
    @return Base units sent, 0 when there was nothing.
    """
    word: uint256 = self.words[msg.sender]
    self.words[msg.sender] = word - word % OPEN
    return self._send(msg.sender, (word & MASK) + ((word // CREDIT) & MASK))


@external
@nonreentrant
def withdraw_for(account: address) -> uint256:
    """
    @notice Push a credit to its owner; anyone may. The deposit stays.
    @param account Whose credit.
    @return Base units sent, 0 when nothing was owed.
    """
    word: uint256 = self.words[account]
    credit: uint256 = (word // CREDIT) & MASK
    self.words[account] = word - credit * CREDIT
    return self._send(account, credit)


@internal
def _send(account: address, amount: uint256) -> uint256:
    if amount == 0:
        return 0
    assert extcall TOKEN.transfer(
        account, amount, default_return_value=True
    ), "token: transfer failed"
    log Withdrawn(account=account, amount=amount)
    return amount


@internal
def _add_deposit(account: address, amount: uint256):
    word: uint256 = self.words[account]
    assert amount <= MASK and (word & MASK) + amount <= MASK, "token: amount out of range"
    self.words[account] = word + amount


@internal
def _credit(account: address, amount: uint256):
    """
    @dev The caller takes the amount from one of its own lines.
    """
    word: uint256 = self.words[account]
    # What the association ever held is below 2^96 for one account, or the push must come first.
    assert ((word // CREDIT) & MASK) + amount <= MASK, "token: amount out of range"
    self.words[account] = word + amount * CREDIT
