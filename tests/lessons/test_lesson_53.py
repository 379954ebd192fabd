"""Lesson 53's estimates, sampling, NLL, rollouts, BLEU and n-gram against trusted references."""

import math
from collections import Counter
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from exercises import parts, seeded

GAMES = ("Generator", "draw", "sample", "costs", "nll", "complete", "standard", "gumbel")
LESSON = parts("53", *GAMES, UNITS=6, LENGTH=4)
TEXT = parts("53", "grams", "bleu", "self_bleu", "NGram", Counter=Counter)


def generator(symbols=3):
    torch.manual_seed(0)
    G = LESSON["Generator"](symbols)
    for weights in G.parameters():
        torch.nn.init.normal_(weights)
    return G.requires_grad_(False)


def every(symbols=3, length=4):
    """All sentences, (symbols ** length, length)."""
    return torch.tensor([*product(range(symbols), repeat=length)])


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_probabilities_of_all_sentences_add_up_to_one(temperature):
    cost = LESSON["costs"](generator(), every(), temperature)
    assert cost.sum(1).neg().exp().sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_sentences_are_drawn_with_the_probability_that_is_said(temperature):
    G, count = generator(), 30_000
    x = LESSON["sample"](G, count, 4, temperature)
    code = torch.tensor([27, 9, 3, 1])
    shares = torch.bincount(x @ code, minlength=81) / count
    expected = LESSON["costs"](G, every(), temperature).sum(1).neg().exp()
    assert (shares - expected).abs().max() < 4 * (0.25 / count) ** 0.5


def test_nll_is_that_of_torch_distributions():
    G, x = generator(5), torch.randint(5, (250, 4))
    logits, _ = G(F.pad(x, (1, 0))[:, :-1])
    expected = -torch.distributions.Categorical(logits=logits).log_prob(x).mean()
    assert LESSON["nll"](G, x).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_rollout_keeps_what_it_is_to_keep_and_draws_the_rest_as_the_generator_does():
    G, x = generator(), torch.tensor([[2, 0, 1, 1]]).expand(8000, 4)
    whole = LESSON["complete"](G, x)  # (B, T, T)
    for t in range(4):
        assert torch.equal(whole[:, t, : t + 1], x[:, : t + 1])
    assert torch.equal(whole[:, 3], x)
    ends = every(length=2)
    starts = x[:1, :2].expand(9, 2)
    cost = LESSON["costs"](G, torch.cat([starts, ends], 1))[:, 2:].sum(1)
    shares = torch.bincount(whole[:, 1, 2:] @ torch.tensor([3, 1]), minlength=9) / 8000
    assert (shares - cost.neg().exp()).abs().max() < 4 * (0.25 / 8000) ** 0.5


def test_gumbel_samples_are_one_hot_drawn_as_sampled_and_have_a_gradient():
    G = generator().requires_grad_(True)
    y = LESSON["gumbel"](G, 20_000, 4, 0.7)  # (B, T, V)
    assert torch.equal(y.detach().round(decimals=4).sum(2), torch.ones(20_000, 4))
    x = y.argmax(2)
    expected = LESSON["costs"](G, every()).sum(1).neg().exp()
    shares = torch.bincount(x @ torch.tensor([27, 9, 3, 1]), minlength=81) / 20_000
    assert (shares - expected).abs().max() < 4 * (0.25 / 20_000) ** 0.5
    (slope,) = torch.autograd.grad(y[..., 0].sum(), G.head.weight)
    assert slope.abs().sum() > 0


def test_the_exact_gradient_and_the_unbiased_estimates_agree():
    theta = torch.tensor([0.3, -1.0, 0.8, 0.0, 0.5])
    worth = seeded(5)
    given = {"theta": theta, "worth": worth, "f": lambda y: y @ worth}
    scope = parts("53", "draw", "estimates", values=("exact",), **given)
    leaf = theta.clone().requires_grad_()
    (exact,) = torch.autograd.grad(leaf.softmax(0) @ worth, leaf)
    assert torch.allclose(scope["exact"], exact, atol=1e-6)
    for kind in ("score function", "score function, baseline"):
        torch.manual_seed(0)
        found = scope["estimates"](kind, 40_000)
        assert (found.mean(0) - exact).abs().max() < 4 * found.std(0).max() / 200


SAYS = "It is a guide to action which ensures that the military always obeys the commands of the "
SAYS = (SAYS + "party").split()
REFERENCES = [
    "It is a guide to action that ensures that the military will forever heed Party commands",
    "It is the guiding principle which guarantees the military forces always being under the "
    "command of the Party",
    "It is the practical guide for the army always to heed the directions of the party",
]


def test_bleu_is_the_librarys():
    """NLTK's documentation gives 0.5045… for BLEU-4, and precisions 17/18 and 10/17."""
    references = [r.split() for r in REFERENCES]
    assert TEXT["bleu"](SAYS, references, 4) == pytest.approx(0.50456, abs=1e-4)
    assert TEXT["bleu"](SAYS, references) == pytest.approx((17 / 18 * 10 / 17) ** 0.5)


def test_bleu_clips_and_is_brief():
    cats = "the cat is on the mat", "there is a cat on the mat"
    assert TEXT["bleu"](["the"] * 7, [cat.split() for cat in cats], 1) == pytest.approx(2 / 7)
    short = ["a"] * 12
    assert TEXT["bleu"](short, [["a"] * 28] * 2, 1) == pytest.approx(math.exp(1 - 28 / 12))
    assert TEXT["bleu"](short, [["a"] * 13, ["a"] * 2], 1) == pytest.approx(math.exp(-1 / 12))


def test_self_bleu_of_one_line_is_one_and_of_strangers_zero():
    assert TEXT["self_bleu"](["a b c"] * 5) == pytest.approx(1)
    assert TEXT["self_bleu"](["a b c", "d e f", "g h i"]) == 0


def test_the_ngram_is_that_of_lesson_23():
    text = "abacabacbbabcacabba" * 3
    ids = torch.tensor([ord(c) - 97 for c in text]).numpy()
    names = ("codes", "count", "look_up", "witten_bell")
    other = parts("23", *names, V=3)
    model = TEXT["NGram"](text, 3)
    for context in ("abc", "aaa", "cab"):
        assert sum(model.p(context + x) for x in "abc") == pytest.approx(1)
        before = torch.tensor([ord(c) - 97 for c in context]).numpy()
        for x in range(3):
            losses = other["witten_bell"](other["count"](ids, 4), ids[:1] * 0 + x, before)
            assert -math.log(model.p(context + "abc"[x])) == pytest.approx(losses[3, 0])


def test_the_ngram_prices_a_line_after_what_stands_before_it():
    model = TEXT["NGram"]("abacabacbbabcacabba" * 3, 3)
    grams = ["bca", "bcab"]
    expected = -sum(math.log(model.p(gram)) for gram in grams) / 2
    assert model.nats("ab", "bc") == pytest.approx(expected)


def test_noise_and_fresh_judges_are_of_one_scale_and_forget_the_sentence():
    G, x = generator(5), torch.randint(5, (200, 4))
    names = ("Discriminator", "gain_of", "rewards")
    scope = parts("53", *GAMES, *names, UNITS=6, LENGTH=4, ROLLOUTS=1)
    world = type("World", (), {"symbols": 5})
    D = scope["Discriminator"](5)
    for kind in ("noise", "fresh D", "untrained D"):
        first, again = (scope["gain_of"](kind, G, D, world, x)[:, -1] for _ in range(2))
        assert scope["gain_of"](kind, G, D, world, x).std() == pytest.approx(1, abs=1e-4)
        assert first.mean().abs() < 1e-5
        alike = torch.corrcoef(torch.stack([first, again]))[0, 1]
        assert alike > 0.99 if kind == "untrained D" else alike < 0.9


def test_a_place_on_the_curve_lies_between_its_neighbours():
    scope = parts("53", "Scores", "on_curve")
    curve = [scope["Scores"](*v) for v in ((5.0, 4.0, 3.0), (3.0, 5.0, 1.0), (4.0, 4.5, 2.0))]
    assert scope["on_curve"](curve, "entropy", 1.5) == pytest.approx((3.5, 4.75, 1.5))
    assert scope["on_curve"](curve, "quality", 4.5) == pytest.approx((4.5, 4.25, 2.5))
    assert scope["on_curve"](curve, "quality", 9.0) == curve[0]
