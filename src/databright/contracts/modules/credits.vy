# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Credits: money that a contract owes, pulled by its payees
@notice Money comes in by `_pull` and leaves by `withdraw`, `withdraw_for` or a use that the contract names
    itself. A payee that reverts or is frozen by the token stops nobody: its credit waits.
@dev The token is trusted to move exactly what it is asked to; `_pull` refuses one that does not.
"""
from ethereum.ercs import IERC20

event Withdrawn:
    account: indexed(address)
    amount: uint256

TOKEN: immutable(IERC20)

credit_of: public(HashMap[address, uint256])
total_credit: public(uint256)


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
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Send the caller all that it is owed.
    @return Base units sent, 0 when nothing was owed.
    """
    return self._pay_out(msg.sender)


@external
@nonreentrant
def withdraw_for(account: address) -> uint256:
    """
    @notice Push a credit to its owner; anyone may.
    @param account Whose credit.
    @return Base units sent, 0 when nothing was owed.
    """
    return self._pay_out(account)


@internal
def _credit(account: address, amount: uint256):
    """
    @dev The caller takes the amount from one of its own lines.
    """
    self.credit_of[account] += amount
    self.total_credit += amount


@internal
def _pay_out(account: address) -> uint256:
    amount: uint256 = self.credit_of[account]
    if amount == 0:
        return 0
    self.credit_of[account] = 0
    self.total_credit -= amount
    assert extcall TOKEN.transfer(
        account, amount, default_return_value=True
    ), "token: transfer failed"
    log Withdrawn(account=account, amount=amount)
    return amount


@internal
def _pull(payer: address, amount: uint256):
    """
    @dev Callers hold the re-entrancy lock, so nobody else can move this contract's balance between
        the two readings.
    """
    if amount == 0:
        return
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        payer, self, amount, default_return_value=True
    ), "token: transfer failed"
    assert staticcall TOKEN.balanceOf(self) == before + amount, "token: fee on transfer"
