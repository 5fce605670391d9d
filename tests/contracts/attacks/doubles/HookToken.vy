# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title HookToken: a token that calls its sender and its receiver, takes a fee, or freezes, on demand
"""
interface Hooked:
    def on_hook(): nonpayable

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
hook: public(HashMap[address, address])
frozen: public(HashMap[address, bool])
fee: public(uint256)


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
    self.totalSupply += amount


@external
def set_hook(account: address, hook: address):
    self.hook[account] = hook


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def freeze(account: address, frozen: bool):
    self.frozen[account] = frozen


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(source: address, to: address, amount: uint256) -> bool:
    self.allowance[source][msg.sender] -= amount
    self._move(source, to, amount)
    return True


@external
def burn(amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.totalSupply -= amount


@internal
def _move(source: address, to: address, amount: uint256):
    assert not self.frozen[to] and not self.frozen[source], "frozen"
    if self.hook[source] != empty(address):
        extcall Hooked(self.hook[source]).on_hook()
    self.balanceOf[source] -= amount
    self.balanceOf[to] += amount - self.fee
    self.totalSupply -= self.fee
    if self.hook[to] != empty(address):
        extcall Hooked(self.hook[to]).on_hook()
