"""Adds up the seconds spent in `Trainer.fit`; imported into the kernel of a measured lesson."""

import functools
import time
from types import SimpleNamespace

from course_utils import Trainer

watch = SimpleNamespace(seconds=0.0, running=False)
_fit = Trainer.fit


@functools.wraps(_fit)
def _timed(*args, **kwargs):
    if watch.running:  # a fit inside another one's `evaluate` is a part of that one
        return _fit(*args, **kwargs)
    begin, watch.running = time.perf_counter(), True
    try:
        return _fit(*args, **kwargs)
    finally:
        watch.seconds, watch.running = watch.seconds + time.perf_counter() - begin, False


Trainer.fit = _timed
