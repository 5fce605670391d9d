# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Thief: an account that calls back while it pays or is paid
"""
target: address
payload: Bytes[2048]
left: uint256
tried: public(uint256)
succeeded: public(uint256)


@external
def prepare(target: address, payload: Bytes[2048], times: uint256):
    self.target = target
    self.payload = payload
    self.left = times
    self.tried = 0
    self.succeeded = 0


@external
def act(target: address, payload: Bytes[2048]):
    raw_call(target, payload)


@external
def on_hook():
    if self.left == 0:
        return
    self.left -= 1
    self.tried += 1
    if raw_call(self.target, self.payload, revert_on_failure=False):
        self.succeeded += 1
