# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveShares: income by shares x accumulator - debt, as it is often written
@notice Who joins has no debt, so that old income is diluted; `transfer` settles nothing; `move` settles, but its
    debts are rounded down, in the holder's favour.
"""
from ethereum.ercs import IERC20

SCALE: constant(uint256) = 2**64
TOKEN: immutable(IERC20)

shares: public(HashMap[address, uint256])
debt: public(HashMap[address, uint256])
total: public(uint256)
accumulated: public(uint256)


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)


@external
def join(holder: address, amount: uint256):
    self.shares[holder] += amount
    self.total += amount


@external
def fund(amount: uint256):
    extcall TOKEN.transferFrom(msg.sender, self, amount)
    self.accumulated += amount * SCALE // self.total


@external
def claim() -> uint256:
    return self._pay(msg.sender)


@external
def transfer(to: address, amount: uint256):
    self.shares[msg.sender] -= amount
    self.shares[to] += amount


@external
def move(to: address, amount: uint256):
    self._pay(msg.sender)
    self._pay(to)
    self.shares[msg.sender] -= amount
    self.shares[to] += amount
    self.debt[msg.sender] = self.shares[msg.sender] * self.accumulated // SCALE
    self.debt[to] = self.shares[to] * self.accumulated // SCALE


@internal
def _pay(holder: address) -> uint256:
    earned: uint256 = self.shares[holder] * self.accumulated // SCALE
    due: uint256 = earned - min(earned, self.debt[holder])
    self.debt[holder] = earned
    extcall TOKEN.transfer(holder, due)
    return due
