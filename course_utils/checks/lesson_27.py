"""The exercises of lesson 27: the protocol, space to depth, best of k, a forecast to repair."""

import torch

from .exercise import Exercise


def errors_ahead(predicted, true):
    return ((predicted - true) ** 2).sum((2, 3, 4)).mean(0)


def folded(images, block):
    parts = [images[:, 0, i::block, j::block] for i in range(block) for j in range(block)]
    return torch.stack(parts, 1)


def best_of(predicted, true):
    costs = ((predicted - true) ** 2).sum((3, 4)).mean(2)
    return costs.amin(0).mean()


def forecast(step, seen, ahead):
    state, outputs = None, []
    for t in range(len(seen) + ahead - 1):
        frame = seen[t] if t < len(seen) else outputs[-1]
        output, state = step(frame, state)
        outputs.append(output)
    return outputs[len(seen) - 1 :]


def going_on(read=lambda t, seen, outputs: seen[t] if t < len(seen) else outputs[-1],
             keep=lambda t, seen, state: state, more=-1, first=-1, last=None):  # fmt: skip
    """A wrong forecast: it reads other frames, forgets, or returns others."""

    def wrong(step, seen, ahead):
        state, outputs = None, []
        for t in range(len(seen) + ahead + more):
            output, state = step(read(t, seen, outputs), keep(t, seen, state))
            outputs.append(output)
        return outputs[0 if first is None else len(seen) + first :][:last]

    return wrong


def frozen(step, seen, ahead):
    """The state is not kept once the forecast reads its own frames."""
    state, outputs = None, []
    for frame in seen:
        output, state = step(frame, state)
    for _ in range(ahead):
        outputs.append(output)
        output, _ = step(output, state)
    return outputs


class Drift:
    """A step whose prediction depends on the frame and on all frames that were read before."""

    def __init__(self, keep, push):
        self.keep, self.push = keep, push

    def __call__(self, frame, state):
        state = frame if state is None else self.keep * state + frame
        return 0.5 * frame + self.push * state, state


def tiles(images, block):
    """Each channel holds one block-sized tile of the picture."""
    n, _, h, w = images.shape
    return images.reshape(n, block * block, h // block, w // block)


def tensors(seed, *shapes):
    source = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(shape, generator=source) for shape in shapes)


def squares(predicted, true):
    return (predicted - true) ** 2


# fmt: off
EXERCISES = {
    "27.1": Exercise(errors_ahead, "a tensor of shape (T,)", 10, "easy",
        cases=[tensors(0, *[(3, 4, 1, 5, 6)] * 2), tensors(1, *[(2, 2, 1, 3, 3)] * 2),
               tensors(2, *[(4, 1, 1, 2, 5)] * 2)],
        mistakes={
            "that is the mean over the pixels. The protocol sums them.":
                lambda p, y: squares(p, y).mean((0, 2, 3, 4)),
            "that is the sum over the clips. Average over them.":
                lambda p, y: squares(p, y).sum((0, 2, 3, 4)),
            "those are absolute differences. Square them.":
                lambda p, y: (p - y).abs().sum((2, 3, 4)).mean(0),
            "the steps ahead are averaged. Keep a number for each.":
                lambda p, y: squares(p, y).sum((2, 3, 4)).mean(),
            "that is one number for each clip. One for each step ahead is asked for.":
                lambda p, y: squares(p, y).sum((2, 3, 4)).mean(1),
            "that is half of the squared error. Leave out the ½.":
                lambda p, y: errors_ahead(p, y) / 2,
            "that is the root of the error. Leave it squared.":
                lambda p, y: errors_ahead(p, y).sqrt(),
            "average before you square, and errors of opposite sign cancel. Square first.":
                lambda p, y: ((p - y).mean(0) ** 2).sum((1, 2, 3)),
        },
        praise="Summed over pixels, averaged over clips, one number for each step ahead.",
        hints=("Square the difference. Which axes are summed, and which one is averaged?",
               "Sum over axes 2, 3 and 4; then take the mean over axis 0."),
    ),
    "27.2": Exercise(folded, "a tensor of shape (N, block², H / block, W / block)", 15, "medium",
        cases=[(*tensors(0, (2, 1, 4, 6)), 2), (*tensors(1, (1, 1, 6, 9)), 3),
               (*tensors(2, (3, 1, 8, 4)), 4)],
        mistakes={
            "each channel holds a tile of the picture. It should hold one pixel of every block.":
                tiles,
            "a plain reshape mixes rows. Take every block-th row and column.":
                lambda x, b: x.reshape(len(x), x.shape[2] // b, x.shape[3] // b, b * b)
                .permute(0, 3, 1, 2),
            "rows and columns within a block are swapped: channel block · i + j is row i.":
                lambda x, b: torch.stack([x[:, 0, i::b, j::b] for j in range(b)
                                          for i in range(b)], 1),
            "the channels are the other way round.": lambda x, b: folded(x, b).flip(1),
            "each channel holds rows and columns that lie together. Take every block-th one.":
                lambda x, b: torch.stack([part for rows in x[:, 0].chunk(b, 1)
                                          for part in rows.chunk(b, 2)], 1),
            "only the first pixel of each block is kept. All of them are needed.":
                lambda x, b: x[:, :, ::b, ::b].repeat(1, b * b, 1, 1),
            "that averages each block. Nothing may be lost.":
                lambda x, b: folded(x, b).mean(1, keepdim=True).repeat(1, b * b, 1, 1),
        },
        praise="Nothing is lost, and there are block² times fewer places to convolve at.",
        hints=("Which pixels belong to channel 0? The first of every block, in all rows of "
               "blocks.",
               "Channel block · i + j is images[:, 0, i::block, j::block]. Stack all of them "
               "along axis 1."),
    ),
    "27.3": Exercise(best_of, "one number", 15, "medium",
        cases=[tensors(0, (3, 4, 2, 3, 5), (4, 2, 3, 5)), tensors(1, (2, 5, 3, 2, 2), (5, 3, 2, 2)),
               tensors(2, (4, 3, 2, 4, 3), (3, 2, 4, 3)),
               tensors(3, (1, 2, 2, 2, 3), (2, 2, 2, 3))],
        mistakes={
            "the best is chosen for each frame. Choose it for the whole clip.":
                lambda p, y: squares(p, y).sum((3, 4)).amin(0).mean(),
            "the best is chosen for each pixel. Choose it for the whole clip.":
                lambda p, y: squares(p, y).amin(0).sum((2, 3)).mean(),
            "one prediction is chosen for all clips. Each clip has its own best.":
                lambda p, y: squares(p, y).sum((3, 4)).mean((1, 2)).amin(),
            "the best is chosen by the last frame alone. Choose it by the whole clip.":
                lambda p, y: (lambda cost: cost.mean(2).gather(0, cost[:, :, -1].argmin(0)[None])
                              .mean())(squares(p, y).sum((3, 4))),
            "that is the worst prediction of each clip.":
                lambda p, y: squares(p, y).sum((3, 4)).mean(2).amax(0).mean(),
            "that is the mean over the predictions. Take the best.":
                lambda p, y: squares(p, y).sum((3, 4)).mean(),
            "that is the error of the mean prediction, which is the blurred one.":
                lambda p, y: squares(p.mean(0), y).sum((2, 3)).mean(),
            "that is the mean over the pixels. Sum over them.":
                lambda p, y: squares(p, y).mean((2, 3, 4)).amin(0).mean(),
            "the frames are summed. Average over them.":
                lambda p, y: squares(p, y).sum((2, 3, 4)).amin(0).mean(),
            "that is the best clip. Take the mean over the clips.":
                lambda p, y: squares(p, y).sum((3, 4)).mean(2).amin(),
        },
        praise="Each clip is judged by its own best prediction, chosen for the clip as a whole.",
        hints=("First the cost of each prediction for each clip, (K, N). Then choose.",
               "With costs = ((predicted - true) ** 2).sum((3, 4)).mean(2), take the least along "
               "axis 0, then the mean."),
    ),
    "27.4": Exercise(forecast, "a list of tensors", 15, "hard", numpy=False,
        cases=[(Drift(0.7, 0.4), [*tensors(0, (4, 2, 3))[0]], 3),
               (Drift(-0.5, 0.9), [*tensors(1, (2, 5))[0]], 4),
               (Drift(0.3, -0.6), [*tensors(2, (3, 2))[0]], 1),
               (Drift(0.6, 0.5), [*tensors(3, (1, 2))[0]], 2)],
        mistakes={
            "that is the function as it was, with all four faults.":
                going_on(lambda t, seen, outputs: seen[min(t, len(seen) - 1)],
                         lambda t, seen, state: None, more=0, first=None),
            "after the last frame it must read its own prediction, not that frame again.":
                going_on(lambda t, seen, outputs: seen[min(t, len(seen) - 1)]),
            "the state is lost: hand each step the state of the one before.":
                going_on(keep=lambda t, seen, state: None),
            "the state is lost where the forecast begins. Carry it on.":
                going_on(keep=lambda t, seen, state: None if t == len(seen) else state),
            "only the last given frame is read. Let the network read all of them first.":
                lambda step, seen, ahead: forecast(step, seen[-1:], ahead),
            "the state stays what it was at the last given frame. Keep that of every step.":
                frozen,
            "the predictions of frames that were given are among yours: leave them out.":
                going_on(first=None),
            "it begins one frame too late: the step that reads the last given frame already "
            "predicts the first new one.": going_on(more=0, first=0),
            "that is one frame too many.": going_on(more=0),
            "it begins with the prediction of a frame that was given, and ends one too soon.":
                going_on(more=-2, first=-2),
        },
        praise="It warms up on what is given, goes on from what it says, and keeps its memory.",
        hints=("How many steps are needed? The one that reads the last given frame already "
               "predicts a new one.",
               "It takes len(seen) + ahead - 1 steps, each with the state of the one before; from "
               "t = len(seen) on, read outputs[-1]; return outputs[len(seen) - 1 :]."),
    ),
}
