# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Purse: the market's money inside one contract
@notice Money comes in by `_pull` and leaves by `withdraw`, `withdraw_for` or a use that the
        contract names itself. Every payee pulls, so that one that cannot be paid stops nobody.
@dev The token is trusted to move exactly what it is asked to; `_pull` refuses one that does not.
"""

interface Token:
    def balanceOf(account: address) -> uint256: view
    def transfer(to: address, amount: uint256) -> bool: nonpayable
    def transferFrom(source: address, to: address, amount: uint256) -> bool: nonpayable


event Withdrawn:
    account: indexed(address)
    amount: uint256


token: public(immutable(address))
credit_of: public(HashMap[address, uint256])
total_credit: public(uint256)


@deploy
def __init__(market_token: address):
    """
    @param market_token The ERC-20 that is all market money.
    """
    assert market_token != empty(address), "purse: no token"
    token = market_token


@internal
def _pull(payer: address, amount: uint256):
    """
    @notice Takes `amount` base units from `payer`, who has approved this contract.
    """
    if amount == 0:
        return
    before: uint256 = staticcall Token(token).balanceOf(self)
    assert extcall Token(token).transferFrom(
        payer, self, amount, default_return_value=True
    ), "token: transfer failed"
    assert staticcall Token(token).balanceOf(self) == before + amount, "token: fee on transfer"


@internal
def _credit(account: address, amount: uint256):
    """
    @notice Sets `amount` aside for `account`. The caller takes it from one of its own lines.
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
    assert extcall Token(token).transfer(
        account, amount, default_return_value=True
    ), "token: transfer failed"
    log Withdrawn(account=account, amount=amount)
    return amount


@external
@nonreentrant
def withdraw() -> uint256:
    """
    @notice Sends the caller's whole credit to the caller.
    @return Base units sent; 0 when there was nothing.
    """
    return self._pay_out(msg.sender)


@external
@nonreentrant
def withdraw_for(account: address) -> uint256:
    """
    @notice Pushes a credit to its owner; anyone may.
    @return Base units sent; 0 when there was nothing.
    """
    return self._pay_out(account)
