"""Gas of our income: paying for snapshots, claims, transfers of shares, and value pools."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak

from benchmarks.metering.dataset import Dataset
from benchmarks.metering.figures import Plan, Samples
from benchmarks.metering.market import (
    COIN,
    DAY_S,
    DOMAIN_TYPE,
    NUM_EVALUATORS,
    PERIOD_S,
    THRESHOLD,
    Market,
    digest,
    sign,
    standing_rules,
)
from benchmarks.metering.session import CHAIN_ID, Session, account, open_session
from databright.contracts import TOKEN_NAME
from databright.records.terms import Terms
from databright.units import Address

DEPTHS = (1, 16, 256)
"""Snapshots of the datasets whose income is claimed."""
_BATCH = 64
_NUM_CONTRIBUTORS = 4
_SHARES = 1_000
_WEIGHT = 10**6
_USE = 3 * COIN
_REPEATS = 5
_PART = 20
_NUM_OWNERS = 64
_SHARES_BPS = 7_000
_POST = 1
_RECEIVE_TYPE = keccak(
    text="ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    "uint256 validBefore,bytes32 nonce)"
)


class Income:
    """Measures what holders and buyers do with a Database and its value pools."""

    @property
    def name(self) -> str:
        """Which part of our contracts it is."""
        return "income"

    def measure(self, plan: Plan) -> Samples:
        """Fund, claim and transfer in datasets of 1, 16 and 256 snapshots.

        Args:
            plan: not counted here: nothing depends on voters or rounds.

        Returns:
            Its samples. Errors: MissingToolError where this machine has no anvil.
        """
        people = People()
        with open_session(people.senders) as session:
            scene = Scene(session, people)
            for depth in DEPTHS:
                scene.grow(depth)
                scene.fund_newest(depth)
                scene.claim(depth)
            scene.fund_older()
            scene.claim_many()
            scene.transfer()
            scene.transfer_deep()
            scene.value_pool()
        return scene.samples


class People:
    """Who acts.

    Attributes:
        curator: carries every proposal alone.
        contributors: get the shares in turn, so that each has a quarter of the snapshots.
        buyer: pays for uses.
        receivers: are sent shares.
    """

    def __init__(self) -> None:
        self.founder = account("founder")
        self.curator = account("genesis")
        self.buyer = account("buyer")
        self.anyone = account("executor")
        self.contributors = [account("contributor", i) for i in range(_NUM_CONTRIBUTORS)]
        self.receivers = [account("receiver", i) for i in range(_REPEATS)]
        self.owners = [account("owner", i) for i in range(_NUM_OWNERS)]

    @property
    def senders(self) -> list[LocalAccount]:
        """Those that send transactions."""
        alone = [self.founder, self.curator, self.buyer, self.anyone]
        return Market.staff() + alone + self.contributors + self.receivers


class Scene:
    """Datasets of several depths on one chain.

    Args:
        session: the chain.
        people: who acts.

    Attributes:
        samples: what was measured.
    """

    def __init__(self, session: Session, people: People) -> None:
        self.samples = Samples()
        self._session = session
        self._people = people
        self._market = Market(session)
        self._datasets: dict[int, Dataset] = {}
        self._accepted: dict[int, list[Terms]] = {}
        self._market.deposit(people.founder, 10**6 * COIN)
        self._market.pay(people.buyer, 10**5 * COIN)
        for one in people.contributors:
            self._market.pay(one, COIN)

    def grow(self, depth: int) -> None:
        """Make a dataset of so many snapshots.

        Args:
            depth: how many.
        """
        self._datasets[depth] = self._create(depth)

    def _create(self, depth: int, **changes: object) -> Dataset:
        people = self._people
        rules = standing_rules({Address(people.curator.address): _WEIGHT}, **changes)
        number, _ = self._market.create(rules)
        dataset = Dataset(self._market, number)
        turns = [people.contributors[i % _NUM_CONTRIBUTORS] for i in range(depth)]
        payees = [Address(one.address) for one in turns]
        done = dataset.accept(people.founder, payees, [people.curator], _SHARES)
        self._accepted[number] = [terms for terms, _ in done]
        self._market.token.send(people.buyer, "approve", dataset.database.address, 2**256 - 1)
        self._session.advance(DAY_S)
        return dataset

    def _fund(self, row: str, dataset: Dataset, s: int) -> None:
        sent = dataset.database.send(self._people.buyer, "fund", s, _USE)
        self.samples.add(row, sent.gas)

    def fund_newest(self, depth: int) -> None:
        """Pay for uses of the newest snapshot.

        Args:
            depth: snapshots of the dataset.
        """
        dataset = self._datasets[depth]
        self._fund("fund_first", dataset, depth)
        for _ in range(_REPEATS):
            self._fund("fund_newest", dataset, depth)
        database = dataset.database
        for place in range(_REPEATS):
            a = self._authorization(database.address, depth, place)
            sent = database.send(self._people.anyone, "fund_with_authorization", depth, a)
            self.samples.add("fund_newest_3009", sent.gas)

    def _authorization(self, receiver: Address, s: int, place: int) -> tuple[object, ...]:
        buyer, token = self._people.buyer, self._market.token
        # The snapshot's number is the nonce's lowest 32 bits.
        nonce = digest(f"payment {receiver} {place}")[:28] + s.to_bytes(4)
        until = self._session.now + DAY_S
        domain = ("bytes32", "bytes32", "bytes32", "uint256", "address")
        names = (keccak(text=TOKEN_NAME), keccak(text="1"))
        separator = keccak(encode(domain, (DOMAIN_TYPE, *names, CHAIN_ID, token.address)))
        types = ("bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32")
        struct = (_RECEIVE_TYPE, buyer.address, receiver, _USE, 0, until, nonce)
        signed = sign(buyer, separator, keccak(encode(types, struct)))
        r, s_ = int(signed.r).to_bytes(32), int(signed.s).to_bytes(32)
        return (buyer.address, _USE, 0, until, nonce, int(signed.v), r, s_)

    def claim(self, depth: int) -> None:
        """Claim the tranche that was born first, again and again, new income in between.

        Args:
            depth: snapshots of the dataset.
        """
        dataset, holder = self._datasets[depth], self._people.contributors[0]
        tranche = self._accepted[dataset.number][0].proposal
        for _ in range(_REPEATS):
            sent = dataset.database.send(holder, "claim", tranche)
            self.samples.add(f"claim_s{depth}", sent.gas)
            dataset.database.send(self._people.buyer, "fund", depth, _USE)

    def fund_older(self) -> None:
        """Pay for uses of snapshot 255 of 256."""
        dataset = self._datasets[DEPTHS[-1]]
        for place in range(_REPEATS + 1):
            row = "fund_older_s256" if place else "fund_older_s256_first"
            self._fund(row, dataset, dataset.num_snapshots - 1)

    def claim_many(self) -> None:
        """Each of four contributors claims her 64 tranches of 256 snapshots at once.

        They took turns, so that their walks through the tree have most, many or few steps of their
        own.
        """
        dataset = self._datasets[DEPTHS[-1]]
        for place, holder in enumerate(self._people.contributors):
            terms = self._accepted[dataset.number][place::_NUM_CONTRIBUTORS]
            dataset.database.send(self._people.buyer, "fund", dataset.num_snapshots, 100 * _USE)
            sent = dataset.database.send(holder, "claim_many", [one.proposal for one in terms])
            self.samples.add("claim_many64", sent.gas, shared_by=_BATCH)

    def transfer(self) -> None:
        """Send parts of the tranche that was born first of 16 snapshots, with unclaimed income."""
        dataset = self._datasets[16]
        database, sender = dataset.database, self._people.contributors[0]
        tranche = self._accepted[dataset.number][0].proposal

        def send(row: str, receiver: LocalAccount) -> None:
            sent = database.send(sender, "transfer", receiver.address, tranche, _PART)
            self.samples.add(row, sent.gas)

        for receiver in self._people.receivers:
            send("transfer_new_holder", receiver)
            database.send(self._people.buyer, "fund", dataset.num_snapshots, _USE)
            sent = database.send(sender, "withdraw")
            self.samples.add("withdraw_credit", sent.gas)
            send("transfer", receiver)
            database.send(self._people.buyer, "fund", dataset.num_snapshots, _USE)
            send("transfer_credited", receiver)
            send("transfer_settled", receiver)
            database.send(self._people.buyer, "fund", dataset.num_snapshots, _USE)
            database.send(sender, "withdraw")

    def transfer_deep(self) -> None:
        """Send parts of the tranche that was born first of 256 snapshots, to a holder of it."""
        dataset, sender = self._datasets[DEPTHS[-1]], self._people.contributors[0]
        tranche = self._accepted[dataset.number][0].proposal
        receiver = self._people.receivers[0].address
        dataset.database.send(sender, "transfer", receiver, tranche, _PART)
        for _ in range(_REPEATS):
            dataset.database.send(sender, "withdraw")
            dataset.database.send(self._people.buyer, "fund", dataset.num_snapshots, _USE)
            sent = dataset.database.send(sender, "transfer", receiver, tranche, _PART)
            self.samples.add("transfer_s256", sent.gas)

    def value_pool(self) -> None:
        """Income of which a part goes to measured values: fund, post, claim."""
        dataset = self._create(1, a_bps=_SHARES_BPS)
        for place in range(_REPEATS + 1):
            self._fund("fund_value_pool" if place else "fund_value_pool_first", dataset, 1)
        tree = ValueTree([Address(one.address) for one in self._people.owners])
        pools = self._market.contracts["ValuePools"]
        args = (dataset.number, 1, tree.root, tree.total)
        signatures = self._signed_values(pools.address, *args)
        posted = pools.send(self._people.anyone, "post_values", *args, signatures)
        self.samples.add("post_values", posted.gas)
        self._session.advance(PERIOD_S)
        for row in ("claim_value", "claim_value_again"):
            for place in range(_REPEATS):
                owner = self._people.owners[place].address
                claim = (dataset.number, 1, owner, tree.worth(place), tree.path(place))
                sent = pools.send(self._people.anyone, "claim_value", *claim)
                self.samples.add(row, sent.gas)
            self._fund("fund_value_pool", dataset, 1)

    def _signed_values(
        self, pools: Address, dataset: int, s: int, root: bytes, total: int
    ) -> list[bytes]:
        types = ("address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256")
        hashed = keccak(encode(types, (pools, CHAIN_ID, dataset, s, root, total, _POST)))
        evaluators = [account("evaluator", i) for i in range(NUM_EVALUATORS)][:THRESHOLD]
        evaluators.sort(key=lambda one: int(one.address, 16))
        return [bytes(one.unsafe_sign_hash(Hash32(hashed)).signature) for one in evaluators]


class ValueTree:
    """Values of owners under a root, as ValuePools checks them.

    Args:
        owners: a power of two of them.
    """

    def __init__(self, owners: Sequence[Address]) -> None:
        leaves = [
            keccak(b"\x00" + bytes.fromhex(owner[2:]) + self.worth(place).to_bytes(32))
            for place, owner in enumerate(owners)
        ]
        self._levels = [leaves]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = zip(below[::2], below[1::2], strict=True)
            self._levels.append([keccak(b"\x01" + b"".join(sorted(pair))) for pair in pairs])
        self.total = sum(self.worth(place) for place in range(len(owners)))

    @property
    def root(self) -> bytes:
        """Its root, 32 bytes."""
        return self._levels[-1][0]

    def worth(self, place: int) -> int:
        """Value of an owner.

        Args:
            place: of the owner, from 0.

        Returns:
            The value.
        """
        return 1_000 + place

    def path(self, place: int) -> list[bytes]:
        """Siblings from a leaf up.

        Args:
            place: the leaf's, from 0.

        Returns:
            One for each level below the root.
        """
        return [level[(place >> depth) ^ 1] for depth, level in enumerate(self._levels[:-1])]
