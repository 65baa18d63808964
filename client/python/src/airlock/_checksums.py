"""The bytes that came, held against the checksums that the file has of them.

Zip archives have a CRC-32 of each member, which torch writes and never reads. It finds a broken disk or copy, and no forger: the
checksum is the file's own word.
"""
from __future__ import annotations

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List

from ._errors import MalformedError
from ._payload import Span
from ._plan import Storages

_HAS_CRC32 = 1 << 32


def verify(storages: Storages, spans: List[Span], view: Callable[[Any], memoryview]) -> None:
    """An error where the bytes of a storage are not those that its checksum is of; storages without one pass.

    `view` gives the memory of a span's owner. On all processors: zlib lets other threads run meanwhile.
    """
    def crc32(number: int) -> int:
        span = spans[number]
        return zlib.crc32(view(span.owner)[span.offset:span.offset + span.nbytes])

    numbers = [number for number, wanted in enumerate(storages.crc32) if wanted]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, found in zip(numbers, threads.map(crc32, numbers)):
            if found | _HAS_CRC32 != storages.crc32[number]:
                raise MalformedError(f"the bytes of storage {number} are not those that the file has a checksum of (CHECKSUM_MISMATCH)",
                                     reason="CHECKSUM_MISMATCH")
