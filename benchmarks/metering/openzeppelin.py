"""The peer: OpenZeppelin's stock governor over its token with votes, and a small registry.

Source: our own three contracts in benchmarks/peers/openzeppelin/, which only put the package's
parts together.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from benchmarks.metering.figures import Plan, Samples
from benchmarks.metering.session import CHAIN_ID, Session, account, open_session
from benchmarks.metering.solidity import PACKAGES, Toolbox
from databright.chain.bindings import Artifact
from databright.units import Address

SOURCES = Path(__file__).resolve().parents[1] / "peers" / "openzeppelin"
_DELAY_S = 3_600
_PERIOD_S = 7 * 86_400
_QUORUM_PERCENT = 4
_FOR = 1
_SHARES_EACH = 10**6
_MINTED = 5 * 10**4
_NUM_ROWS = 1_000
_NUM_ORACLES = 5
_NUM_NEWCOMERS = 5
_BALLOT = {
    "Ballot": [
        {"name": "proposalId", "type": "uint256"},
        {"name": "support", "type": "uint8"},
        {"name": "voter", "type": "address"},
        {"name": "nonce", "type": "uint256"},
    ]
}


@dataclass(frozen=True)
class Draft:
    """One proposal: register an entry and mint its shares.

    Attributes:
        call: targets, values and call data, as the governor takes them.
        description: its text, an address of content.
    """

    call: tuple[list[Address], list[int], list[bytes]]
    description: str

    @property
    def digest(self) -> bytes:
        """Hash of the text, by which an execution names it; 32 bytes."""
        return bytes(keccak(text=self.description))


class OpenZeppelin:
    """Measures the peer.

    Args:
        cache: folder where its packages are installed.
    """

    def __init__(self, cache: Path) -> None:
        self._toolbox = Toolbox(cache)

    @property
    def name(self) -> str:
        """Name and version, as the table shows them."""
        return f"OpenZeppelin Contracts {PACKAGES['@openzeppelin/contracts']}"

    def measure(self, plan: Plan) -> Samples:
        """Play governance, delegation and transfers.

        Args:
            plan: how much.

        Returns:
            Its samples. Errors: MissingToolError where npm, Node.js or anvil is missing.
        """
        self._toolbox.install()
        artifacts = self._toolbox.compile(SOURCES)
        people = People(plan)
        with open_session(people.senders) as session:
            scene = Scene(session, artifacts, people)
            scene.open()
            for number in range(plan.num_rounds):
                scene.play_round(number)
            scene.transfer()
            scene.delegate("delegate")
        with open_session(people.senders, block_s=0) as session:
            hurried = Scene(session, artifacts, people)
            hurried.open()
            hurried.delegate("delegate_same_second")
        return Samples(hurried.samples.by_row | scene.samples.by_row)


class People:
    """Who acts.

    Args:
        plan: how many vote.
    """

    def __init__(self, plan: Plan) -> None:
        self.deployer = account("deployer")
        self.outsider = account("outsider")
        self.relayer = account("relayer")
        self.voters = [account("voter", i) for i in range(plan.num_voters)]
        self.oracles = [account("oracle", i) for i in range(_NUM_ORACLES)]
        self.newcomers = [account("newcomer", i) for i in range(_NUM_NEWCOMERS)]

    @property
    def senders(self) -> list[LocalAccount]:
        """Those that send transactions."""
        return [self.deployer, self.outsider, self.relayer, *self.voters]


class Scene:
    """The peer on one chain.

    Args:
        session: the chain.
        artifacts: the peer's contracts, by name.
        people: who acts.
    """

    def __init__(self, session: Session, artifacts: Mapping[str, Artifact], people: People) -> None:
        self.samples = Samples()
        self._session = session
        self._people = people
        deployer = people.deployer
        # Each is told of another that comes later, so that all three can hold immutables.
        registry = session.next_address(deployer, 2)
        holders = [voter.address for voter in people.voters]
        self._shares = session.deploy(
            deployer, artifacts["PeerShares"], registry, holders, _SHARES_EACH
        )
        self._governor = session.deploy(
            deployer,
            artifacts["PeerGovernor"],
            self._shares.address,
            _DELAY_S,
            _PERIOD_S,
            _QUORUM_PERCENT,
        )
        self._registry = session.deploy(
            deployer, artifacts["PeerRegistry"], self._governor.address, self._shares.address
        )

    def open(self) -> None:
        """Measure the code, and let every voter take up her votes."""
        contracts = (self._shares, self._governor, self._registry)
        self.samples.add("runtime_bytes_largest", max(one.runtime_bytes() for one in contracts))
        for voter in self._people.voters:
            sent = self._shares.send(voter, "delegate", voter.address)
            self.samples.add("self_delegate", sent.gas)

    def play_round(self, number: int) -> None:
        """Three proposals: of an outsider, of a holder, and of that holder once more.

        Args:
            number: the round's, from 0.
        """
        voters = self._people.voters
        # One of the last to vote: what an execution gave her makes her later ballots dearer.
        holder = voters[-1 - number]
        newcomer = Address(account("contributor", number).address)
        first = self._draft(f"{number} outsider", newcomer)
        second = self._draft(f"{number} holder", Address(holder.address))
        third = self._draft(f"{number} again", Address(holder.address))
        self._propose("propose", self._people.outsider, first)
        self._propose("propose_holder", holder, second)
        self._governor.send(holder, "propose", *third.call, third.description)
        self._session.advance(_DELAY_S)
        self._vote(first)
        self._vote_relayed(second)
        for voter in voters:
            self._governor.send(voter, "castVote", self._id(third), _FOR)
        self._session.advance(_PERIOD_S)
        self._execute("execute_new", first)
        self._execute("execute_holder", second)
        self._execute("execute_again_in_one_period", third)

    def _draft(self, text: str, contributor: Address) -> Draft:
        digest = hashlib.sha256(text.encode()).digest()
        ref = hashlib.sha256(digest).digest()
        call_data = self._registry.encode("register", ref, digest, contributor, _NUM_ROWS, _MINTED)
        cid = "b" + base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().lower().rstrip("=")
        return Draft(([self._registry.address], [0], [call_data]), f"ipfs://{cid}")

    def _id(self, draft: Draft) -> int:
        return int(self._governor.call("hashProposal", *draft.call, draft.digest))

    def _propose(self, row: str, proposer: LocalAccount, draft: Draft) -> None:
        sent = self._governor.send(proposer, "propose", *draft.call, draft.description)
        self.samples.add(row, sent.gas)

    def _vote(self, draft: Draft) -> None:
        proposal = self._id(draft)
        for place, voter in enumerate(self._people.voters):
            sent = self._governor.send(voter, "castVote", proposal, _FOR)
            self.samples.add("vote_first" if place == 0 else "vote", sent.gas)

    def _vote_relayed(self, draft: Draft) -> None:
        proposal = self._id(draft)
        for voter in self._people.voters:
            signature = self._ballot(voter, proposal)
            sent = self._governor.send(
                self._people.relayer, "castVoteBySig", proposal, _FOR, voter.address, signature
            )
            self.samples.add("vote_relayed", sent.gas)

    def _ballot(self, voter: LocalAccount, proposal: int) -> bytes:
        domain = {
            "name": "Peer Governor",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": self._governor.address,
        }
        message = {
            "proposalId": proposal,
            "support": _FOR,
            "voter": voter.address,
            "nonce": int(self._governor.call("nonces", voter.address)),
        }
        signable = encode_typed_data(domain, cast(Any, _BALLOT), message)
        return bytes(voter.sign_message(signable).signature)

    def _execute(self, row: str, draft: Draft) -> None:
        sent = self._governor.send(self._people.outsider, "execute", *draft.call, draft.digest)
        self.samples.add(row, sent.gas)

    def transfer(self) -> None:
        """Move shares between voting holders, then to accounts that hold none."""
        voters = self._people.voters
        for place, voter in enumerate(voters):
            neighbour = voters[(place + 1) % len(voters)]
            sent = self._shares.send(voter, "transfer", neighbour.address, 1_000 + place)
            self.samples.add("transfer", sent.gas)
        for voter, newcomer in zip(voters, self._people.newcomers, strict=False):
            sent = self._shares.send(voter, "transfer", newcomer.address, 1_000)
            self.samples.add("transfer_new_holder", sent.gas)

    def delegate(self, row: str) -> None:
        """Let every voter lend her votes to an oracle.

        Args:
            row: row of the samples; those of an oracle's first votes go to `delegate_first`.
        """
        oracles = self._people.oracles
        for place, voter in enumerate(self._people.voters):
            kind = row.replace("delegate", "delegate_first", 1) if place < len(oracles) else row
            oracle = oracles[place % len(oracles)]
            self.samples.add(kind, self._shares.send(voter, "delegate", oracle.address).gas)
