"""The rules of the development chain: journal first, then execute; die and be replayed.

One transaction makes one block, in the journal's order. A write holds the write lock from its
checks to its block. When the executing node is lost, whoever notices first starts another and
replays the journal while everybody else waits. A write that was under way then reads its outcome
from the journal: the replay has executed it, or marked it as refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from databright.chain.devnet import dumps
from databright.chain.devnet.evm import Evm, EvmLostError, EvmSource, RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.chain.devnet.journal import REJECTED, Entry, Journal
from databright.chain.devnet.rpc import SignedTransaction
from databright.errors import BadInputError, ConfigError
from databright.records.strict_json import JsonValue

_LOG = logging.getLogger(__name__)
_MOST_STARTS = 40
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_POISON_AFTER = 5
MAX_ADVANCE_S = 10 * 365 * 86_400
"""Furthest that one call may move the clock, in seconds."""
_REFUSED = -32000


class _ReplayDiffersError(ConfigError):
    """A replayed block has another hash than the journal noted."""


class DevNode:
    """A chain's folder and the node that executes its journal.

    Args:
        home: the chain's folder.
        genesis: what it starts from.
        journal: its opened journal.
        source: starts nodes.
        dump_every: journal rows between two state dumps.
        clock: wall clock in seconds since 1970.
    """

    def __init__(
        self,
        home: Path,
        genesis: Genesis,
        journal: Journal,
        source: EvmSource,
        *,
        dump_every: int = 2_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._home = home
        self._genesis = genesis
        self._journal = journal
        self._source = source
        self._dump_every = dump_every
        self._clock = clock
        self._write = asyncio.Lock()
        self._reviving = asyncio.Lock()
        self._evm: Evm | None = None
        self._dumped = 0
        self._head_hash = ""
        self._stumbles: dict[int, int] = {}
        self._stopped = False
        self.genesis_hash = ""

    # ------------------------------------------------------------------ start and replay

    async def start(self) -> None:
        """Start the node and replay the journal."""
        await self._revive(None)

    @property
    def version(self) -> str:
        """Version of the executing program."""
        return self._evm.version if self._evm else ""

    async def _running(self) -> Evm:
        while self._evm is None:
            await self._revive(None)
        return self._evm

    async def _revive(self, lost: Evm | None) -> None:
        async with self._reviving:
            if self._stopped:
                # No answer at all: a client then asks again, perhaps the next process.
                raise ConnectionAbortedError("the chain is being stopped")
            if self._evm is not lost:
                return  # somebody else has started another meanwhile
            self._evm = None
            if lost is not None:
                _LOG.warning("the %s node ended; starting it again", self._source.name)
                await lost.close()
            pause = _FIRST_PAUSE_S
            for _ in range(_MOST_STARTS):
                try:
                    self._evm = await self._boot()
                except EvmLostError as error:
                    _LOG.warning("%s; trying again", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
                else:
                    return
            raise ConfigError(
                f"the {self._source.name} node ended {_MOST_STARTS} times while it replayed the "
                "journal: see its log; free memory, or install it again"
            )

    async def _boot(self) -> Evm:
        evm = await self._source.start(self._genesis)
        try:
            await self._check_genesis(evm)
            position = await self._load_dump(evm)
            if position is None:
                # The half-loaded state is of no use.
                await evm.close()
                evm = await self._source.start(self._genesis)
                position = 0
            try:
                await self._replay(evm, position)
            except _ReplayDiffersError:
                if position == 0:
                    raise
                _LOG.warning("the state dump does not fit the journal; replaying everything")
                dumps.remove(self._home)
                raise EvmLostError("the state dump was dropped") from None
            now = self._now()
            if now > max(self._journal.last_timestamp, self._genesis.timestamp):
                await evm.set_clock(now)
        except BaseException:
            await evm.close()
            raise
        return evm

    async def _check_genesis(self, evm: Evm) -> None:
        block = await evm.request("eth_getBlockByNumber", ["0x0", False])
        found = str(block["hash"]) if isinstance(block, dict) else ""
        recorded = self._journal.meta("genesis_hash")
        if recorded is None:
            self._journal.set_meta("genesis_hash", found)
        elif recorded != found:
            raise ConfigError(
                f"{evm.version} makes block 0 {found} from this home's genesis, but {recorded} is "
                f"recorded (written by {self._journal.meta('version')}): install that version"
            )
        self._journal.set_meta("version", evm.version)
        self.genesis_hash = self._head_hash = found

    async def _load_dump(self, evm: Evm) -> int | None:
        dump = dumps.load(self._home)
        if dump is None or dump.version != evm.version or dump.seq > self._journal.last_seq:
            self._dumped = 0
            return 0
        try:
            await evm.load(dump.state)
            head = await evm.request("eth_getBlockByNumber", ["latest", False])
        except RpcFault as fault:
            _LOG.warning("the state dump cannot be loaded (%s); replaying everything", fault)
            self._drop_dump()
            return None
        found = str(head["hash"]) if isinstance(head, dict) else ""
        noted = self._journal.entry(dump.seq).block_hash
        if found != dump.block_hash or noted not in {None, found}:
            _LOG.warning("the state dump is of another chain; replaying everything")
            self._drop_dump()
            return None
        self._dumped, self._head_hash = dump.seq, found
        return dump.seq

    def _drop_dump(self) -> None:
        dumps.remove(self._home)
        self._dumped = 0

    async def _replay(self, evm: Evm, position: int) -> None:
        for entry in self._journal.after(position):
            try:
                block_hash = await evm.mine(entry.raw, entry.timestamp)
            except RpcFault as fault:
                if entry.block_hash is not None:
                    raise _differs(entry, f"the error {fault.text!r}", evm.version) from fault
                self._journal.reject(entry.seq, fault.text)
                continue
            except EvmLostError:
                self._stumble(entry)
                raise
            if entry.block_hash is None:
                self._journal.note_mined(entry.seq, block_hash)
            elif entry.block_hash != block_hash:
                raise _differs(entry, f"block {block_hash}", evm.version)
            self._head_hash = block_hash

    def _stumble(self, entry: Entry) -> None:
        # A transaction that kills the node each time must not kill it for ever. It has no
        # noted block, so nobody was told that it is in the chain.
        if entry.block_hash is None and entry.seq == self._journal.last_seq:
            self._stumbles[entry.seq] = self._stumbles.get(entry.seq, 0) + 1
            if self._stumbles[entry.seq] >= _POISON_AFTER:
                self._journal.reject(entry.seq, "the node ends whenever it executes this")

    # ------------------------------------------------------------------ reads

    async def read(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """Answer a read; waits while the node is being replayed.

        Args:
            method: an allowed method.
            params: its parameters.

        Returns:
            The result.

        Raises:
            RpcFault: the node refuses it, or ends whenever it is asked.
        """
        for _ in range(_POISON_AFTER):
            evm = await self._running()
            try:
                return await evm.request(method, params)
            except EvmLostError:
                await self._revive(evm)
        raise RpcFault(_REFUSED, f"the node ended {_POISON_AFTER} times over this {method}")

    # ------------------------------------------------------------------ writes

    def _now(self) -> int:
        return int(self._clock()) + self._journal.advanced

    def _next_timestamp(self, advance: int = 0) -> int:
        # A burst of blocks runs ahead of the wall clock by up to a second each; an advance is
        # counted from wherever the chain is, so that a deadline ahead is always reached.
        previous = max(self._journal.last_timestamp, self._genesis.timestamp)
        return max(previous + (advance or 1), self._now() + advance)

    async def send(self, tx: SignedTransaction) -> str:
        """Journal a transaction, then put it in a block of its own.

        Args:
            tx: the signed transaction.

        Returns:
            Its hash; also when these bytes were sent before.

        Raises:
            RpcFault: it is refused.
        """
        async with self._write:
            if self._journal.find(tx.hash) is not None:
                await self._running()
                if self._journal.find(tx.hash) is not None:
                    return tx.hash
            await self._check_nonce(tx)
            evm = await self._running()
            # From here to the journal row nothing may wait, so that a replay sees the row.
            timestamp = self._next_timestamp()
            seq = self._journal.append_tx(tx.raw, tx.hash, timestamp)
            await self._execute(evm, seq, tx.raw, timestamp)
            await self._maybe_dump(evm)
        return tx.hash

    async def _check_nonce(self, tx: SignedTransaction) -> None:
        answer = await self.read("eth_getTransactionCount", [tx.sender, "latest"])
        expected = int(str(answer), 16)
        if tx.nonce < expected:
            raise RpcFault(
                _REFUSED, f"nonce too low: {tx.sender} sent {tx.nonce}, the next is {expected}"
            )
        if tx.nonce > expected:
            raise RpcFault(
                _REFUSED,
                f"nonce gap: {tx.sender} sent {tx.nonce}, the next is {expected}. This chain keeps "
                "no waiting transactions: send them in order",
            )

    async def _execute(self, evm: Evm, seq: int, raw: bytes | None, timestamp: int) -> None:
        try:
            block_hash = await evm.mine(raw, timestamp)
        except RpcFault as fault:
            self._journal.reject(seq, fault.text)
            raise
        except EvmLostError:
            await self._revive(evm)
            entry = self._journal.entry(seq)
            if entry.status == REJECTED:
                raise RpcFault(_REFUSED, entry.reason or "refused") from None
            return
        self._journal.note_mined(seq, block_hash)
        self._head_hash = block_hash

    async def advance(self, seconds: int) -> int:
        """Move the clock and make an empty block at the new time.

        Args:
            seconds: how far, 1..MAX_ADVANCE_S.

        Returns:
            The new chain time.

        Raises:
            BadInputError: the distance is out of range.
        """
        if not 1 <= seconds <= MAX_ADVANCE_S:
            raise BadInputError(
                f"the clock can be advanced by 1 to {MAX_ADVANCE_S} seconds, not {seconds}"
            )
        async with self._write:
            evm = await self._running()
            timestamp = self._next_timestamp(seconds)
            seq = self._journal.append_advance(seconds, timestamp)
            await self._execute(evm, seq, None, timestamp)
        return timestamp

    # ------------------------------------------------------------------ dumps and end

    async def _maybe_dump(self, evm: Evm) -> None:
        if self._journal.last_seq - self._dumped >= self._dump_every:
            await self._dump(evm)

    async def _dump(self, evm: Evm) -> None:
        if evm is not self._evm or self._journal.last_seq == self._dumped:
            return
        try:
            state = await evm.dump()
        except (EvmLostError, RpcFault) as error:
            _LOG.warning("no state dump was made: %s", error)
            return
        self._dumped = self._journal.last_seq
        if state is not None:
            self._journal.sync()
            dumps.save(
                self._home,
                dumps.Dump(self._journal.last_seq, self._head_hash, evm.version, state),
            )

    async def stop(self) -> None:
        """Finish the write under way, dump the state, end the node."""
        await self._write.acquire()  # never released: nothing is written after this
        self._stopped = True
        evm = self._evm
        if evm is not None:
            await self._dump(evm)
            await evm.close()
        self._journal.close()


def _differs(entry: Entry, instead: str, version: str) -> _ReplayDiffersError:
    return _ReplayDiffersError(
        f"replaying row {entry.seq} of the journal with {version} gave {instead} instead of block "
        f"{entry.block_hash}: install the version that wrote this chain, or restore a copy"
    )
