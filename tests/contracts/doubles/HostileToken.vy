# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title HostileToken: an ERC-20 that misbehaves on demand
@notice Takes a fee on transfer, freezes an account, calls back into its caller while it pays, or answers
    false and moves nothing.
"""

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
fee: public(uint256)
frozen: public(HashMap[address, bool])
target: public(address)
payload: public(Bytes[1024])
called_back: public(bool)
answers_false: public(bool)


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
    self.totalSupply += amount


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def freeze(account: address):
    self.frozen[account] = True


@external
def set_answers_false(answers_false: bool):
    self.answers_false = answers_false


@external
def set_callback(target: address, payload: Bytes[1024]):
    self.target = target
    self.payload = payload
    self.called_back = False


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    if self.answers_false:
        return False
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(source: address, to: address, amount: uint256) -> bool:
    if self.answers_false:
        return False
    self.allowance[source][msg.sender] -= amount
    self._move(source, to, amount)
    return True


@external
def burn(amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.totalSupply -= amount


@internal
def _move(source: address, to: address, amount: uint256):
    assert not self.frozen[to], "frozen"
    if self.target != empty(address):
        target: address = self.target
        self.target = empty(address)
        # the callback's failure is the caller's lock doing its work; a success is recorded
        self.called_back = raw_call(target, self.payload, revert_on_failure=False)
    self.balanceOf[source] -= amount
    self.balanceOf[to] += amount - self.fee
    self.totalSupply -= self.fee
