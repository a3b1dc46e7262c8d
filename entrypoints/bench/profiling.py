"""cProfile over all threads of a process: the event loop's, those in which workflows are activated, the database's."""

import cProfile
import pstats
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def profiled(file: Path | None) -> Iterator[None]:
    """Write what `python -m pstats FILE` reads; nothing without a file. Times are CPU seconds of Python's own threads.

    What the SDK does in threads of its own, outside of Python, is not in it; and measuring doubles what it measures.
    """
    if file is None:
        yield
        return
    profiles = [cProfile.Profile(time.thread_time)]

    def of_this_thread(*_: Any) -> None:
        """A thread's first event hands it over to a profile of its own."""
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].enable()

    threading.setprofile(of_this_thread)
    profiles[0].enable()
    try:
        yield
    finally:
        threading.setprofile(None)
        for profile in profiles:
            profile.disable()
        statistics = pstats.Stats(*profiles)
        statistics.dump_stats(file)
