# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveVault: deposits credited at face value, paid before they are written off, and pushed
@notice `pay_with` takes a signed transfer to itself, credits whoever sends it; `settle` pays everybody in one loop.
"""
from ethereum.ercs import IERC20

interface Authorizing:
    def transferWithAuthorization(
        sender: address, receiver: address, amount: uint256, valid_after: uint256,
        valid_before: uint256, nonce: bytes32, v: uint8, r: bytes32, s: bytes32,
    ): nonpayable

TOKEN: immutable(IERC20)

balance_of: public(HashMap[address, uint256])
payees: DynArray[address, 100]
open_bids: public(uint256)
is_challenged: public(bool)
measured: public(uint256)


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)


@external
def deposit(amount: uint256):
    extcall TOKEN.transferFrom(msg.sender, self, amount)
    self.balance_of[msg.sender] += amount
    self.payees.append(msg.sender)


@external
def withdraw():
    extcall TOKEN.transfer(msg.sender, self.balance_of[msg.sender])
    self.balance_of[msg.sender] = 0


@external
def withdraw_for(account: address):
    # Also what its owner meant to keep here for its next bond.
    amount: uint256 = self.balance_of[account]
    self.balance_of[account] = 0
    extcall TOKEN.transfer(account, amount)


@external
def settle():
    for payee: address in self.payees:
        amount: uint256 = self.balance_of[payee]
        self.balance_of[payee] = 0
        extcall TOKEN.transfer(payee, amount)


@external
def pay_with(
    payer: address, amount: uint256, valid_after: uint256, valid_before: uint256, nonce: bytes32,
    v: uint8, r: bytes32, s: bytes32,
):
    extcall Authorizing(TOKEN.address).transferWithAuthorization(
        payer, self, amount, valid_after, valid_before, nonce, v, r, s
    )
    self.balance_of[msg.sender] += amount
