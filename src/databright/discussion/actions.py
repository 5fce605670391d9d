"""What people sign: comments, edits, hidings, drafts, links, and requests to read.

Each is an EIP-712 struct under the market's domain ("DataBright", "1", chain id, address of the
DiscussionAnchor). A wallet shows every field in plain; the text itself is a field, which EIP-712
hashes with keccak-256. An action's id is its digest, so anybody can check who wrote what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from databright.discussion.fields import from_json, to_json
from databright.discussion.subjects import ON_CHAIN, parse_subject
from databright.discussion.texts import check_line, check_prose
from databright.errors import BadInputError
from databright.records.signatures import Message
from databright.records.strict_json import JsonValue
from databright.units import Address

MAX_BODY: Final = 20_000
"""Longest comment, description or sample, in characters."""
MAX_TITLE: Final = 200
MAX_REASON: Final = 500
MAX_INVITED: Final = 32
"""Most reviewers of a draft."""
NO_DIGEST: Final = bytes(32)
COMMENT: Final = "comment"
QUESTION: Final = "question"
INFORMATION_REQUEST: Final = "information_request"
EVALUATION_REQUEST: Final = "evaluation_request"
ANSWER: Final = "answer"
ASKING: Final = (QUESTION, INFORMATION_REQUEST, EVALUATION_REQUEST)
"""Kinds of comments that stay open until they are answered."""
KINDS: Final = (COMMENT, *ASKING, ANSWER)
_UINT256 = 2**256


@dataclass(frozen=True, kw_only=True)
class Action:
    """What every signed thing has.

    Attributes:
        author: who signs.
        created_at: seconds since 1970, by the author's clock.
        nonce: any number that the author never used before, below 2**256.
    """

    NAME: ClassVar[str] = ""
    FIELDS: ClassVar[tuple[tuple[str, str], ...]] = ()

    author: Address
    created_at: int
    nonce: int

    def __post_init__(self) -> None:
        """Refuse numbers that EIP-712 cannot carry.

        Raises:
            BadInputError: out of range.
        """
        for name, value in (("created_at", self.created_at), ("nonce", self.nonce)):
            if not 0 <= value < _UINT256:
                raise BadInputError(f"{name} is {value}: use 0 to 2**256 - 1")

    def message(self) -> Message:
        """The typed message that is signed.

        Returns:
            Name, fields in order, values.
        """
        values: dict[str, object] = {}
        for name, _ in self.FIELDS:
            value = getattr(self, name)
            values[name] = list(value) if isinstance(value, tuple) else value
        return Message(self.NAME, self.FIELDS, values)

    def to_plain(self) -> dict[str, JsonValue]:
        """The message as JSON, in the form that wallets take.

        Returns:
            Field -> value; numbers as decimal strings, bytes as 0x-prefixed hex.
        """
        return {name: to_json(kind, getattr(self, name)) for name, kind in self.FIELDS}

    @classmethod
    def from_plain(cls, message: dict[str, JsonValue]) -> Action:
        """Read a message that a stranger wrote.

        Args:
            message: field -> value.

        Returns:
            The action.

        Raises:
            BadInputError: a field is missing, unknown or of another form.
        """
        names = [name for name, _ in cls.FIELDS]
        if set(message) != set(names):
            raise BadInputError(
                f"a {cls.NAME} has the fields {', '.join(names)}; got "
                f"{', '.join(sorted(message))[:200]}"
            )
        return cls(**{name: from_json(kind, name, message[name]) for name, kind in cls.FIELDS})


@dataclass(frozen=True, kw_only=True)
class Comment(Action):
    """A text in a thread.

    Attributes:
        kind: comment, question, information_request, evaluation_request or answer.
        subject: what the thread is about, e.g. proposal/7.
        parent: digest of the comment that it replies to; zeros for none.
        body: markdown, 1 to 20,000 characters.
    """

    NAME = "Comment"
    FIELDS = (
        ("author", "address"),
        ("kind", "string"),
        ("subject", "string"),
        ("parent", "bytes32"),
        ("body", "string"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    kind: str = COMMENT
    subject: str
    parent: bytes = NO_DIGEST
    body: str

    def __post_init__(self) -> None:
        """Refuse what no thread can hold.

        Raises:
            BadInputError: an unknown kind or subject, an answer to nothing, a bad text.
        """
        super().__post_init__()
        if self.kind not in KINDS:
            raise BadInputError(f"kind is {self.kind[:40]!r}: use one of {', '.join(KINDS)}")
        parse_subject(self.subject)
        if self.kind == ANSWER and self.parent == NO_DIGEST:
            raise BadInputError("an answer names the question or request that it answers")
        check_prose("the comment", self.body, MAX_BODY)


@dataclass(frozen=True, kw_only=True)
class Edit(Action):
    """A new text of an own comment, which keeps its id and its old texts.

    Attributes:
        comment: digest of the comment.
        previous: digest of its newest edit, or of the comment itself.
        body: the new text.
    """

    NAME = "Edit"
    FIELDS = (
        ("author", "address"),
        ("comment", "bytes32"),
        ("previous", "bytes32"),
        ("body", "string"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    comment: bytes
    previous: bytes
    body: str

    def __post_init__(self) -> None:
        """Refuse a text that no comment may have."""
        super().__post_init__()
        check_prose("the comment", self.body, MAX_BODY)


@dataclass(frozen=True, kw_only=True)
class Hide(Action):
    """A moderator's decision on a comment; it stays in the log.

    Attributes:
        comment: digest of the comment.
        hidden: True hides it, False shows it again.
        reason: one line that everybody sees.
    """

    NAME = "Hide"
    FIELDS = (
        ("author", "address"),
        ("comment", "bytes32"),
        ("hidden", "bool"),
        ("reason", "string"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    comment: bytes
    hidden: bool
    reason: str

    def __post_init__(self) -> None:
        """Refuse a decision without a reason."""
        super().__post_init__()
        check_line("the reason", self.reason, MAX_REASON)


@dataclass(frozen=True, kw_only=True)
class Draft(Action):
    """A proposal shown to invited reviewers before a bond is posted.

    Attributes:
        dataset: number of the dataset that it is meant for.
        title: one line.
        description: markdown, up to 20,000 characters.
        sample: rows that the author chose to show, as text; may be empty.
        invited: who may read and comment, 1 to 32 addresses.
    """

    NAME = "Draft"
    FIELDS = (
        ("author", "address"),
        ("dataset", "uint256"),
        ("title", "string"),
        ("description", "string"),
        ("sample", "string"),
        ("invited", "address[]"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    dataset: int
    title: str
    description: str
    sample: str
    invited: tuple[Address, ...]

    def __post_init__(self) -> None:
        """Refuse what no reviewer could read.

        Raises:
            BadInputError: a bad text, no dataset, nobody or too many invited, or one twice.
        """
        super().__post_init__()
        parse_subject(f"dataset/{self.dataset}")
        check_line("the title", self.title, MAX_TITLE)
        check_prose("the description", self.description, MAX_BODY, empty=True)
        check_prose("the sample", self.sample, MAX_BODY, empty=True)
        if not 1 <= len(self.invited) <= MAX_INVITED:
            raise BadInputError(f"{len(self.invited)} are invited: invite 1 to {MAX_INVITED}")
        if len({*self.invited, self.author}) != len(self.invited) + 1:
            raise BadInputError("somebody is invited twice, or the author is: name each once")


@dataclass(frozen=True, kw_only=True)
class Link(Action):
    """Says which proposal a draft became; its comments become that proposal's, for all to read.

    Attributes:
        draft: digest of the draft.
        subject: the proposal, e.g. proposal/7.
    """

    NAME = "Link"
    FIELDS = (
        ("author", "address"),
        ("draft", "bytes32"),
        ("subject", "string"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    draft: bytes
    subject: str

    def __post_init__(self) -> None:
        """Refuse anything but a proposal.

        Raises:
            BadInputError: the subject is no proposal.
        """
        super().__post_init__()
        if parse_subject(self.subject).kind != ON_CHAIN[2]:
            raise BadInputError(f"a draft becomes a proposal, not {self.subject}")


@dataclass(frozen=True, kw_only=True)
class Access(Action):
    """A request to read what is not for everybody; good once, and for minutes.

    Attributes:
        resource: draft/DIGEST, `drafts` (those that the signer may read) or `feed`.
        expires_at: seconds since 1970.
    """

    NAME = "Access"
    FIELDS = (
        ("author", "address"),
        ("resource", "string"),
        ("created_at", "uint256"),
        ("expires_at", "uint256"),
        ("nonce", "uint256"),
    )

    resource: str
    expires_at: int

    def __post_init__(self) -> None:
        """Refuse what cannot be read.

        Raises:
            BadInputError: another resource, or it expires before it is made.
        """
        super().__post_init__()
        if self.resource not in {"drafts", "feed"} and not parse_subject(self.resource).is_draft:
            raise BadInputError(f"{self.resource} is read without a signature")
        if not self.created_at < self.expires_at < _UINT256:
            raise BadInputError(f"expires_at is {self.expires_at}: it lies after created_at")


@dataclass(frozen=True, kw_only=True)
class MarkRead(Action):
    """How far its signer has read its feed.

    Attributes:
        upto: number of the newest notice that was read.
    """

    NAME = "MarkRead"
    FIELDS = (
        ("author", "address"),
        ("upto", "uint256"),
        ("created_at", "uint256"),
        ("nonce", "uint256"),
    )

    upto: int


LOGGED: Final[dict[str, type[Action]]] = {
    kind.NAME: kind for kind in (Comment, Edit, Hide, Draft, Link)
}
"""Actions that the log keeps for ever, by their name."""
ASKED: Final[dict[str, type[Action]]] = {kind.NAME: kind for kind in (Access, MarkRead)}
"""Requests that only the asker cares for; they are not logged."""
