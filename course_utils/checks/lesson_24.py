"""The exercises of lesson 24: the protocol, another key, parallel fifths, a choir to repair."""

import math

import torch

from .exercise import Exercise


def nats_per_frame(p, rolls, lengths):
    costs = -(rolls * p.log() + (1 - rolls) * (1 - p).log()).sum(2)
    number = torch.arange(rolls.shape[1])
    counted = (number > 0) & (number < lengths[:, None])
    return costs[counted].mean()


def transpose(roll, semitones):
    moved = torch.zeros_like(roll)
    if semitones >= 0:
        moved[:, semitones:] = roll[:, : roll.shape[1] - semitones]
    else:
        moved[:, :semitones] = roll[:, -semitones:]
    return moved


def fifths(before, after):
    moves = after - before
    together = moves[:, None] * moves > 0
    apart = [(notes[:, None] - notes).abs() % 12 == 7 for notes in (before, after)]
    return (together & apart[0] & apart[1]).triu().sum()


def chord(logits_of, uniforms):
    keys = []
    for u in uniforms:
        z = logits_of(keys)
        if keys:
            z[keys[-1] : -1] = -math.inf
        key = (z.softmax(0).cumsum(0) <= u).sum()
        if key == len(z) - 1:
            break
        keys.append(key)
    return keys


def cost(p, x):
    return -(x * p.log() + (1 - x) * (1 - p).log())


def scoring(number=lambda n, ends: (n > 0) & (n < ends), keys=torch.sum, over=None, of=cost):
    """A wrong score: other frames counted, another cost, sum over keys, or mean."""

    def wrong(p, rolls, lengths):
        costs = keys(of(p, rolls), 2)
        counted = number(torch.arange(rolls.shape[1]), lengths[:, None])
        counted = counted.expand_as(costs)
        return costs[counted].mean() if over is None else over(costs, counted)

    return wrong


def moving(rows=lambda roll, n: (roll, n), wrap=False, axis=1):
    def wrong(roll, semitones):
        roll, semitones = rows(roll, semitones)
        if wrap:
            return roll.roll(semitones, axis)
        return transpose(roll.T, semitones).T if axis == 0 else transpose(roll, semitones)

    return wrong


def pairs(together=lambda a, b: a * b > 0, fifth=lambda gap: gap % 12 == 7, both=all, first=1):
    """A wrong count: another rule for the direction, for the interval, or for when."""

    def wrong(before, after):
        moves = [int(b - a) for a, b in zip(before, after, strict=True)]
        found = 0
        for i in range(len(moves)):
            for j in range(i + first if first else 0, len(moves)):
                gaps = [abs(int(chord[i] - chord[j])) for chord in (before, after)]
                found += bool(together(moves[i], moves[j]) and both(map(fifth, gaps)))
        return found

    return wrong


def writing(seen=lambda keys: keys, low=lambda keys: keys[-1], stop="break", mask=True,
            draw=lambda p, u: int((p.cumsum(-1) <= u).sum())):  # fmt: skip
    """A wrong writer: it hears other keys, rules out others, draws or stops in another way."""

    def wrong(logits_of, uniforms):
        keys = []
        for u in uniforms:
            z = logits_of(seen(keys)).clone()
            p = z.softmax(-1)
            if keys and mask:
                z[low(keys) : -1] = -math.inf
                p = z.softmax(-1)
            key = draw(p, u)
            if key >= len(z) - 1 and stop == "break":
                break
            if key < len(z) - 1 or stop == "listed":
                keys.append(key)
            if key >= len(z) - 1 and stop == "listed":
                break
        return keys

    return wrong


def masked_late(logits_of, uniforms):
    """Probabilities of keys that may not come are taken away, and the rest is not rescaled."""
    keys = []
    for u in uniforms:
        p = logits_of(keys).softmax(-1)
        if keys:
            p[keys[-1] : -1] = 0
        key = int((p.cumsum(-1) <= u).sum())
        if key >= len(p) - 1:
            break
        keys.append(key)
    return keys


class Choir:
    """Logits that depend on each of the keys so far; "no more" grows likelier with each."""

    def __init__(self, keys, seed):
        generator = torch.Generator().manual_seed(seed)
        self.first = torch.randn(keys + 1, generator=generator)
        self.after = torch.randn(keys, keys + 1, generator=generator)

    def __call__(self, keys):
        z = self.first.clone()
        for place, key in enumerate(keys, 1):
            z += self.after[int(key)] * place
        z[-1] += 0.4 * len(keys) - 1.5
        return z


def batch(seed, *lengths):
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths) + 1, 5)
    p = 0.05 + 0.9 * torch.rand(shape, generator=generator)
    rolls = (torch.rand(shape, generator=generator) < 0.4).float()
    ends = torch.tensor(lengths)
    rolls *= torch.arange(shape[1])[:, None] < ends[:, None, None]
    return p, rolls, ends


ROLL = (torch.rand(4, 88, generator=torch.Generator().manual_seed(3)) < 0.2).float()
SMALL = torch.tensor([[1.0, 0, 0, 1, 0], [0, 1, 1, 0, 1]])


def voices(*notes):
    return torch.tensor(notes)


# fmt: off
EXERCISES = {
    "24.1": Exercise(nats_per_frame, "one number", 15, "medium",
        cases=[batch(0, 6, 3, 4), batch(1, 2, 9), batch(2, 5)],
        mistakes={
            "that counts silence after the end of the shorter pieces: lengths says where it is.":
                scoring(lambda n, ends: (n > 0) & (n < ends.max() + 1)),
            "the first frame is counted, about which the model has read nothing.":
                scoring(lambda n, ends: n < ends),
            "sum over the keys of a frame: that is their mean.": scoring(keys=torch.mean),
            "that is the mean of each piece, and then over pieces. Every *frame* counts alike.":
                scoring(over=lambda costs, counted: torch.stack(
                    [c[k].mean() for c, k in zip(costs, counted, strict=True)]).mean()),
            "those are the nats of the whole batch: divide by the number of frames.":
                scoring(over=lambda costs, counted: costs[counted].sum()),
            "those are bits. Take the natural logarithm.":
                scoring(of=lambda p, x: cost(p, x) / math.log(2)),
            "one frame too many in each piece: frames are numbered from 0.":
                scoring(lambda n, ends: (n > 0) & (n <= ends)),
            "one frame is missing in each piece.":
                scoring(lambda n, ends: (n > 0) & (n < ends - 1)),
            "keys that are silent cost something, too: (1 - rolls) times the log of (1 - p).":
                scoring(of=lambda p, x: -x * p.log()),
            "the sign: a probability below 1 has a negative logarithm.":
                lambda *given: -nats_per_frame(*given),
            "the prediction is one frame late: p[:, t] already belongs to rolls[:, t].":
                lambda p, rolls, ends: nats_per_frame(p.roll(1, 1), rolls, ends),
            "divide by the frames that are counted. Padding and first frames are among yours.":
                scoring(over=lambda costs, counted: (costs * counted).mean()),
            "divide by the frames that are counted. Padding is among yours.":
                scoring(over=lambda costs, counted: (costs * counted)[:, 1:].mean()),
        },
        praise="Summed over keys, averaged over frames, with neither the first nor the padding.",
        hints=("Compute the cost of every frame first, (N, T). Which of them count?",
               "Those with (number > 0) & (number < lengths[:, None]), where "
               "number = torch.arange(T). Take the mean of their costs."),
    ),
    "24.2": Exercise(transpose, "a roll with the shape of the one given", 10, "easy",
        cases=[(ROLL, 3), (ROLL, -5), (ROLL, 0), (SMALL, 1), (SMALL, -2), (SMALL, 4), (SMALL, -1)],
        mistakes={
            "keys that leave the piano come in again at the other end.": moving(wrap=True),
            "that is the other direction: up means to a greater number of the key.":
                moving(lambda roll, n: (roll, -n)),
            "that moves the music in time. The keys are the second axis.":
                moving(wrap=True, axis=0),
            "the first axis is time: only the second one may move.": moving(axis=0),
            "it only moves up. A negative number moves down.":
                moving(lambda roll, n: (roll, abs(n))),
            "nothing has moved.": moving(lambda roll, n: (roll, 0)),
        },
        praise="Up, down and not at all, and nothing comes in at the other end.",
        hints=("Begin with silence of the same shape, and copy the part that stays.",
               "Up by n: moved[:, n:] = roll[:, :88 - n]. Down, with n negative: "
               "moved[:, :n] = roll[:, -n:]. And 0 is a case of its own."),
    ),
    "24.3": Exercise(fifths, "one whole number", 15, "medium",
        cases=[(voices(*before), voices(*after)) for before, after in (
            ((67, 60), (69, 62)), ((79, 60), (77, 58)), ((67, 60), (67, 60)),
            ((67, 60), (55, 60)), ((72, 67, 60, 48), (74, 69, 62, 50)),
            ((74, 67, 60, 55, 48), (76, 69, 62, 57, 50)), ((67, 60), (81, 62)),
            ((67, 60), (57, 62)),
            ((67, 60), (69, 60)), ((67, 60), (79, 60)), ((67, 60), (60, 53)),
            ((67, 62), (69, 64)), ((60, 67), (62, 69)),
            ((72, 60), (74, 62)), ((71, 60), (74, 67)), ((67, 60), (70, 62)), ((69, 60), (74, 67)),
            ((67, 60), (68, 61)), ((67, 60), (66, 59)), ((80, 61), (81, 61)), ((67, 60), (53, 58)),
            ((60, 67), (62, 55)), ((60, 67), (65, 70)), ((67, 60), (67, 72)),
            ((68, 60), (70, 62)))],
        mistakes={
            "a fifth and some octaves is a fifth, too: take the interval modulo 12.":
                pairs(fifth=lambda gap: gap == 7),
            "those voices do not move. Parallels need a move.": pairs(lambda a, b: True),
            "voices in opposite directions are not parallel.": pairs(lambda a, b: a and b),
            "they must be a fifth apart before *and* after: that looks at one of them only.":
                pairs(both=lambda found: [*found].pop()),
            "they must be a fifth apart before *and* after, not only before.":
                pairs(both=lambda found: next(found)),
            "those are parallel octaves. A fifth has 7 semitones.":
                pairs(fifth=lambda gap: gap % 12 == 0),
            "each pair is counted twice.": pairs(first=0),
            "only neighbouring voices are compared. Every pair counts.":
                lambda before, after: sum(fifths(before[i : i + 2], after[i : i + 2])
                                          for i in range(len(before) - 1)),
            "count the pairs; that only says whether there are any.":
                lambda *chords: int(fifths(*chords) > 0),
        },
        praise="You have read the chords as a teacher of counterpoint does.",
        hints=("Two loops over voices, i and j > i. What must be true of the two moves?",
               "The moves have the same sign where their product is above 0; the interval is "
               "abs(chord[i] - chord[j]) % 12, and must be 7 in both chords."),
    ),
    "24.4": Exercise(chord, "a list of keys", 15, "hard", numpy=False,
        cases=[(Choir(keys, seed), torch.tensor(uniforms)) for keys, seed, uniforms in (
            (8, 0, [0.9, 0.5, 0.4, 0.3, 0.2]), (12, 1, [0.95, 0.8, 0.7, 0.1, 0.6, 0.2]),
            (6, 2, [0.999, 0.999]), (10, 3, [0.85, 0.3]), (9, 4, [0.0, 0.0, 0.4]),
            (15, 5, [0.99, 0.7, 0.5, 0.5, 0.5, 0.5, 0.5]), (7, 6, [0.4, 0.9, 0.9]), (5, 7, []),
            (11, 8, [0.7, 0.2, 0.8, 0.1]), (20, 9, [0.9, 0.6, 0.3, 0.5, 0.5]))],
        mistakes={
            "that is the function as it was, with all three faults.":
                writing(seen=lambda keys: [], mask=False, stop="kept"),
            "it does not hear what has been drawn: give logits_of the keys so far.":
                writing(seen=lambda keys: []),
            "it hears only the last key: give logits_of all of them.":
                writing(seen=lambda keys: keys[-1:]),
            "keys must come from the top down: rule out those that are not below the last one.":
                writing(mask=False),
            "a key may not come twice: rule out the last one, too.":
                writing(low=lambda keys: keys[-1] + 1),
            "each key must be below the *last* one, not below the first.":
                writing(low=lambda keys: keys[0]),
            '"no more" is not a key: leave it out of the list.': writing(stop="listed"),
            '"no more" ends the chord. It goes on here.': writing(stop="kept"),
            "rule keys out *before* the softmax, so that the others add up to 1.": masked_late,
            "it takes the likeliest, whatever u is.": writing(draw=lambda p, u: int(p.argmax())),
        },
        praise="Each voice hears those above it, and the choir knows when to stop.",
        hints=("What does logits_of get to hear? Which keys may follow? When is the end?",
               "With z = logits_of(keys), z[keys[-1] : -1] = -math.inf rules out the last "
               "key and all above it. The draw is (p.cumsum(-1) <= u).sum()."),
    ),
}
