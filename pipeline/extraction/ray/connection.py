"""Connecting to a Ray cluster, which is found or started, kept quiet, and left as it was."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any

from mraf.errors import MissingError, UsageError

CONNECT_SECONDS = 5.0
"""Time that a cluster has to answer; Ray itself tries for minutes."""

log = logging.getLogger("mraf")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster that a run works on."""

    address: str  # of its head, HOST:PORT
    is_own: bool  # started by this run, on this machine
    nodes: int
    cpus: int
    gpus: int
    dashboard: str | None  # address of its web page


def import_ray() -> Any:
    """Import Ray, quiet, and without its reports to its makers.

    Raises MissingError where it is not installed.
    """
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingError(
            f"--engine ray needs Ray, which cannot be imported ({error}). Install it, on all nodes: "
            "pip install 'mraf[ray]'."
        ) from None
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray


@contextmanager
def connected(ray: Any, address: str | None) -> Iterator[Cluster]:
    """Connect Ray to a cluster for the time of a `with` block.

    `address` is that of `RayEngine`. Raises MissingError where there is no such cluster, UsageError
    where it cannot be joined.
    """
    if ray.is_initialized():  # by a program that imports mraf
        yield _describe(ray, ray.get_runtime_context().gcs_address, False, None)
        return
    if address in (None, "auto"):  # a cluster that the environment names comes first
        address = os.environ.get("RAY_ADDRESS") or address
    if address not in (None, "auto", "local"):
        _check_answers(str(address))
    try:
        with redirect_stdout(_WithoutRay(sys.stdout)):
            # Ray has its nodes look for modules in the current folder.
            with _own_sigterm(), _silent_stderr(), chdir(os.sep):
                context, is_own = _join(ray, address)
            found = context.address_info["gcs_address"]
            yield _describe(ray, found, is_own, context.dashboard_url or None)
    finally:
        ray.shutdown()


def _join(ray: Any, address: str | None) -> tuple[Any, bool]:
    """Connect; return Ray's context and True where this run has started the cluster."""
    options = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if address in (None, "auto"):
        try:
            return ray.init(address="auto", **options), False
        except ConnectionError as error:
            if address:
                raise MissingError(
                    f"--address auto: no Ray cluster here to join ({short(error)}). Start one with "
                    "`ray start --head`, or leave --address out to work on this machine alone."
                ) from None
        except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise _cannot_join(address or "auto", error) from None
        address = "local"
    try:
        return ray.init(address=address, **options), address == "local"
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _cannot_join(str(address), error) from None


def _cannot_join(address: str, error: Exception) -> UsageError:
    if "No node info found" in str(error):
        return UsageError(
            f"{address}: this machine is not part of that cluster. Say `ray start --address={address} "
            "--num-cpus=0` here first (without --num-cpus=0 it works too), or run mraf on a machine "
            "that is."
        )
    if "ersion mismatch" in str(error):
        return UsageError(
            f"{address}: the cluster runs other versions of Ray or Python than this program: "
            f"{' '.join(str(error).split())}. Install the same ones on all nodes."
        )
    return UsageError(f"{address}: cannot join the Ray cluster ({short(error)}).")


def _check_answers(address: str) -> None:
    """Raise MissingError where nothing listens at HOST:PORT, UsageError where it is no address."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(
            f"--address {address}: expected HOST:PORT of the cluster's head, as `ray start --head` "
            "prints it, auto, or local."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MissingError(
            f"--address {address}: no Ray cluster answers there ({reason}). `ray status` on its head "
            "says whether it runs."
        ) from None


def _describe(ray: Any, address: str, is_own: bool, dashboard: str | None) -> Cluster:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    total = ray.cluster_resources()
    url = f"http://{dashboard}" if dashboard else None
    cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
    return Cluster(
        address=address, is_own=is_own, nodes=len(nodes), cpus=cpus, gpus=gpus, dashboard=url
    )


class _WithoutRay:
    """Standard output without the lines that threads of Ray print about workers that ended."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not threading.current_thread().name.startswith("ray_"):
            return int(self._stream.write(text))
        if text.strip():
            log.debug("ray: %s", text.rstrip())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Put the handler of SIGTERM back after Ray has replaced it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send the process's standard error to nowhere, that of libraries in C++ too."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def short(error: Exception) -> str:
    """Return the last line of an error: Ray's begin with the trace of another process."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
