"""Every test session, and each of its parallel workers, keeps its runs in a folder of its own.

The notebooks of `notebooks/` and `solutions/` run at the same time and train under the same names.
"""

import atexit
import os
import tempfile

pytest_plugins = ["clock", "kernels", "sliders"]

_runs = tempfile.TemporaryDirectory(prefix="course-runs-")
atexit.register(_runs.cleanup)
os.environ["COURSE_RUNS"] = _runs.name  # kernels that nbval starts inherit it
