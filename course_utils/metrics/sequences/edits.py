"""How far a sequence of symbols is from the right one: insertions, deletions, substitutions."""

from collections.abc import Sequence
from typing import Any

from ... import arguments

SYMBOLS = "a string, a list or a tuple of symbols"


def edit_distance(first: Sequence[Any], second: Sequence[Any]) -> int:
    """The least number of insertions, deletions and substitutions that make one the other.

    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", Soviet
    Physics Doklady 10 (1966), by the recursion of Wagner and Fischer (1974).

    Args:
        first, second: strings, or sequences of whatever can be compared.

    Raises:
        TypeError: what is not a sequence; names the argument.
    """
    for name, value in (("first", first), ("second", second)):
        arguments.kind(name, value, Sequence, SYMBOLS)
    row = list(range(len(second) + 1))
    for number, symbol in enumerate(first, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(second, 1):
            diagonal, row[place] = row[place], min(
                row[place] + 1, row[place - 1] + 1, diagonal + (symbol != other)
            )  # fmt: skip
    return row[-1]


def error_rate(said: Sequence[Sequence[Any]], right: Sequence[Sequence[Any]]) -> float:
    """Edits for each right symbol: the sum of the distances over the sum of the lengths.

    With words it is the word error rate, with characters the character error rate. It may exceed
    1, since there is no limit to what can be inserted. Long sequences weigh more than short ones;
    the mean of each sequence's own rate is another number.

    Args:
        said: what was recognised, N sequences.
        right: what is right, N sequences, of one symbol in all at least.

    Raises:
        TypeError: what is not such a list; names the argument.
        ValueError: another number of sequences, or nothing that is right.
    """
    for name, value in (("said", said), ("right", right)):
        arguments.kind(name, value, Sequence, "a list of sequences")
        for one in value:
            arguments.kind(name, one, Sequence, f"a list of sequences, each {SYMBOLS}")
    if len(said) != len(right):
        raise ValueError(
            f"said must hold as many sequences as right, {len(right)}, not {len(said)}."
        )
    edits = [edit_distance(one, other) for one, other in zip(said, right, strict=True)]
    if not (length := sum(map(len, right))):
        raise ValueError("right must hold at least one symbol, or there is no rate.")
    return sum(edits) / length
