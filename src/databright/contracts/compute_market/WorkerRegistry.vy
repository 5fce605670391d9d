# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title WorkerRegistry: who lends machines, who runs trusted nodes
@notice A worker owner states a minimum fee and locks a stake. It names the nodes whose verdicts it
        accepts (`serve`): nobody else can reserve it or take its stake, whatever dataset or job they
        make up. A stake leaves by `collect_stake`, or whole by the job escrow's slash.
@dev No owner. The escrow's address is fixed in the constructor.
"""

from modules import credits

initializes: credits
exports: (credits.credit_of, credits.withdraw, credits.withdraw_for, credits.token)


interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable


struct Worker:
    min_fee: uint256
    stake: uint256
    tls_pin: bytes32
    numeric_class: bytes32
    barred: bool
    leaving_at: uint256
    registered_at: uint256


struct Node:
    tls_pin: bytes32
    hpke_key: bytes32
    endpoint: String[128]


event WorkerRegistered:
    owner: indexed(address)
    min_fee: uint256
    tls_pin: bytes32
    numeric_class: bytes32
    stake: uint256


event MinFeeSet:
    owner: indexed(address)
    min_fee: uint256


event PinSet:
    owner: indexed(address)
    tls_pin: bytes32


event StakeAdded:
    owner: indexed(address)
    amount: uint256


event Serving:
    owner: indexed(address)
    node: indexed(address)
    until: uint256


event Leaving:
    owner: indexed(address)
    leaving_at: uint256


event StakeReturned:
    owner: indexed(address)
    amount: uint256


event Slashed:
    owner: indexed(address)
    job: indexed(uint256)
    amount: uint256


event NodeRegistered:
    operator: indexed(address)
    tls_pin: bytes32
    hpke_key: bytes32
    endpoint: String[128]


event EndpointSet:
    operator: indexed(address)
    endpoint: String[128]


# Between `leave` (or `stop_serving`) and release, a verdict can still take the stake.
RELEASE_WINDOW: public(constant(uint256)) = 7 * 86400
FOREVER: constant(uint256) = max_value(uint256)

escrow: public(immutable(address))
min_stake: public(immutable(uint256))

worker: public(HashMap[address, Worker])
num_workers: public(uint256)
worker_at: public(HashMap[uint256, address])
listed: HashMap[address, bool]
# 0: never served; FOREVER: serves; else the time until which its stake still answers to the node
served_until: public(HashMap[address, HashMap[address, uint256]])

nodes: HashMap[address, Node]
num_nodes: public(uint256)
node_at: public(HashMap[uint256, address])


@deploy
def __init__(token: address, escrow_: address, min_stake_: uint256):
    """
    @param token The market's money.
    @param escrow_ JobEscrow, the only contract that may slash.
    @param min_stake_ Least stake of a worker, in base units.
    """
    credits.__init__(token)
    assert escrow_ != empty(address), "registry: no escrow"
    escrow = escrow_
    min_stake = min_stake_


# Workers


@external
@nonreentrant
def register(min_fee: uint256, tls_pin: bytes32, numeric_class: bytes32, stake: uint256):
    """
    @notice Enters the caller as a worker owner and locks its stake.
    @param min_fee Least pay for one replica of one segment, in base units.
    @param tls_pin SHA-256 of its certificate, in DER.
    @param numeric_class Name of its arithmetic; results are compared bit for bit inside a class.
    @param stake Base units, at least `min_stake`; pulled from the caller.
    """
    assert self.worker[msg.sender].registered_at == 0, "registry: already registered"
    assert not self.worker[msg.sender].barred, "registry: owner is barred"
    assert tls_pin != empty(bytes32), "registry: no TLS pin"
    assert stake >= min_stake, "registry: stake below minimum"
    self.worker[msg.sender] = Worker(
        min_fee=min_fee,
        stake=stake,
        tls_pin=tls_pin,
        numeric_class=numeric_class,
        barred=False,
        leaving_at=0,
        registered_at=block.timestamp,
    )
    if not self.listed[msg.sender]:
        self.listed[msg.sender] = True
        self.worker_at[self.num_workers] = msg.sender
        self.num_workers += 1
    credits._pull(msg.sender, stake)
    log WorkerRegistered(
        owner=msg.sender,
        min_fee=min_fee,
        tls_pin=tls_pin,
        numeric_class=numeric_class,
        stake=stake,
    )


@external
def set_min_fee(min_fee: uint256):
    """
    @notice Changes the caller's minimum fee. Offers frozen in running jobs stay as they are.
    """
    self._check_registered(msg.sender)
    self.worker[msg.sender].min_fee = min_fee
    log MinFeeSet(owner=msg.sender, min_fee=min_fee)


@external
def set_pin(tls_pin: bytes32):
    """
    @notice Changes the certificate that the caller's machines show.
    """
    self._check_registered(msg.sender)
    assert tls_pin != empty(bytes32), "registry: no TLS pin"
    self.worker[msg.sender].tls_pin = tls_pin
    log PinSet(owner=msg.sender, tls_pin=tls_pin)


@external
@nonreentrant
def add_stake(amount: uint256):
    """
    @notice Locks more stake of the caller.
    """
    self._check_registered(msg.sender)
    assert not self.worker[msg.sender].barred, "registry: owner is barred"
    self.worker[msg.sender].stake += amount
    credits._pull(msg.sender, amount)
    log StakeAdded(owner=msg.sender, amount=amount)


@external
def serve(node_operators: DynArray[address, 16]):
    """
    @notice The caller accepts work from these nodes, and their verdicts on its results: such a node
            can bar it and take its whole stake. Name only operators that you trust.
    """
    self._check_registered(msg.sender)
    for operator: address in node_operators:
        assert self.nodes[operator].tls_pin != empty(bytes32), "registry: unknown node"
        self.served_until[msg.sender][operator] = FOREVER
        log Serving(owner=msg.sender, node=operator, until=FOREVER)


@external
def stop_serving(operator: address):
    """
    @notice No new work from this node; its verdicts on work under way count until the release
            window has passed.
    """
    assert self.served_until[msg.sender][operator] == FOREVER, "registry: does not serve this node"
    until: uint256 = block.timestamp + RELEASE_WINDOW
    self.served_until[msg.sender][operator] = until
    log Serving(owner=msg.sender, node=operator, until=until)


@external
def leave():
    """
    @notice Stops new work of the caller and starts the release window of its stake.
    """
    self._check_registered(msg.sender)
    assert self.worker[msg.sender].leaving_at == 0, "registry: already leaving"
    self.worker[msg.sender].leaving_at = block.timestamp
    log Leaving(owner=msg.sender, leaving_at=block.timestamp)


@external
def collect_stake() -> uint256:
    """
    @notice After the release window: the stake becomes the caller's credit, its entry is closed.
    @return Base units credited.
    """
    self._check_registered(msg.sender)
    leaving_at: uint256 = self.worker[msg.sender].leaving_at
    assert leaving_at != 0, "registry: not leaving"
    assert block.timestamp >= leaving_at + RELEASE_WINDOW, "registry: stake is still locked"
    amount: uint256 = self.worker[msg.sender].stake
    self.worker[msg.sender].stake = 0
    self.worker[msg.sender].leaving_at = 0
    self.worker[msg.sender].registered_at = 0
    credits._credit(msg.sender, amount)
    log StakeReturned(owner=msg.sender, amount=amount)
    return amount


@external
@nonreentrant
def slash(owner: address, job: uint256) -> uint256:
    """
    @notice Escrow only: bars the owner for good and sends its whole stake to the escrow.
    @return Base units sent; 0 for an owner that was slashed before.
    """
    assert msg.sender == escrow, "registry: not the escrow"
    amount: uint256 = self.worker[owner].stake
    self.worker[owner].stake = 0
    self.worker[owner].barred = True
    if amount != 0:
        assert extcall Token(credits.TOKEN.address).transfer(
            escrow, amount, default_return_value=True
        ), "token: transfer failed"
    log Slashed(owner=owner, job=job, amount=amount)
    return amount


@external
@view
def is_available(owner: address) -> bool:
    """
    @return Whether the owner may get new work: registered, not leaving, not barred.
    """
    entry: Worker = self.worker[owner]
    return entry.registered_at != 0 and entry.leaving_at == 0 and not entry.barred


@external
@view
def is_barred(owner: address) -> bool:
    """
    @return Whether a verdict has barred the owner for good.
    """
    return self.worker[owner].barred


@external
@view
def serves(owner: address, operator: address) -> bool:
    """
    @return Whether the owner takes new work from this node.
    """
    return self.served_until[owner][operator] == FOREVER


@external
@view
def answers_to(owner: address, operator: address) -> bool:
    """
    @return Whether this node's verdict may take the owner's stake now.
    """
    return self.served_until[owner][operator] > block.timestamp


# Nodes


@external
def register_node(tls_pin: bytes32, hpke_key: bytes32, endpoint: String[128]):
    """
    @notice Enters the caller as a node operator. It gains nothing by it: datasets admit nodes in
            their rules, workers by `serve`.
    @param tls_pin SHA-256 of its certificate, in DER.
    @param hpke_key SHA-256 of the blob that holds its public key.
    @param endpoint Where workers dial, "host:port"; may be empty until it is known.
    """
    assert self.nodes[msg.sender].tls_pin == empty(bytes32), "registry: node is registered"
    assert tls_pin != empty(bytes32), "registry: no TLS pin"
    assert hpke_key != empty(bytes32), "registry: no HPKE key"
    self.nodes[msg.sender] = Node(tls_pin=tls_pin, hpke_key=hpke_key, endpoint=endpoint)
    self.node_at[self.num_nodes] = msg.sender
    self.num_nodes += 1
    log NodeRegistered(
        operator=msg.sender, tls_pin=tls_pin, hpke_key=hpke_key, endpoint=endpoint
    )


@external
def set_endpoint(endpoint: String[128]):
    """
    @notice Changes where workers dial the caller's node.
    """
    assert self.nodes[msg.sender].tls_pin != empty(bytes32), "registry: unknown node"
    self.nodes[msg.sender].endpoint = endpoint
    log EndpointSet(operator=msg.sender, endpoint=endpoint)


@external
@view
def node(operator: address) -> Node:
    """
    @return The node's entry; empty for an unknown one.
    """
    return self.nodes[operator]


@internal
@view
def _check_registered(owner: address):
    assert self.worker[owner].registered_at != 0, "registry: not registered"
