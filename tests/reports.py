"""Counts public bug reports, from the tests that try them: the table that ends a run."""


def rows(tried: list[tuple[str, bool, str]]) -> list[tuple[str, ...]]:
    """The rows on public bug reports, of (address, whether it passed, kind) of each test."""
    found = []
    for kind in sorted({kind for *_, kind in tried}):
        mine = [(address, passed) for address, passed, one in tried if one == kind]
        names = {address.partition("[")[0] for address, _ in mine}
        mended = "yes" if all(passed for _, passed in mine) else "NO"
        found.append((kind, str(len(names)), mended, str(len(mine))))
    sums = [str(sum(int(row[column]) for row in found)) for column in (1, 3)]
    mended = sum(row[2] == "yes" for row in found)
    return [*found, ("all", sums[0], f"{mended} of {len(found)}", sums[1])] if found else []
