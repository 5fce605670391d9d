# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Charter: datasets and their rules
@notice Anyone creates a dataset under rules of its choice. From then on they change only by a motion that the
    dataset's curators carry, after a delay (Motions); proposals, snapshots and jobs keep the rules that
    they began under. A motion may also take a tranche down and give its income to somebody else. Nobody,
    its creator and the deployer included, has any other power over it.
"""
interface Association:
    def install(dataset: uint256, database: address, word: uint256) -> uint256: nonpayable
    def database_of(dataset: uint256) -> address: view
    def datasets(dataset: uint256) -> uint256: view

interface CuratorToken:
    def set_genesis(dataset: uint256, curator: address, weight: uint256): nonpayable
    def genesis_total(dataset: uint256) -> uint256: view

interface Verdicts:
    def install(dataset: uint256, version: uint256, word: uint256): nonpayable
    def set_member(
        dataset: uint256, evaluator: address, first: uint256, last: uint256, counts: bool
    ): nonpayable
    def members(dataset: uint256, evaluator: address) -> uint256: view
    def is_evaluator(dataset: uint256, evaluator: address) -> bool: view

interface Challenges:
    def active_stake(dataset: uint256, evaluator: address) -> uint256: view

interface Database:
    def take_down(tranche: uint256, born: uint256, to: address): nonpayable

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

event DatasetCreated:
    dataset: indexed(uint256)
    creator: indexed(address)
    database: address
    metadata: bytes32
    schema: bytes32
    max_exposure_bps: uint256
    price_per_use: uint256

event RulesChanged:
    dataset: indexed(uint256)
    version: uint256
    max_exposure_bps: uint256
    price_per_use: uint256

event TakenDown:
    dataset: indexed(uint256)
    tranche: indexed(uint256)
    to: indexed(address)

event Erased:
    dataset: indexed(uint256)
    tranche: indexed(uint256)
    node: indexed(address)
    log_digest: bytes32

BPS: constant(uint256) = 10_000
MAX_MEMBERS: constant(uint256) = 16
MAX_PERIOD: constant(uint256) = 45 * 86_400
MAX_PRICE: constant(uint256) = 2**96 - 1

M12: constant(uint256) = 2**12 - 1
M24: constant(uint256) = 2**24 - 1
M32: constant(uint256) = 2**32 - 1
M48: constant(uint256) = 2**48 - 1
M51: constant(uint256) = 2**51 - 1

ASSOCIATION: immutable(Association)
CURATORS: immutable(CuratorToken)
VERDICTS: immutable(Verdicts)
CHALLENGES: immutable(Challenges)
MOTIONS: immutable(address)
POOLS: immutable(address)
TOKEN: immutable(address)
BLUEPRINT: immutable(address)

num_datasets: public(uint256)
creator: HashMap[uint256, address]
created_at: HashMap[uint256, uint256]
rules: HashMap[uint256, HashMap[uint256, Rules]]
# Longest time, over all versions, that a ballot can be cast after its proposal opened.
span: HashMap[uint256, uint256]
# Dataset -> node -> the newest version that names it.
node_until: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(
    token: address,
    association: address,
    curator_token: address,
    verdicts: address,
    challenges: address,
    motions: address,
    pools: address,
    database_blueprint: address,
):
    """
    @param token Money of the market.
    @param association Where proposals are.
    @param curator_token Where votes are.
    @param verdicts Where evaluators are.
    @param challenges Where stakes of evaluators are.
    @param motions Who says what curators have carried.
    @param pools Where value pools are.
    @param database_blueprint ERC-5202 blueprint of the Database.
    """
    TOKEN = token
    ASSOCIATION = Association(association)
    CURATORS = CuratorToken(curator_token)
    VERDICTS = Verdicts(verdicts)
    CHALLENGES = Challenges(challenges)
    MOTIONS = motions
    POOLS = pools
    BLUEPRINT = database_blueprint


# Datasets


@external
@nonreentrant
def create_dataset(rules: Rules) -> uint256:
    """
    @notice Create a dataset.
    @param rules Its first rules.
    @return Id of the dataset, from 1.
    """
    dataset: uint256 = self.num_datasets + 1
    self.num_datasets = dataset
    self.creator[dataset] = msg.sender
    self.created_at[dataset] = block.timestamp
    assert len(rules.curators) != 0, "charter: no curators"
    assert len(rules.curators) == len(rules.weights), "charter: weights and curators"
    total: uint256 = 0
    for i: uint256 in range(len(rules.curators), bound=MAX_MEMBERS):
        assert rules.curators[i] != empty(address), "charter: zero address"
        assert 0 < rules.weights[i] and rules.weights[i] <= M51, "charter: weight out of range"
        total += rules.weights[i]
        extcall CURATORS.set_genesis(dataset, rules.curators[i], rules.weights[i])
    assert total <= M51, "charter: weight out of range"
    database: address = create_from_blueprint(
        BLUEPRINT,
        dataset,
        TOKEN,
        ASSOCIATION.address,
        self,
        POOLS,
    )
    self._install(dataset, database, total, rules)
    log DatasetCreated(
        dataset=dataset,
        creator=msg.sender,
        database=database,
        metadata=rules.metadata,
        schema=rules.schema,
        max_exposure_bps=rules.max_exposure_bps,
        price_per_use=rules.price_per_use,
    )
    return dataset


@external
@view
def association() -> address:
    """
    @return Where proposals are.
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
def verdicts() -> address:
    """
    @return Where evaluators are.
    """
    return VERDICTS.address


@external
@view
def challenges() -> address:
    """
    @return Where stakes of evaluators are.
    """
    return CHALLENGES.address


@external
@view
def motions() -> address:
    """
    @return Who says what curators have carried.
    """
    return MOTIONS


@external
@view
def token() -> address:
    """
    @return Money of the market.
    """
    return TOKEN


@external
@view
def pools() -> address:
    """
    @return Where value pools are.
    """
    return POOLS


@external
@view
def database_of(dataset: uint256) -> address:
    """
    @param dataset Id of the dataset.
    @return Its Database.
    """
    return staticcall ASSOCIATION.database_of(dataset)


@external
@view
def creator_of(dataset: uint256) -> address:
    """
    @param dataset Id of the dataset.
    @return Who created it.
    """
    assert self.creator[dataset] != empty(address), "charter: unknown dataset"
    return self.creator[dataset]


@external
@view
def version_of(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Version of its rules, from 1.
    """
    return self._version(dataset)


@external
@view
def rules_of(dataset: uint256) -> Rules:
    """
    @param dataset Id of the dataset.
    @return The rules for what begins now.
    """
    return self.rules[dataset][self._version(dataset)]


@external
@view
def rules_at(dataset: uint256, version: uint256) -> Rules:
    """
    @param dataset Id of the dataset.
    @param version From 1.
    @return The rules of that version.
    """
    assert version != 0 and version <= self._version(dataset), "charter: unknown version"
    return self.rules[dataset][version]


@external
@view
def closes_at(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Chain time at which it takes no more proposals; 0 = never.
    """
    return self.rules[dataset][self._version(dataset)].closes_at


@external
@view
def price_per_use(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Data fee of a job opened now, base units.
    """
    return self.rules[dataset][self._version(dataset)].price_per_use


@external
@view
def prediction_bps(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Share of a prediction's income that goes to the data, 1/10,000.
    """
    return self.rules[dataset][self._version(dataset)].prediction_bps


@external
@view
def max_exposure_bps(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return The most of a snapshot that one worker owner may ever see, 1/10,000.
    """
    return self.rules[dataset][self._version(dataset)].max_exposure_bps


@external
@view
def value_window(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Seconds in which posted values can be vetoed.
    """
    return self.rules[dataset][self._version(dataset)].voting_period


@external
@view
def challenge_bond(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Bond of a challenge, base units; 0 = there are none.
    """
    return self.rules[dataset][self._version(dataset)].challenge_bond


@external
@view
def challenge_bond_at(dataset: uint256, version: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @param version Of its rules.
    @return Bond of a challenge of a proposal that began under them, base units; 0 = there are none.
    """
    return self.rules[dataset][version].challenge_bond


@external
@view
def evaluator_stake(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return What an evaluator must have at stake, base units.
    """
    return self.rules[dataset][self._version(dataset)].evaluator_stake


@external
@view
def is_node(dataset: uint256, account: address) -> bool:
    """
    @param dataset Id of the dataset.
    @param account Whom.
    @return Whether the present rules admit it as a trusted node.
    """
    version: uint256 = (staticcall ASSOCIATION.datasets(dataset)) >> 244
    return version != 0 and self.node_until[dataset][account] == version


@external
@view
def is_evaluator(dataset: uint256, account: address) -> bool:
    """
    @param dataset Id of the dataset.
    @param account Whom.
    @return Whether its signature counts for what begins now.
    """
    return staticcall VERDICTS.is_evaluator(dataset, account)


@external
@view
def is_program(dataset: uint256, digest: bytes32) -> bool:
    """
    @param dataset Id of the dataset.
    @param digest Digest of a program.
    @return Whether jobs may run it on the dataset; any, when its rules name none.
    """
    version: uint256 = self._version(dataset)
    if len(self.rules[dataset][version].programs) == 0:
        return True
    return digest in self.rules[dataset][version].programs


@external
@view
def turn_of(dataset: uint256, version: uint256, number: uint256) -> DynArray[address, MAX_MEMBERS]:
    """
    @param dataset Id of the dataset.
    @param version Of its rules.
    @param number Of a proposal within the dataset.
    @return The k evaluators whose turn it is to measure it.
    """
    named: DynArray[address, MAX_MEMBERS] = self.rules[dataset][version].evaluators
    turn: DynArray[address, MAX_MEMBERS] = []
    for i: uint256 in range(self.rules[dataset][version].threshold, bound=MAX_MEMBERS):
        turn.append(named[(number + i) % len(named)])
    return turn


# What curators have carried


@external
def change_rules(dataset: uint256, rules: Rules) -> uint256:
    """
    @notice Give a dataset new rules for what begins from now on. Only the Motions.
    @param dataset Id of the dataset.
    @param rules Without curators, who stay.
    @return Version of the rules.
    """
    assert msg.sender == MOTIONS, "charter: not the motions"
    assert len(rules.curators) == 0 and len(rules.weights) == 0, "charter: curators are fixed"
    # The mint cap counts by epochs; with others a proposal under older rules would count apart.
    assert rules.epoch_length == self.rules[dataset][1].epoch_length, "charter: epochs are fixed"
    version: uint256 = self._install(
        dataset, empty(address), staticcall CURATORS.genesis_total(dataset), rules
    )
    log RulesChanged(
        dataset=dataset,
        version=version,
        max_exposure_bps=rules.max_exposure_bps,
        price_per_use=rules.price_per_use,
    )
    return version


@external
def take_down(dataset: uint256, tranche: uint256, born: uint256, to: address):
    """
    @notice Take a tranche down. Only the Motions.
    @param dataset Id of the dataset.
    @param tranche Id of the tranche.
    @param born The snapshot that it was born in.
    @param to Who is paid its unclaimed and future income.
    """
    assert msg.sender == MOTIONS, "charter: not the motions"
    extcall Database(staticcall ASSOCIATION.database_of(dataset)).take_down(tranche, born, to)
    log TakenDown(dataset=dataset, tranche=tranche, to=to)


@external
def log_erasure(dataset: uint256, tranche: uint256, log_digest: bytes32):
    """
    @notice Say that keys, salts and ciphertext of a tranche are erased. Only a trusted node of the dataset.
    @param dataset Id of the dataset.
    @param tranche Id of the tranche.
    @param log_digest Digest of what was erased.
    """
    assert (
        self.node_until[dataset][msg.sender] == self._version(dataset)
    ), "charter: not a node"
    log Erased(dataset=dataset, tranche=tranche, node=msg.sender, log_digest=log_digest)


@internal
@view
def _version(dataset: uint256) -> uint256:
    version: uint256 = (staticcall ASSOCIATION.datasets(dataset)) >> 244
    assert version != 0, "charter: unknown dataset"
    return version


@internal
def _install(dataset: uint256, database: address, genesis: uint256, rules: Rules) -> uint256:
    self._check(rules)
    span: uint256 = max(self.span[dataset], rules.review_minutes * 60 + 2 * rules.voting_period)
    self.span[dataset] = span
    version: uint256 = extcall ASSOCIATION.install(
        dataset,
        database,
        rules.review_minutes
        | (rules.voting_period << 16)
        | (rules.bond << 40)
        | (rules.evaluation_fee << 88)
        | (rules.relay_price << 136)
        | (genesis << 168)
        | (rules.closes_at << 220),
    )
    extcall VERDICTS.install(
        dataset,
        version,
        rules.quorum_bps
        | (rules.threshold << 14)
        | (rules.mint_cap << 19)
        | (rules.epoch_length << 71)
        | (self.created_at[dataset] << 103)
        | (rules.optimistic_window << 135)
        | (span << 159)
        | (rules.relay_price << 183)
        | ((100 - rules.a_bps // 100) << 215)
        | (rules.tolerance_bps << 222),
    )
    self.rules[dataset][version] = rules
    for node: address in rules.nodes:
        assert node != empty(address), "charter: zero address"
        assert self.node_until[dataset][node] != version, "charter: named twice"
        self.node_until[dataset][node] = version
    self._name_evaluators(dataset, version, rules)
    return version


@internal
def _name_evaluators(dataset: uint256, version: uint256, rules: Rules):
    if version > 1:
        for evaluator: address in self.rules[dataset][version - 1].evaluators:
            if evaluator not in rules.evaluators:
                word: uint256 = staticcall VERDICTS.members(dataset, evaluator)
                extcall VERDICTS.set_member(
                    dataset, evaluator, word & M12, version - 1, word >> 24 != 0
                )
    named: DynArray[address, MAX_MEMBERS] = []
    for evaluator: address in rules.evaluators:
        assert evaluator != empty(address), "charter: zero address"
        assert evaluator not in named, "charter: named twice"
        named.append(evaluator)
        word: uint256 = staticcall VERDICTS.members(dataset, evaluator)
        first: uint256 = version
        if (word >> 12) & M12 == M12:
            # Named by the version before already.
            first = word & M12
        counts: bool = rules.evaluator_stake == 0
        if not counts:
            counts = (
                staticcall CHALLENGES.active_stake(dataset, evaluator) >= rules.evaluator_stake
            )
        extcall VERDICTS.set_member(dataset, evaluator, first, M12, counts)


@internal
@view
def _check(rules: Rules):
    assert (
        rules.closes_at == 0 or (rules.closes_at > block.timestamp and rules.closes_at <= M32)
    ), "charter: closing time"
    assert rules.quorum_bps <= BPS, "charter: quorum out of range"
    assert rules.review_minutes * 60 <= MAX_PERIOD, "charter: review out of range"
    assert (
        4 <= rules.voting_period and rules.voting_period <= MAX_PERIOD
    ), "charter: period out of range"
    assert (
        rules.bond <= M48 and rules.evaluation_fee <= M48 and rules.relay_price <= M32
    ), "charter: amount out of range"
    assert (
        rules.price_per_use <= MAX_PRICE
        and rules.challenge_bond <= MAX_PRICE
        and rules.evaluator_stake <= MAX_PRICE
    ), "charter: amount out of range"
    assert rules.mint_cap <= M51, "charter: cap out of range"
    assert 0 < rules.epoch_length and rules.epoch_length <= M32, "charter: epoch out of range"
    assert rules.prediction_bps <= BPS, "charter: prediction share"
    assert (
        rules.max_exposure_bps != 0 and rules.max_exposure_bps <= BPS
    ), "charter: exposure out of range"
    assert rules.a_bps <= BPS and rules.a_bps % 100 == 0, "charter: share stream"
    assert 0 < rules.threshold and rules.threshold <= MAX_MEMBERS, "charter: threshold"
    # A challenge needs k evaluators who have not signed.
    assert len(rules.evaluators) >= 2 * rules.threshold, "charter: too few evaluators"
    assert rules.optimistic_window <= M24, "charter: window out of range"
    assert (
        rules.optimistic_window == 0 or rules.challenge_bond != 0
    ), "charter: nobody may challenge"
    # Stakes of the first ones repay a challenger who is right, twice its bond.
    assert (
        rules.evaluator_stake * rules.threshold >= 2 * rules.challenge_bond
    ), "charter: stake too low"
    assert rules.tolerance_bps <= BPS, "charter: tolerance out of range"
    assert (
        rules.voting_period <= rules.change_delay and rules.change_delay <= MAX_PERIOD
    ), "charter: delay out of range"
    assert len(rules.nodes) != 0, "charter: no nodes"
