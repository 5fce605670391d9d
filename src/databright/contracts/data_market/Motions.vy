# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Motions: how a dataset changes itself
@notice Anyone moves that a dataset change its rules, or take a tranche down and give its income to somebody
    else. Its curators vote as they do on proposals; what they carry is enacted by anyone after the delay
    that the rules name. The mover's bond is burnt where a quorum is against the motion.
"""
from ..modules import credits

initializes: credits
exports: (credits.token, credits.credit_of, credits.total_credit, credits.withdraw, credits.withdraw_for)

interface Association:
    def datasets(dataset: uint256) -> uint256: view

interface CuratorToken:
    def genesis_total(dataset: uint256) -> uint256: view
    def tallies(proposal: uint256) -> uint256: view
    def close(proposal: uint256, status: uint256): nonpayable
    def open(
        proposal: uint256,
        proposer: address,
        supply: uint256,
        genesis: uint256,
        review: uint256,
        period: uint256,
        version: uint256,
    ) -> uint256: nonpayable

interface Charter:
    def rules_at(dataset: uint256, version: uint256) -> Rules: view
    def change_rules(dataset: uint256, rules: Rules) -> uint256: nonpayable
    def take_down(dataset: uint256, tranche: uint256, born: uint256, to: address): nonpayable

interface Token:
    def burn(amount: uint256): nonpayable

struct Rules:
    metadata: bytes32
    schema: bytes32
    licence: bytes32
    closes_at: uint256
    quorum_bps: uint256
    review_minutes: uint256
    voting_period: uint256
    bond: uint256
    evaluation_fee: uint256
    relay_price: uint256
    mint_cap: uint256
    epoch_length: uint256
    price_per_use: uint256
    prediction_bps: uint256
    max_exposure_bps: uint256
    a_bps: uint256
    threshold: uint256
    optimistic_window: uint256
    challenge_bond: uint256
    evaluator_stake: uint256
    tolerance_bps: uint256
    change_delay: uint256
    evaluators: DynArray[address, 16]
    nodes: DynArray[address, 16]
    curators: DynArray[address, 16]
    weights: DynArray[uint256, 16]
    programs: DynArray[bytes32, 8]

struct Motion:
    kind: uint256
    mover: address
    payload: bytes32
    text: bytes32
    bond: uint256
    electorate: uint256
    status: uint256
    ready_at: uint256

event Moved:
    motion: indexed(uint256)
    mover: indexed(address)
    kind: uint256
    payload: bytes32
    text: bytes32
    bond: uint256
    electorate: uint256

event MotionSettled:
    motion: indexed(uint256)
    is_carried: bool
    bond_back: uint256
    ready_at: uint256

event Enacted:
    motion: indexed(uint256)
    kind: uint256
    version: uint256

RULES: constant(uint256) = 1
TAKEDOWN: constant(uint256) = 2

OPEN: constant(uint256) = 1
CARRIED: constant(uint256) = 2
LOST: constant(uint256) = 3
ENACTED: constant(uint256) = 4

BPS: constant(uint256) = 10_000
UNIT: constant(uint256) = 1_000_000
FIRST: constant(uint256) = 500_000
# A carried motion that nobody counts, or enacts, for so long is void.
PATIENCE: constant(uint256) = 30 * 86_400

M8: constant(uint256) = 2**8 - 1
M12: constant(uint256) = 2**12 - 1
M16: constant(uint256) = 2**16 - 1
M24: constant(uint256) = 2**24 - 1
M32: constant(uint256) = 2**32 - 1
M52: constant(uint256) = 2**52 - 1

ASSOCIATION: immutable(Association)
CURATORS: immutable(CuratorToken)
CHARTER: immutable(Charter)

num_motions: public(HashMap[uint256, uint256])
motions: HashMap[uint256, Motion]


@deploy
def __init__(token: address, association: address, curator_token: address, charter: address):
    """
    @param token Money of the market; has `burn`.
    @param association Who knows a dataset's votes.
    @param curator_token Where votes are.
    @param charter Who knows and changes rules.
    """
    credits.__init__(token)
    ASSOCIATION = Association(association)
    CURATORS = CuratorToken(curator_token)
    CHARTER = Charter(charter)


@external
@view
def association() -> address:
    """
    @return Who knows a dataset's votes.
    """
    return ASSOCIATION.address


@external
@view
def curator_token() -> address:
    """
    @return Where votes are.
    """
    return CURATORS.address


@external
@view
def charter() -> address:
    """
    @return Who knows and changes rules.
    """
    return CHARTER.address


@external
@view
def motion(id: uint256) -> Motion:
    """
    @param id Id of the motion.
    @return It; kind 1 new rules, 2 takedown; status 1 open, 2 carried, 3 lost, 4 enacted.
    """
    assert self.motions[id].status != 0, "motions: unknown motion"
    return self.motions[id]


@external
@view
def commitment(id: uint256) -> bytes32:
    """
    @param id Id of the motion.
    @return keccak256(abi_encode(id, mover, kind, payload, text, bond, electorate)), the words of its event: what
        a signed ballot on it names. 0 where there is none.
    """
    m: Motion = self.motions[id]
    if m.status == 0:
        return empty(bytes32)
    return keccak256(
        abi_encode(id, m.mover, m.kind, m.payload, m.text, m.bond, m.electorate)
    )


@external
@nonreentrant
def move(dataset: uint256, kind: uint256, payload: bytes32, text: bytes32) -> uint256:
    """
    @notice Move that a dataset change its rules or take a tranche down. Pulls the dataset's bond; it is burnt
        where a quorum is against the motion.
    @param dataset Id of the dataset.
    @param kind 1 new rules, 2 takedown.
    @param payload keccak256 of what is to be enacted: abi_encode(rules), or abi_encode(tranche, born, to).
    @param text Digest of the reasons.
    @return Id of the motion.
    """
    word: uint256 = staticcall ASSOCIATION.datasets(dataset)
    version: uint256 = word >> 244
    assert version != 0, "motions: unknown dataset"
    assert kind == RULES or kind == TAKEDOWN, "motions: unknown kind"
    number: uint256 = FIRST + self.num_motions[dataset] + 1
    assert number < UNIT, "motions: too many motions"
    self.num_motions[dataset] = number - FIRST
    id: uint256 = dataset * UNIT + number
    supply: uint256 = word & M52
    if (word >> 52) & M32 == block.timestamp:
        supply = (word >> 84) & M52
    rules: Rules = staticcall CHARTER.rules_at(dataset, version)
    electorate: uint256 = extcall CURATORS.open(
        id,
        msg.sender,
        supply,
        staticcall CURATORS.genesis_total(dataset),
        rules.review_minutes,
        rules.voting_period,
        version,
    )
    bond: uint256 = rules.bond
    self.motions[id] = Motion(
        kind=kind,
        mover=msg.sender,
        payload=payload,
        text=text,
        bond=bond,
        electorate=electorate,
        status=OPEN,
        ready_at=0,
    )
    log Moved(
        motion=id,
        mover=msg.sender,
        kind=kind,
        payload=payload,
        text=text,
        bond=bond,
        electorate=electorate,
    )
    credits._pull(msg.sender, bond)
    return id


@external
@nonreentrant
def settle_motion(id: uint256):
    """
    @notice Count a motion whose vote is over. Anyone may.
    @param id Id of the motion.
    """
    m: Motion = self.motions[id]
    assert m.status == OPEN, "motions: motion is not open"
    t: uint256 = staticcall CURATORS.tallies(id)
    period: uint256 = (t >> 188) & M24
    begin: uint256 = ((t >> 156) & M32) + ((t >> 236) & M16) * 60
    over: uint256 = begin + period + period * ((t >> 216) & M8) // 64
    assert block.timestamp >= over, "motions: voting is not over"
    yes: uint256 = t & M52
    no: uint256 = (t >> 52) & M52
    dataset: uint256 = id // UNIT
    version: uint256 = (t >> 224) & M12
    rules: Rules = staticcall CHARTER.rules_at(dataset, version)
    quorum: bool = (yes + no) * BPS >= rules.quorum_bps * m.electorate
    # One that nobody counts for so long is not kept up somebody's sleeve either.
    carried: bool = yes > no and quorum and block.timestamp < over + PATIENCE
    bond_back: uint256 = m.bond
    if not carried and quorum and no > yes:
        bond_back = 0
    self.motions[id].status = CARRIED if carried else LOST
    if carried:
        self.motions[id].ready_at = block.timestamp + rules.change_delay
    extcall CURATORS.close(id, CARRIED if carried else LOST)
    log MotionSettled(
        motion=id,
        is_carried=carried,
        bond_back=bond_back,
        ready_at=self.motions[id].ready_at,
    )
    if bond_back != 0:
        credits._credit(m.mover, bond_back)
    elif m.bond != 0:
        extcall Token(credits.TOKEN.address).burn(m.bond)


@external
@nonreentrant
def enact_rules(id: uint256, rules: Rules):
    """
    @notice Give a dataset the rules of a carried motion, after its delay. Anyone may.
    @param id Id of the motion.
    @param rules What it moved; without curators, who stay.
    """
    self._enact(id, RULES, keccak256(abi_encode(rules)))
    version: uint256 = extcall CHARTER.change_rules(id // UNIT, rules)
    log Enacted(motion=id, kind=RULES, version=version)


@external
@nonreentrant
def enact_takedown(id: uint256, tranche: uint256, born: uint256, to: address):
    """
    @notice Take the tranche of a carried motion down, after its delay. Anyone may.
    @param id Id of the motion.
    @param tranche Id of the tranche.
    @param born The snapshot that it was born in.
    @param to Who is paid its unclaimed and future income.
    """
    self._enact(id, TAKEDOWN, keccak256(abi_encode(tranche, born, to)))
    extcall CHARTER.take_down(id // UNIT, tranche, born, to)
    log Enacted(motion=id, kind=TAKEDOWN, version=0)


@internal
def _enact(id: uint256, kind: uint256, payload: bytes32):
    m: Motion = self.motions[id]
    assert m.status == CARRIED, "motions: motion not carried"
    assert m.kind == kind and m.payload == payload, "motions: other payload"
    assert block.timestamp >= m.ready_at, "motions: delay is not over"
    assert block.timestamp < m.ready_at + PATIENCE, "motions: motion is void"
    self.motions[id].status = ENACTED
