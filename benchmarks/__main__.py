"""`python -m benchmarks [--quick] [--only loop,to_99]`: measure, and write table and figure.

A quick run prints and writes nothing. With `--only`, the rows of the other modules are kept.
"""

import argparse
import importlib
import json
from pathlib import Path

from . import report
from .measure import Row, matrix_rate

MODULES = ("loop", "data_path", "alternatives", "to_99", "lessons", "growth", "limit")
QUICK = MODULES[:3]
RESULTS = Path(__file__).parent / "results"


def measured(name: str, quick: bool) -> dict:
    """A module's rows, printed as they come, with the machine and its rate before and after."""
    module = importlib.import_module(f"benchmarks.{name}")
    print(f"\n{name}: {module.__doc__.splitlines()[0]}", flush=True)
    rows, before = [], matrix_rate()
    for row in module.rows(quick):
        rows.append(row)
        print(report.line(row), flush=True)
    rates = [round(rate, 2) for rate in (before, matrix_rate())]
    print(f"  the machine's rate before and after: {rates[0]} and {rates[1]}")
    return {"machine": report.machine(), "rates": rates, "rows": [vars(row) for row in rows]}


def store(name: str, new: dict) -> None:
    """Keep a module's rows beside those of the others, and draw table and figure again."""
    stored = RESULTS.with_suffix(".json")
    found = json.loads(stored.read_text("utf-8")) if stored.exists() else {}
    found = {each: (found | {name: new})[each] for each in MODULES if each in {*found, name}}
    stored.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    rows = {each: [Row(**row) for row in found[each]["rows"]] for each in found}
    RESULTS.with_suffix(".md").write_text(report.table(found, rows), "utf-8")
    RESULTS.with_suffix(".png").write_bytes(report.figure(rows).png())


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="items 1 to 3 in short; only prints")
    options.add_argument("--only", default="", help=f"some of {','.join(MODULES)}")
    given = options.parse_args()
    names = given.only.split(",") if given.only else QUICK if given.quick else MODULES
    if unknown := set(names) - set(MODULES):
        options.error(f"--only takes some of {','.join(MODULES)}, not {','.join(unknown)}")

    for name in names:
        new = measured(name, given.quick)
        if not given.quick:  # after each module, so that an interrupt loses only one
            store(name, new)


if __name__ == "__main__":
    main()
