"""Training in several processes, on one machine or on many, with the distributed runtime of JAX.

Every process runs the same script, which joins the others before it makes a model:

    import nn

    nn.distributed.initialize()
    model = nn.Model(network, loss=..., optimizer=..., compile=True)
    model.fit(X, y, batch_size=256, callbacks=[nn.ModelCheckpoint("run/digits.safetensors")])

Start it on one machine with `python -m nn.distributed --processes 4 train.py`, and on a cluster by the launcher of
the cluster, such as `srun python train.py` (SLURM) or `mpirun python train.py` (Open MPI).
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from nn import _processes
from nn._validation import whole_number

COORDINATOR, PROCESSES, PROCESS = "TENSORGRAD_COORDINATOR", "TENSORGRAD_PROCESSES", "TENSORGRAD_PROCESS"
"""Environment variables in which the launcher describes the processes."""

TIMEOUT = 30
"""Default number of seconds after which a process that does not answer is considered lost."""

GRACE = 5.0
"""Seconds that processes have to end by themselves when the job is ended."""


def initialize(
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    timeout: int | None = None,
) -> None:
    """Join the processes of a job. Call this once in each process, before anything else uses JAX.

    Without arguments, the processes are described by the launcher `python -m nn.distributed`, by SLURM or by Open MPI.
    Does nothing in a script that was started alone.

    `Model.fit` of a compiled model then divides each batch between the devices of all processes. All of them start with
    the parameters and the random generators of the first process, use the same order of the samples, and read only
    their own rows of each batch. A batch whose size is not a multiple of the number of devices is computed by each of
    them as a whole. Losses and metrics are those of whole batches. Only the first process writes files and output.

    A process in which an exception is raised ends at once, without the functions registered with `atexit`. An
    interactive session continues instead. If a process ends or does not answer for `timeout` seconds, the others end
    with an error that names it. Start the job again, with any number of processes: with `fit(..., resume=True)` it
    continues from the last checkpoint.

    Args:
        coordinator: the address of the first process, such as "10.0.0.1:1234".
        processes: the number of processes.
        process: the number of this process, from 0.
        timeout: the number of seconds after which a process that does not answer is considered lost; None for 30, or
            that of the launcher.

    Raises:
        ModuleNotFoundError: JAX is not installed: `pip install 'tensorgrad[xla]'`.
        TypeError, ValueError: an argument is missing, has the wrong type or is out of range.
        RuntimeError: JAX has been used before, or the other processes cannot be reached.
    """
    if coordinator is None and COORDINATOR in os.environ:
        coordinator = os.environ[COORDINATOR]
        processes, process = int(os.environ[PROCESSES]), int(os.environ[PROCESS])
    given = [each is not None for each in (coordinator, processes, process)]
    if any(given) and not all(given):
        raise TypeError("distributed.initialize: pass coordinator, processes and process together, or none of them.")
    if not any(given) and not _is_on_cluster():
        return
    if processes is not None and process is not None:
        whole_number("distributed.initialize: processes", processes)
        whole_number("distributed.initialize: process", process, lowest=0, highest=processes - 1)
    if timeout is None:
        timeout = int(os.environ.get("TENSORGRAD_TIMEOUT", TIMEOUT))
    seconds = whole_number("distributed.initialize: timeout", timeout)
    from tensorgrad import xla  # noqa: F401 - names the extra if JAX is missing, and preserves NumPy's global generator

    import jax  # isort: skip

    config: Any = jax.config
    config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator, processes, process, heartbeat_timeout_seconds=seconds, shutdown_timeout_seconds=seconds
    )
    _processes.set_process(jax.process_index(), jax.process_count())
    sys.excepthook = functools.partial(_end_process, sys.excepthook)


def _end_process(report: Callable[..., Any], *error: Any) -> None:
    """Report an exception and end this process. Otherwise JAX would wait for the others, which wait for it.

    An interactive session, of Python or IPython, continues after the exception.
    """
    try:
        report(*error)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # the output may be closed
        if not (hasattr(sys, "ps1") or sys.flags.inspect):
            os._exit(1)


def _is_on_cluster() -> bool:
    """Return whether a launcher of a cluster started this process as one of several."""
    counts = (os.environ.get(name, "1") for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"))
    return any(count.isdigit() and int(count) > 1 for count in counts)


def launch(command: Sequence[str], processes: int, timeout: float = TIMEOUT) -> int:
    """Run a command in several processes on this machine, and wait until all have ended.

    If one of them fails, or has been stopped for `timeout` seconds, the others are ended and stderr names it.

    Args:
        command: the program and its arguments.
        processes: the number of processes.
        timeout: the number of seconds.

    Returns:
        The exit status: 0 if all succeeded.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shared = {COORDINATOR: address, PROCESSES: str(processes), "TENSORGRAD_TIMEOUT": str(max(1, round(timeout)))}
    started = [
        subprocess.Popen(command, env=os.environ | shared | {PROCESS: str(number)}) for number in range(processes)
    ]
    try:
        return _watched(started, timeout)
    finally:
        _end(started)


def _watched(started: Sequence[subprocess.Popen[bytes]], timeout: float) -> int:
    """Return the exit status of the job."""
    running = dict(enumerate(started))
    stopped: dict[int, float] = {}
    while running:
        failed: list[tuple[int, int]] = []
        for number, process in list(running.items()):
            code = _state(process)
            if code is None:
                stopped.pop(number, None)
            elif code == "stopped":
                if time.monotonic() - stopped.setdefault(number, time.monotonic()) > timeout:
                    _report(f"process {number} has been stopped for {timeout:g} seconds")
                    return 1
            else:
                del running[number]
                if code:
                    failed.append((number, int(code)))
        if stopped and failed:  # the others noticed first
            failed = [(next(iter(stopped)), -signal.SIGSTOP)]
        if failed:
            # Processes that lost another one fail too, so one that was killed is named first.
            number, code = min(failed, key=lambda each: each[1] != -signal.SIGKILL)
            _report(f"process {number} {_ending(code)}")
            return 1
        time.sleep(0.1)
    return 0


def _state(process: subprocess.Popen[bytes]) -> int | str | None:
    """Return the exit status of a process, "stopped" if it has been stopped by a signal, or None if it runs."""
    if (code := process.poll()) is not None:
        return code
    try:
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:  # Linux only
            return "stopped" if file.read().rpartition(")")[2].split()[0] == "T" else None
    except OSError:
        return None


def _ending(code: int) -> str:
    if code < 0:
        return f"was {'stopped' if code == -signal.SIGSTOP else 'ended'} by {signal.Signals(-code).name}"
    return f"failed with exit status {code}"


def _report(what: str) -> None:
    print(f"nn.distributed: {what}. The job is ended.", file=sys.stderr, flush=True)


def _end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the processes that are still running."""
    running = [process for process in started if process.poll() is None]
    for process in running:
        process.terminate()
        if hasattr(signal, "SIGCONT"):
            process.send_signal(signal.SIGCONT)
    limit = time.monotonic() + GRACE
    for process in running:
        try:
            process.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m nn.distributed`."""
    parser = argparse.ArgumentParser(
        prog="python -m nn.distributed", description="Run a script in several processes on this machine."
    )
    parser.add_argument("--processes", type=int, required=True, help="number of processes")
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT, help="seconds until a stopped process counts as lost (%(default)s)"
    )
    parser.add_argument("script", help="Python script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")
    options: Any = parser.parse_args(arguments)
    if options.processes < 1:
        parser.error("--processes must be at least 1")
    return launch([sys.executable, options.script, *options.arguments], options.processes, options.timeout)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # also ends the processes
    sys.exit(main())
