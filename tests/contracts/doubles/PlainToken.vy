# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title PlainToken: an ERC-20 with burn, but without EIP-3009
"""

name: public(String[64])
decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)
is_used: HashMap[address, HashMap[bytes32, bool]]
knows_authorizations: bool


@deploy
def __init__(decimals: uint8, knows_authorizations: bool):
    self.name = "Plain"
    self.decimals = decimals
    self.knows_authorizations = knows_authorizations


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def burn(amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.totalSupply -= amount


@external
@view
def authorizationState(authorizer: address, nonce: bytes32) -> bool:
    # It answers, but nothing can be authorised: what a probe by names alone would believe.
    assert self.knows_authorizations
    return self.is_used[authorizer][nonce]
