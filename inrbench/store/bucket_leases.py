"""Leases in a bucket: several machines that share an object store divide the runs, so that none is done twice.

A lease is an object. It is written only if it does not exist yet (``If-None-Match``), and taken over only if it is still the
version that was read (``If-Match``). If several machines try at once, the object store lets one of them succeed. The owner
rewrites its lease at intervals. The age of a lease is measured by the clock of the object store. This needs boto3
(``pip install 'inrbench[s3]'``), because pyarrow does not support conditional writes.
"""

import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

HEARTBEAT_SECONDS = 20.0
STALE_SECONDS = 120.0
"""Seconds without a new version, by the clock of the object store, after which the owner is assumed to be dead."""
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
GONE = frozenset({"NoSuchKey", "404"})


def can_lease(uri: str) -> bool:
    """Return whether an object store can store leases: it must support conditional writes, and boto3 must be installed."""
    return uri.startswith("s3://") and find_spec("boto3") is not None


@contextmanager
def lease_in_bucket(uri: str | None, name: str) -> Iterator[bool]:
    """Hold the lease ``name`` among all machines that share a bucket: yield True, or False if another owner holds it.

    If no lease can be stored (no bucket, no boto3, or an unexpected answer from the bucket), it yields True and the block runs
    without a lease. A run may then be done twice; it counts once.
    """
    lease = _BucketLease(*_place(uri, name)) if uri is not None and can_lease(uri) else None
    taken = lease.take() if lease is not None else None
    if lease is None or not taken:
        yield taken is None
        return
    stop = threading.Event()
    threading.Thread(target=lease.beat, args=(stop,), daemon=True).start()
    try:
        yield True
    finally:
        stop.set()
        lease.release()


def _place(uri: str, name: str) -> tuple[Any, str, str]:
    """Return an S3 client, the bucket, and the key of a lease."""
    import boto3
    from botocore.config import Config

    parts = urlsplit(uri)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    endpoint = options.get("endpoint_override")
    if endpoint and "://" not in endpoint:
        endpoint = f"{options.get('scheme', 'https')}://{endpoint}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name=options.get("region"), config=Config(retries={"max_attempts": 3})
    )
    return client, parts.netloc, "/".join(part for part in (parts.path.strip("/"), "leases", f"{name}.json") if part)


@dataclass
class _BucketLease:
    """A lease, as this process writes it. ``etag`` is the version that this process wrote, or None if it owns none."""

    client: Any
    bucket: str
    key: str
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    etag: str | None = None
    beats: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def take(self) -> bool | None:
        """Try to take the lease: return True on success, False if a living owner has it, None if the bucket cannot be used."""
        for _ in range(3):
            written = self._write(IfNoneMatch="*")
            if written is not False:
                return written
            seen = self._seen()
            if seen is None:
                continue  # it was removed a moment ago: try again
            etag, silence = seen
            if silence < STALE_SECONDS:
                return False
            written = self._write(IfMatch=etag)
            if written is not False:
                return written
        return False

    def beat(self, stop: threading.Event) -> None:
        """Rewrite the lease at intervals until ``stop`` is set or another owner has taken it over."""
        while not stop.wait(HEARTBEAT_SECONDS):
            with self.lock:
                if stop.is_set() or self.etag is None:
                    return
                if self._write(IfMatch=self.etag) is False:
                    self.etag = None

    def release(self) -> None:
        """Remove the lease if this process still owns it."""
        with self.lock:
            seen = self._seen() if self.etag is not None else None
            if seen is not None and seen[0] == self.etag:
                with suppress(Exception):  # otherwise the lease becomes stale by itself
                    self.client.delete_object(Bucket=self.bucket, Key=self.key)
            self.etag = None

    def _write(self, **condition: str) -> bool | None:
        """Write under a condition. Return False if the condition is not met, None if the bucket gives no usable answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        self.beats += 1
        held_by = {"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "beats": self.beats}
        try:
            answer = self.client.put_object(Bucket=self.bucket, Key=self.key, Body=json.dumps(held_by).encode(), **condition)
        except ClientError as error:
            return False if error.response.get("Error", {}).get("Code") in REFUSED | GONE else None
        except BotoCoreError:
            return None
        self.etag = answer["ETag"]
        return True

    def _seen(self) -> tuple[str, float] | None:
        """Return the current version and its age in seconds by the object store's clock, or None if there is none."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self.client.head_object(Bucket=self.bucket, Key=self.key)
        except (ClientError, BotoCoreError):
            return None
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return answer["ETag"], abs((now - answer["LastModified"]).total_seconds())
