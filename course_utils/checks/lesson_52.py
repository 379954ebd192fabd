"""The exercises of lesson 52: two measures to repair, straight-through, the longest copy."""

import torch
import torch.nn.functional as F

from .exercise import Exercise

MAJOR = torch.tensor([0, 2, 4, 5, 7, 9, 11])


def together(onsets):
    sizes = onsets.unique(return_counts=True)[1]
    return (sizes > 1).float().mean()


def consistency(notes):
    tonics = torch.arange(12)
    steps = (notes - tonics[:, None]) % 12
    return torch.isin(steps, MAJOR).float().mean(1).max()


def through(z):
    p = z.softmax(-1)
    y = F.one_hot(p.argmax(-1), z.shape[-1])
    return y + p - p.detach()


def longest_copy(ours, theirs):
    runs, longest = torch.zeros_like(theirs), []
    for chord in ours:
        runs = (F.pad(runs[:-1], (1, 0)) + 1) * (theirs == chord)
        longest.append(runs.max())
    return max(longest)


def sizes_of(onsets):
    return torch.as_tensor(onsets).unique(return_counts=True)[1]


def published(onsets):
    """A vote after each tone, and one as each moment but the last is over."""
    sizes = sizes_of(onsets).tolist()
    votes = [k > 1 for n in sizes for k in range(1, n + 1)] + [n > 1 for n in sizes[:-1]]
    return sum(votes) / len(votes)


def scaled(steps=lambda notes, tonic: (notes - tonic) % 12, best=torch.amax, scale=MAJOR):
    """A wrong consistency: other steps from the tonic, not the best of them, another scale."""

    def wrong(notes):
        found = torch.isin(steps(notes, torch.arange(12)[:, None]), scale)
        return best(found.float().mean(1), 0)

    return wrong


def passed(forward, soft=lambda z: z.softmax(-1)):
    """A wrong bridge, made of the one-hot row y and of what should carry the gradient."""

    def wrong(z):
        p = soft(z)
        return forward(F.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype), p)

    return wrong


def slopes(result, before, after):
    """The gradient in z of a payoff that weighs the keys differently."""
    (z,) = after
    found = torch.zeros_like(z)
    if isinstance(result, torch.Tensor) and result.requires_grad:
        payoff = (result * torch.arange(1.0, z.shape[-1] + 1) ** 2).sum()
        [found] = torch.autograd.grad(payoff, z, materialize_grads=True)
    return {"the gradient in z": found}


def runs_of(ours, theirs):
    """For each pair of places, how long the run is that ends there."""
    ours, theirs = ours.tolist(), theirs.tolist()
    table = {}
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            table[i, j] = table.get((i - 1, j - 1), 0) + 1 if a == b else 0
    return table


def with_gaps(ours, theirs):
    """The longest common subsequence."""
    ours, theirs, best = ours.tolist(), theirs.tolist(), {}
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            best[i, j] = (
                best.get((i - 1, j - 1), 0) + 1
                if a == b
                else max(best.get((i - 1, j), 0), best.get((i, j - 1), 0))
            )
    return best[len(ours) - 1, len(theirs) - 1]


def in_place(ours, theirs):
    """The longest run of equal chords in equal places."""
    size = min(len(ours), len(theirs))
    found = runs_of(ours[:size], theirs[:size])
    return max(found[i, i] for i in range(size))


def from_the_start(ours, theirs):
    return max(n for (i, _), n in runs_of(ours, theirs).items() if n in (0, i + 1))


def logits(*shape, seed=0):
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return z.requires_grad_()


def whole(*numbers):
    return torch.tensor(numbers)


# fmt: off
EXERCISES = {
    "52.1": Exercise(together, "one number, 0…1", 10, "easy",
        cases=[(whole(*times),) for times in (
            (0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8), (0, 4, 8, 12), (0, 0, 4, 8, 8, 8),
            (3, 5, 5, 9, 9, 9, 9, 10), (2, 2, 6, 6, 7), (1, 3, 3), (5,), (7, 7))],
        mistakes={
            "that votes after each tone, as the published code does. A moment has one vote.":
                published,
            "that is the share of *tones* that are not alone. Count moments.":
                lambda onsets: sizes_of(onsets)[sizes_of(onsets) > 1].sum() / len(onsets),
            "that is the share of moments with a *single* tone.":
                lambda onsets: (sizes_of(onsets) == 1).float().mean(),
            "two tones are enough.": lambda onsets: (sizes_of(onsets) > 2).float().mean(),
            "that is a number of moments. Divide by how many there are.":
                lambda onsets: (sizes_of(onsets) > 1).sum(),
            "divide by the number of moments, not of tones.":
                lambda onsets: (sizes_of(onsets) > 1).sum() / len(onsets),
            "a chord of three is one moment: count moments, not pairs of equal neighbours.":
                lambda onsets: (onsets.diff() == 0).sum() / max(1, len(onsets) - 1),
            "those are tones in a moment, on average.":
                lambda onsets: sizes_of(onsets).float().mean(),
            "the last moment is missing.":
                lambda onsets: (sizes_of(onsets)[:-1] > 1).float().sum()
                / max(1, len(sizes_of(onsets)) - 1),
        },
        praise="One vote for each moment, given when all of its tones are known.",
        hints=("How many tones does each moment have? Tones of one moment have equal onsets.",
               "With return_counts=True, onsets.unique gives the moments and their sizes."),
    ),
    "52.2": Exercise(consistency, "one number, 0…1", 10, "medium",
        cases=[(whole(*notes),) for notes in (
            (60, 62, 64, 65, 67, 69, 71), (61, 63, 65, 66, 68, 70, 60, 62), (60, 61, 62, 63, 64),
            (71, 73, 75, 76, 78, 80, 82, 82), (59, 61, 63, 64, 66, 68, 70), (60, 60, 60, 61, 62),
            (65, 67, 69, 70, 72, 74, 76), (60, 66, 67, 61, 69), (72, 74, 75, 77, 79, 80, 83),
            (63, 63, 64, 69), (50, 52, 54, 55, 57, 59, 61))],
        mistakes={
            "the steps from the tonic can be negative: take the difference modulo 12.":
                scaled(lambda notes, tonic: notes % 12 - tonic),
            "a note in another octave is in the scale, too: take the steps modulo 12.":
                scaled(lambda notes, tonic: notes - tonic - 60),
            "only C major is tried. There are twelve tonics.":
                scaled(best=lambda shares, axis: shares[0]),
            "take the scale that fits best, not the mean of all.": scaled(best=torch.mean),
            "take the scale that fits best; that one fits worst.": scaled(best=torch.amin),
            "each note counts as often as it sounds: don't drop the repeated ones.":
                lambda notes: consistency(notes.unique()),
            "that is the share of notes *outside* the scale.":
                lambda notes: 1 - consistency(notes),
            "that is a number of notes. Divide by how many there are.":
                lambda notes: consistency(notes) * len(notes),
        },
        praise="The same music has the same score in every key.",
        hints=("For each of the twelve tonics: which notes are in its scale? Then the best.",
               "With tonics = torch.arange(12), steps = (notes - tonics[:, None]) % 12 has a row "
               "for each tonic; torch.isin(steps, MAJOR) says which are in the scale."),
    ),
    "52.3": Exercise(through, "a tensor with the shape of z", 10, "medium", numpy=False,
        cases=[(logits(5),), (logits(4, 6, seed=1),), (logits(2, 3, 4, seed=2),)],
        extra=slopes,
        mistakes={
            "those are probabilities: D would see no notes.": passed(lambda y, p: p),
            "no gradient comes through: an argmax has none, and neither has p - p.":
                passed(lambda y, p: y),
            "the gradient has the wrong sign.": passed(lambda y, p: y - p + p.detach()),
            "that gradient is the logits' own. It should be the softmax's.":
                passed(lambda y, p: y + p - p.detach(), soft=lambda z: z),
            "that gradient is the log-softmax's. It should be the softmax's.":
                passed(lambda y, p: y + p - p.detach(), soft=lambda z: z.log_softmax(-1)),
            "that is y times the probability; it should be y itself, with the gradient of p.":
                passed(lambda y, p: y * p),
        },
        praise="On the way there a note, on the way back a softmax.",
        hints=("Add something that is 0 in value, but whose gradient is not.",
               "Such as p - p.detach()."),
    ),
    "52.4": Exercise(longest_copy, "one whole number", 20, "hard",
        cases=[(whole(*ours), whole(*theirs)) for ours, theirs in (
            ((1, 2, 3, 4), (9, 2, 3, 9, 4)), ((5, 6), (7, 8, 9)), ((1, 1, 1), (1, 1)),
            ((4, 1, 2, 3, 8), (1, 2, 3, 7, 4, 1, 2, 3)), ((3, 2, 1), (1, 2, 3)),
            ((1, 2, 9, 3, 4, 5), (3, 4, 5, 0, 1, 2)), ((7,), (7,)), ((2, 5, 2, 5, 6), (5, 2, 5, 2)),
            ((1, 5, 3, 6), (1, 2, 3, 4)), ((8, 1, 2), (1, 2, 4, 8)))],
        mistakes={
            "the run may stand anywhere in the piece: that compares equal places only.": in_place,
            "a run has no gaps: that is the longest common subsequence.": with_gaps,
            "that is how many of our chords are in the piece, in any order.":
                lambda ours, theirs: torch.isin(ours, theirs).sum(),
            "the run may begin anywhere in our frames, not only at the first.": from_the_start,
            "that is the number of equal pairs.":
                lambda ours, theirs: (ours[:, None] == theirs).sum(),
            "one too many.": lambda ours, theirs: longest_copy(ours, theirs) + 1,
            "our frames are read backwards.":
                lambda ours, theirs: longest_copy(ours.flip(0), theirs),
            "that is the run at the end of our frames. Keep the longest one.":
                lambda ours, theirs: max(n for (i, _), n in runs_of(ours, theirs).items()
                                         if i == len(ours) - 1),
        },
        praise="No passage is copied without your knowledge now.",
        hints=("Let runs[j] be the length of the run that ends at theirs[j] and at the current "
               "chord. What does the next chord make of it?",
               "For each chord of ours, runs = (F.pad(runs[:-1], (1, 0)) + 1) * (theirs == "
               "chord). The largest number ever seen is the answer."),
    ),
}
