"""Our market on a chain of its own: its contracts, its money, and a dataset's proposals."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from eth_abi.abi import encode
from eth_account.datastructures import SignedMessage
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak

from benchmarks.metering.session import CHAIN_ID, Deployed, Sent, Session, account
from databright.chain.bindings import Artifact
from databright.contracts import deployment_plan
from databright.units import Address

DAY_S = 86_400
REVIEW_S = 3_600
PERIOD_S = DAY_S
COIN = 10**6
"""Base units of one coin."""
BOND = 5 * COIN
RELAY_PRICE = 5_000
NUM_EVALUATORS = 4
THRESHOLD = 2
_EVALUATION_FEE = 2 * COIN
_STAKE = 50 * COIN
_PRICE_PER_USE = COIN
_CHALLENGE_BOND = 20 * COIN
_OPTIMISTIC_S = 6 * 3_600
_EPOCH_S = 7 * DAY_S
_MINT_CAP = 2**40
_MIN_STAKE = 100 * COIN
_SUPPLY = 10**15
_NO_ENDING = 2**256 - 1
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


def digest(text: str) -> bytes:
    """A digest that is the same in every run.

    Args:
        text: what it stands for.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(f"databright gas benchmark: {text}".encode()).digest()


def sign(signer: LocalAccount, separator: bytes, struct: bytes) -> SignedMessage:
    """Sign typed data (EIP-712).

    Args:
        signer: who.
        separator: of the domain, 32 bytes.
        struct: hash of the struct, 32 bytes.

    Returns:
        The signature.
    """
    return signer.unsafe_sign_hash(Hash32(keccak(b"\x19\x01" + separator + struct)))


def standing_rules(curators: Mapping[Address, int], **changes: object) -> dict[str, object]:
    """Rules of a dataset with everything in use: relayed ballots, challenges, stakes.

    Args:
        curators: genesis curator -> weight.
        changes: members that differ.

    Returns:
        The contract's `Rules`, by field name.
    """
    evaluators = [account("evaluator", i).address for i in range(NUM_EVALUATORS)]
    rules: dict[str, object] = {
        "metadata": digest("metadata"),
        "schema": digest("schema"),
        "licence": digest("licence"),
        "closes_at": 0,
        "quorum_bps": 2_000,
        "review_minutes": REVIEW_S // 60,
        "voting_period": PERIOD_S,
        "bond": BOND,
        "evaluation_fee": _EVALUATION_FEE,
        "relay_price": RELAY_PRICE,
        "mint_cap": _MINT_CAP,
        "epoch_length": _EPOCH_S,
        "price_per_use": _PRICE_PER_USE,
        "prediction_bps": 1_000,
        "max_exposure_bps": 500,
        "a_bps": 10_000,
        "threshold": THRESHOLD,
        "optimistic_window": _OPTIMISTIC_S,
        "challenge_bond": _CHALLENGE_BOND,
        "evaluator_stake": _STAKE,
        "tolerance_bps": 500,
        "change_delay": 2 * DAY_S,
        "evaluators": evaluators,
        "nodes": [account("node", i).address for i in range(2)],
        "curators": list(curators),
        "weights": list(curators.values()),
        "programs": [digest("program 0"), digest("program 1")],
    }
    return rules | changes


class Market:
    """The contracts of one market, freshly deployed.

    Args:
        session: the chain.

    Attributes:
        session: the chain.
        treasurer: who holds the money at first.
        contracts: name -> contract.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.treasurer = account("treasurer")
        deployer = account("deployer")
        plan = deployment_plan(
            Address(deployer.address),
            0,
            [Address(self.treasurer.address)],
            [_SUPPLY],
            _MIN_STAKE,
        )
        self.contracts: Mapping[str, Deployed] = {
            name: session.deploy(deployer, Artifact.load(name), *arguments)
            for name, arguments in plan
        }

    @staticmethod
    def staff() -> list[LocalAccount]:
        """Accounts that every market needs; they send transactions."""
        evaluators = [account("evaluator", i) for i in range(NUM_EVALUATORS)]
        return [account("deployer"), account("treasurer"), account("creator"), *evaluators]

    @property
    def token(self) -> Deployed:
        """The money."""
        return self.contracts["MarketToken"]

    @property
    def association(self) -> Deployed:
        """Where proposals are."""
        return self.contracts["DataAssociation"]

    @property
    def curators(self) -> Deployed:
        """Where votes are."""
        return self.contracts["CuratorToken"]

    @property
    def verdicts(self) -> Deployed:
        """Where proposals are executed."""
        return self.contracts["Verdicts"]

    def pay(self, to: LocalAccount, amount: int, *spenders: Address) -> None:
        """Give somebody money, and let contracts pull it.

        Args:
            to: whom.
            amount: base units.
            spenders: contracts that get an allowance without an end.
        """
        self.token.send(self.treasurer, "transfer", to.address, amount)
        for spender in spenders:
            self.token.send(to, "approve", spender, _NO_ENDING)

    def deposit(self, proposer: LocalAccount, amount: int = 10_000 * COIN) -> Sent:
        """Give somebody money that pays bonds and fees to come.

        Args:
            proposer: whom.
            amount: base units.

        Returns:
            The deposit; half of the money stays with its owner.
        """
        self.pay(proposer, 2 * amount, self.association.address)
        return self.association.send(proposer, "deposit", amount)

    def create(self, rules: Mapping[str, object]) -> tuple[int, Sent]:
        """Create a dataset whose evaluators have their stakes.

        Args:
            rules: its first rules.

        Returns:
            The dataset's id, and the transaction that created it.
        """
        charter = self.contracts["Charter"]
        sent = charter.send(account("creator"), "create_dataset", rules)
        number = int(charter.call("num_datasets"))
        challenges = self.contracts["Challenges"]
        for index in range(NUM_EVALUATORS):
            evaluator = account("evaluator", index)
            self.pay(evaluator, 2 * _STAKE, challenges.address)
            challenges.send(evaluator, "stake", number, _STAKE)
        return number, sent

    def separator(self, contract: Deployed) -> bytes:
        """EIP-712 domain separator of a contract.

        Args:
            contract: which.

        Returns:
            32 bytes.
        """
        types = ("bytes32", "bytes32", "bytes32", "uint256", "address")
        name, version = keccak(text="DataBright"), keccak(text="1")
        return keccak(encode(types, (DOMAIN_TYPE, name, version, CHAIN_ID, contract.address)))
