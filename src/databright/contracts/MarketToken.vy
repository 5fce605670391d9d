# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title MarketToken: the money of one market
@notice ERC-20 with a fixed supply, burning of one's own balance, and EIP-3009 authorisations.
    Nobody can mint, freeze or take. A test token on development chains; elsewhere any plain
    ERC-20 with `burn` takes its place.
"""
from ethereum.ercs import IERC20

implements: IERC20

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TRANSFER_TYPEHASH: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPEHASH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_TYPEHASH: constant(bytes32) = keccak256(
    "CancelAuthorization(address authorizer,bytes32 nonce)"
)
# Half the order of secp256k1: of the two equivalent signatures only the lower one counts.
MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
VERSION: constant(String[1]) = "1"

decimals: public(constant(uint8)) = 6

name: public(String[64])
symbol: public(String[16])
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@deploy
def __init__(
    name: String[64],
    symbol: String[16],
    holders: DynArray[address, 64],
    amounts: DynArray[uint256, 64],
):
    """
    @param name Name, also of the EIP-712 domain.
    @param symbol Symbol.
    @param holders Who holds the whole supply at first.
    @param amounts Base units (1/1,000,000) for each of them.
    """
    assert len(holders) == len(amounts), "token: holders and amounts differ in length"
    self.name = name
    self.symbol = symbol
    supply: uint256 = 0
    for i: uint256 in range(len(holders), bound=64):
        assert holders[i] != empty(address), "token: zero address"
        self.balanceOf[holders[i]] += amounts[i]
        supply += amounts[i]
        log Transfer(sender=empty(address), receiver=holders[i], value=amounts[i])
    # Room for the fixed-point sums of the dividends, and far more than any money needs.
    assert supply <= convert(max_value(uint128), uint256), "token: supply too large"
    self.totalSupply = supply


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Send tokens.
    @param receiver To whom, not the zero address.
    @param amount Base units.
    @return True.
    """
    self._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Send another's tokens within the allowance that it gave the caller.
    @param sender Whose tokens.
    @param receiver To whom, not the zero address.
    @param amount Base units.
    @return True.
    """
    allowed: uint256 = self.allowance[sender][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "token: allowance too low"
        self.allowance[sender][msg.sender] = allowed - amount
    self._transfer(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another to send the caller's tokens.
    @param spender Whom.
    @param amount Base units; 2^256 - 1 does not shrink with use.
    @return True.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def burn(amount: uint256):
    """
    @notice Destroy tokens of the caller.
    @param amount Base units.
    """
    held: uint256 = self.balanceOf[msg.sender]
    assert held >= amount, "token: balance too low"
    self.balanceOf[msg.sender] = held - amount
    self.totalSupply -= amount
    log Transfer(sender=msg.sender, receiver=empty(address), value=amount)


@external
def transferWithAuthorization(
    sender: address,
    receiver: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice EIP-3009: a transfer that its sender signed and anyone sends.
    @param sender Who signed and pays.
    @param receiver To whom.
    @param amount Base units.
    @param validAfter Time after which it may be used.
    @param validBefore Time before which it may be used.
    @param nonce Any 32 bytes that the sender has not used.
    @param v Signature, 27 or 28.
    @param r Signature.
    @param s Signature, the lower of the two.
    """
    self._use_authorization(
        TRANSFER_TYPEHASH, sender, receiver, amount, validAfter, validBefore, nonce, v, r, s
    )
    self._transfer(sender, receiver, amount)


@external
def receiveWithAuthorization(
    sender: address,
    receiver: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice EIP-3009: as transferWithAuthorization, but only the receiver may send it, so that nobody
        separates the payment from the call that it pays for.
    @param sender Who signed and pays.
    @param receiver The caller.
    @param amount Base units.
    @param validAfter Time after which it may be used.
    @param validBefore Time before which it may be used.
    @param nonce Any 32 bytes that the sender has not used.
    @param v Signature, 27 or 28.
    @param r Signature.
    @param s Signature, the lower of the two.
    """
    assert receiver == msg.sender, "token: caller is not the receiver"
    self._use_authorization(
        RECEIVE_TYPEHASH, sender, receiver, amount, validAfter, validBefore, nonce, v, r, s
    )
    self._transfer(sender, receiver, amount)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice EIP-3009: spend a nonce without a transfer.
    @param authorizer Who signed.
    @param nonce The nonce.
    @param v Signature, 27 or 28.
    @param r Signature.
    @param s Signature, the lower of the two.
    """
    assert not self.authorizationState[authorizer][nonce], "token: authorization is used"
    self._check_signature(
        authorizer, keccak256(abi_encode(CANCEL_TYPEHASH, authorizer, nonce)), v, r, s
    )
    self.authorizationState[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @return The EIP-712 domain separator on this chain.
    """
    return self._domain_separator()


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    assert receiver != empty(address), "token: zero address"
    held: uint256 = self.balanceOf[sender]
    assert held >= amount, "token: balance too low"
    self.balanceOf[sender] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)


@internal
def _use_authorization(
    typehash: bytes32,
    sender: address,
    receiver: address,
    amount: uint256,
    validAfter: uint256,
    validBefore: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp > validAfter, "token: authorization is not yet valid"
    assert block.timestamp < validBefore, "token: authorization has expired"
    assert not self.authorizationState[sender][nonce], "token: authorization is used"
    self._check_signature(
        sender,
        keccak256(
            abi_encode(typehash, sender, receiver, amount, validAfter, validBefore, nonce)
        ),
        v,
        r,
        s,
    )
    self.authorizationState[sender][nonce] = True
    log AuthorizationUsed(authorizer=sender, nonce=nonce)


@internal
@view
def _check_signature(signer: address, struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32):
    assert convert(s, uint256) <= MAX_S, "token: wrong signature"
    digest: bytes32 = keccak256(concat(x"1901", self._domain_separator(), struct_hash))
    # ecrecover answers zero for nonsense: the zero address signs nothing.
    assert signer != empty(address) and ecrecover(digest, v, r, s) == signer, "token: wrong signature"


@internal
@view
def _domain_separator() -> bytes32:
    # Not cached: after a fork of the chain the old signatures hold on one side only.
    return keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256(self.name), keccak256(VERSION), chain.id, self)
    )
