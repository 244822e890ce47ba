"""The recursions along chains: all paths of tiny chains, and the plain ones in logarithms, are the oracles."""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from problems import derivative
from scipy.special import logsumexp, softmax

from skmix.latent import _recursion, plain_recursion

EPS = np.finfo(float).eps
KINDS = ("full", "left-right", "absorbing", "identity", "sparse", "tiny")
SIZES = {"mild": 1.0, "far": 150.0, "farther": 1500.0, "extreme": 1e5}  # of log-densities, nats


class Chain(NamedTuple):
    start: np.ndarray
    A: np.ndarray


class Result(NamedTuple):
    log_likelihood: float
    smoothed: np.ndarray
    counts: np.ndarray  # starts, transitions
    filtered: np.ndarray
    predictive: np.ndarray


def logarithm(x):
    with np.errstate(divide="ignore"):
        return np.log(x)


def pack(start, A):
    return np.vstack([start, logarithm(start), A, A.T, logarithm(A)])


def pack_tangent(chain, d_start, d_A):
    relative = [np.divide(d, x, out=np.zeros_like(d), where=x > 0) for d, x in ((d_start, chain.start), (d_A, chain.A))]
    return np.vstack([d_start, relative[0], d_A, d_A.T, relative[1]])


def offsets(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)


def compiled(x, chain, first=None, weight=None, begin=0, end=None):
    """All that `smooth` and `filter` give of log-densities x."""
    n, K = x.shape
    first = offsets([n]) if first is None else first
    end = len(first) - 1 if end is None else end
    weight = np.ones(len(first) - 1) if weight is None else np.asarray(weight, dtype=float)
    packed, smoothed, counts = pack(*chain), x.copy(), np.zeros((1 + K, K))
    # What is not written stays NaN and is found.
    scratch, filtered = np.full((n, K), np.nan), np.full((n, K), np.nan)
    predictive = np.full(n, np.nan)
    total = _recursion.smooth(smoothed, scratch, predictive.copy(), packed, first, weight, begin, end, counts)
    _recursion.filter(x, filtered, predictive, packed, first, begin, end)
    return Result(total, smoothed, counts, filtered, predictive)


def compiled_along(x, slope, chain, tangent, first=None, weight=None):
    """Smoothed probabilities, their derivative, that of the counts, and whether logarithms were needed."""
    n, K = x.shape
    first = offsets([n]) if first is None else first
    weight = np.ones(len(first) - 1) if weight is None else np.asarray(weight, dtype=float)
    smoothed, d_smoothed, d_counts = x.copy(), slope.copy(), np.zeros((1 + K, K))
    alpha, d_alpha = np.full((n, K), np.nan), np.full((n, K), np.nan)
    _recursion.smooth_along(
        smoothed, d_smoothed, alpha, d_alpha, np.full(n, np.nan), np.full(n, np.nan), pack(*chain), tangent, first,
        weight, 0, len(first) - 1, d_counts,
    )  # fmt: skip
    return smoothed, d_smoothed, d_counts, bool((alpha <= 0).all())


def compiled_viterbi(x, chain, first=None):
    first = offsets([len(x)]) if first is None else first
    path, log_probability = np.full(len(x), -1, dtype=np.intp), np.full(len(first) - 1, np.nan)
    _recursion.viterbi(x.copy(), pack(*chain), first, 0, len(first) - 1, path, log_probability)
    return log_probability, path


def plain(x, chain, first=None, weight=None):
    first = offsets([len(x)]) if first is None else first
    weight = np.ones(len(first) - 1) if weight is None else weight
    parts = [plain_recursion.smooth(x[a:b], *chain) for a, b in pairwise(first)]
    counts = [w * np.vstack([part.smoothed[:1], part.transition_counts]) for w, part in zip(weight, parts, strict=True)]
    return Result(
        sum(w * part.predictive.sum() for w, part in zip(weight, parts, strict=True)),
        np.concatenate([w * part.smoothed for w, part in zip(weight, parts, strict=True)]),
        np.sum(counts, axis=0),
        np.concatenate([part.filtered for part in parts]),
        np.concatenate([part.predictive for part in parts]),
    )


def log_joint(x, chain, path):
    """log p(path, x)."""
    path = np.asarray(path)
    moves = logarithm(chain.A)[path[:-1], path[1:]].sum()
    return logarithm(chain.start)[path[0]] + moves + x[np.arange(len(x)), path].sum()


def by_all_paths(x, chain):
    T, K = x.shape
    paths = np.array(list(product(range(K), repeat=T)))
    joint = np.array([log_joint(x, chain, path) for path in paths])
    total, probability = logsumexp(joint), softmax(joint)
    states = np.eye(K)[paths]  # (paths, T, K)
    filtered, cumulative = [], [0.0]
    for t in range(1, T + 1):
        heads = np.array(list(product(range(K), repeat=t)))
        head = np.array([log_joint(x[:t], chain, path) for path in heads])
        cumulative.append(logsumexp(head))
        filtered.append(softmax(head) @ np.eye(K)[heads[:, -1]])
    smoothed = np.einsum("p,ptk->tk", probability, states)
    counts = np.einsum("p,pti,ptj->ij", probability, states[:, :-1], states[:, 1:])
    result = Result(total, smoothed, np.vstack([smoothed[:1], counts]), np.array(filtered), np.diff(cumulative))
    return result, joint.max(), paths[joint.argmax()]


def chain_of(kind, K, rng):
    A, start = rng.dirichlet(np.ones(K), size=K), rng.dirichlet(np.ones(K))
    if kind == "left-right":
        A, start = np.triu(A), np.eye(K)[0]
    elif kind == "absorbing":
        A[-1] = np.eye(K)[-1]
    elif kind == "identity":
        A = np.eye(K)
    elif kind == "sparse":
        A = A * (rng.random((K, K)) < 0.4) + np.roll(np.eye(K), 1, axis=1)
        start = start * (rng.random(K) < 0.5) + np.eye(K)[rng.integers(K)]
    elif kind == "tiny":  # as rare as numbers can say
        A = 10.0 ** -rng.uniform(0, 320, size=(K, K)) + np.roll(np.eye(K), 1, axis=1)
        start = 10.0 ** -rng.uniform(0, 320, size=K) + np.eye(K)[0]
    return Chain(start / start.sum(), A / A.sum(axis=1, keepdims=True))


def densities(size, n, K, rng):
    """Log-densities; some rows are missing."""
    x = SIZES.get(size, size) * rng.normal(size=(n, K))
    x[rng.random(n) < 0.2] = 0.0
    return x


def rounding(x, chain):
    """What rounding may leave in logarithms: each of n steps rounds sums of up to the sizes of all rows."""
    size = np.abs(np.where(np.isfinite(x), x, 0.0)).max(axis=1)
    moves = np.concatenate([log[np.isfinite(log)] for log in (logarithm(chain.A), logarithm(chain.start))])
    return EPS * (len(x) + 10) * (size.sum() + len(x) * (1 + np.abs(moves).max()))


def assert_same(found, expected, error, heaviest=1.0):
    """`error` is that of logarithms, and so the relative one of probabilities, which are at most `heaviest`."""
    assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=0, atol=error * heaviest)
    assert_allclose(found.smoothed, expected.smoothed, rtol=0, atol=error * heaviest)
    assert_allclose(found.counts, expected.counts, rtol=0, atol=error * heaviest * max(1, len(found.smoothed)))
    assert_allclose(found.filtered, expected.filtered, rtol=0, atol=error)
    assert_allclose(found.predictive, expected.predictive, rtol=0, atol=error)


# ---- against all paths ----------------------------------------------------------------------------------------------
TINY_CHAINS = [(kind, K, T) for kind in KINDS for K in (1, 2, 3) for T in (1, 2, 5)]


@pytest.mark.parametrize("recursion", [compiled, plain])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "K", "T"), TINY_CHAINS)
def test_probabilities_are_sums_over_all_paths(kind, K, T, size, recursion):
    rng = np.random.default_rng([K, T])
    chain, x = chain_of(kind, K, rng), densities(size, T, K, rng)
    expected, _, _ = by_all_paths(x, chain)
    assert_same(recursion(x, chain), expected, rounding(x, chain))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "K", "T"), TINY_CHAINS)
def test_viterbi_finds_the_best_of_all_paths(kind, K, T, size):
    rng = np.random.default_rng([K, T])
    chain, x = chain_of(kind, K, rng), SIZES[size] * rng.normal(size=(T, K))  # no missing rows: the best is one
    _, best, best_path = by_all_paths(x, chain)
    log_probability, path = compiled_viterbi(x, chain)
    plain_best, plain_path = plain_recursion.viterbi(x, *chain)
    error = rounding(x, chain)
    assert_allclose([log_probability[0], plain_best], best, rtol=0, atol=error)
    assert_array_equal(path, best_path)
    assert_array_equal(plain_path, best_path)


# ---- compiled against plain -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("K", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_recursion_is_the_plain_one(kind, K, size):
    rng = np.random.default_rng([K, 17])
    for _ in range(5):
        first = offsets([1, 30, 2, 1, 11])
        chain, x = chain_of(kind, K, rng), densities(size, first[-1], K, rng)
        weight = np.array([1.0, 0.5, 0.0, 2.5, 1.0])
        assert_same(compiled(x, chain, first, weight), plain(x, chain, first, weight), rounding(x, chain), 2.5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_viterbi_is_as_good_as_the_plain_one(kind, size):
    rng = np.random.default_rng(3)
    first = offsets([1, 40, 3])
    chain, x = chain_of(kind, 4, rng), densities(size, first[-1], 4, rng)
    log_probability, path = compiled_viterbi(x, chain, first)
    for s, (a, b) in enumerate(pairwise(first)):
        best, _ = plain_recursion.viterbi(x[a:b], *chain)
        error = rounding(x[a:b], chain)
        assert_allclose(log_probability[s], best, rtol=0, atol=error)
        assert_allclose(log_joint(x[a:b], chain, path[a:b]), best, rtol=0, atol=error)


UNDERFLOWS = {
    # A state falls behind by e^−921 = 1e−400 and catches up.
    "behind, then level": (Chain(np.array([0.4, 0.6]), np.eye(2)), [[0, -921], [0, 0], [-921, 0]]),
    "behind, then ahead": (Chain(np.array([0.4, 0.6]), np.eye(2)), [[0, -921], [0, 0], [-1900, 0]]),
    "slowly behind, then level": (Chain(np.array([0.4, 0.6]), np.eye(2)), [[0, -100]] * 20 + [[-100, 0]] * 20),
    "the other state at first": (Chain(np.array([1.0, 0.0]), np.array([[0.5, 0.5], [0.3, 0.7]])), [[0, 1e5], [1, 0]]),
    # Less than 1e−308 comes of a state of 1e−109 by transitions of 1e−300, and is all that is left in the end.
    "by rare transitions": (
        Chain(np.array([0.5, 0.5, 0.0]), np.array([[1, 0, 0], [0, 1 - 1e-300, 1e-300], [0, 0, 1]])),
        [[0, -250, 0], [0, 0, 0]] + [[-300, -300, 0]] * 4,
    ),
    "from a rare start": (
        Chain(np.array([1.0, 1e-310]), np.eye(2)),
        [[0, 0]] + [[-300, 0]] * 3,
    ),
    "a way back that is closed": (
        Chain(np.array([0.5, 0.5]), np.array([[0.5, 0.5], [0.0, 1.0]])),
        [[0, 0]] * 1200 + [[900, 0]],
    ),
}


@pytest.mark.parametrize("case", UNDERFLOWS)
def test_probabilities_that_underflow_are_not_lost(case):
    chain, x = UNDERFLOWS[case][0], np.array(UNDERFLOWS[case][1], dtype=float)
    found = compiled(x, chain)
    assert_same(found, plain(x, chain), rounding(x, chain))
    still = np.zeros_like(x)
    assert compiled_along(x, still, chain, np.zeros_like(pack(*chain)))[3]  # logarithms


@st.composite
def sequences(draw):
    K, T = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    number = st.sampled_from([0.0, 1e-320, 1e-300, 1e-60, 1e-10, 0.1, 1.0, 3.0])
    rows = draw(st.lists(st.lists(number, min_size=K, max_size=K), min_size=K + 1, max_size=K + 1))
    table = np.array(rows)
    table[table.max(axis=1) < 1.0, draw(st.integers(0, K - 1))] = 1.0
    table /= table.sum(axis=1, keepdims=True)
    log_density = st.sampled_from([0.0, -0.5, 1.0, -40.0, 300.0, -350.0, -700.0, 2e3, -1e5])
    x = draw(st.lists(st.lists(log_density, min_size=K, max_size=K), min_size=T, max_size=T))
    cuts = sorted(draw(st.sets(st.integers(1, T), max_size=3)) | {T})
    return Chain(table[0], table[1:]), np.array(x), offsets(np.diff([0, *cuts]))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(case=sequences())
def test_any_chain_is_as_the_plain_one(case):
    chain, x, first = case
    weight = np.linspace(2.5, 0.5, len(first) - 1)
    assert_same(compiled(x, chain, first, weight), plain(x, chain, first, weight), rounding(x, chain), 2.5)
    log_probability, path = compiled_viterbi(x, chain, first)
    for s, (a, b) in enumerate(pairwise(first)):
        assert_allclose(log_probability[s], plain_recursion.viterbi(x[a:b], *chain)[0], atol=rounding(x, chain))
        assert_allclose(log_joint(x[a:b], chain, path[a:b]), log_probability[s], atol=rounding(x, chain))


# ---- derivatives ----------------------------------------------------------------------------------------------------
def direction(chain, n, rng):
    """A slope of log-densities and a tangent at a chain, which leaves its zeros and sums alone."""
    K = len(chain.start)
    d_start, d_A = chain.start * rng.normal(size=K), chain.A * rng.normal(size=(K, K))
    d_start -= chain.start * d_start.sum()
    d_A -= chain.A * d_A.sum(axis=1, keepdims=True)
    return rng.normal(size=(n, K)), d_start, d_A


def assert_derivative(x, chain, first, weight, rng, recursion=plain):
    """Differences of fourth order, step 1e-3: what they leave out is some 1e-12 of a fifth derivative."""
    slope, d_start, d_A = direction(chain, len(x), rng)

    def outputs(step):
        result = recursion(x + step * slope, Chain(chain.start + step * d_start, chain.A + step * d_A), first, weight)
        return np.vstack([result.smoothed, result.counts])

    expected = derivative(outputs, 0.0, 1.0)
    tangent = pack_tangent(chain, d_start, d_A)
    smoothed, d_smoothed, d_counts, with_logarithms = compiled_along(x, slope, chain, tangent, first, weight)
    assert_allclose(smoothed, compiled(x, chain, first, weight).smoothed, rtol=1e-14, atol=1e-300)
    atol = 1e-8 + rounding(x, chain) / 1e-3
    assert_allclose(np.vstack([d_smoothed, d_counts]), expected, rtol=1e-7, atol=atol)
    return with_logarithms, np.abs(expected).max()


@pytest.mark.parametrize("K", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_the_plain_recursion(kind, K):
    rng = np.random.default_rng([K, 5])
    first = offsets([1, 9, 2])
    chain, x = chain_of(kind, K, rng), densities("mild", first[-1], K, rng)
    with_logarithms, largest = assert_derivative(x, chain, first, [1.0, 2.5, 0.5], rng)
    assert kind == "tiny" or not with_logarithms
    assert kind != "full" or K == 1 or largest > 1e-2


@pytest.mark.parametrize(
    "case", ["behind, then level", "slowly behind, then level", "by rare transitions", "the other state at first"]
)
def test_derivatives_with_logarithms_are_those_of_the_plain_recursion(case):
    chain, x = UNDERFLOWS[case][0], np.array(UNDERFLOWS[case][1], dtype=float)
    with_logarithms, _ = assert_derivative(x, chain, None, [2.5], np.random.default_rng(0))
    assert with_logarithms


@pytest.mark.parametrize("kind", ["full", "left-right", "sparse"])
def test_both_ways_of_derivation_agree(kind):
    """A state of probability e^−1000 demands logarithms, and changes nothing else."""
    rng = np.random.default_rng(2)
    chain, x = chain_of(kind, 3, rng), densities("mild", 12, 3, rng)
    slope, d_start, d_A = direction(chain, len(x), rng)
    _, d_smoothed, d_counts, with_logarithms = compiled_along(x, slope, chain, pack_tangent(chain, d_start, d_A))
    assert not with_logarithms
    # The same chain, and a fourth state that nothing leads to.
    A = np.block([[chain.A, np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]])
    more = Chain(np.append(chain.start * (1 - 1e-30), 1e-30), A)
    x4, slope4 = np.column_stack([x, np.full(12, -1000.0)]), np.column_stack([slope, np.zeros(12)])
    tangent = pack_tangent(more, np.append(d_start, 0.0), np.pad(d_A, (0, 1)))
    _, d_smoothed4, d_counts4, with_logarithms = compiled_along(x4, slope4, more, tangent)
    assert with_logarithms
    error = 10 * rounding(x4, more)
    assert_allclose(d_smoothed4[:, :3], d_smoothed, atol=error)
    assert_allclose(d_counts4[:4, :3], d_counts, atol=error)


def test_derivatives_past_an_impossible_row_are_those_of_what_smooth_gives():
    rng = np.random.default_rng(4)
    chain, x = chain_of("full", 3, rng), densities("mild", 9, 3, rng)
    x[4] = -np.inf
    x[7, 1] = -np.inf
    with_logarithms, largest = assert_derivative(x, chain, None, None, rng, recursion=compiled)
    assert with_logarithms
    assert largest > 1e-2


# ---- sequences, weights and ranges ----------------------------------------------------------------------------------
def several(kind="full", K=3, size="mild", seed=6):
    rng = np.random.default_rng(seed)
    first = offsets([1, 25, 1, 3, 40])
    return densities(size, first[-1], K, rng), chain_of(kind, K, rng), first, np.array([1.0, 0.0, 2.5, 1.0, 0.3])


def test_one_state_is_certain():
    x, chain, first, _ = several(K=1, size="extreme")
    found = compiled(x, chain, first)
    assert_array_equal(found.smoothed, 1.0)
    assert_array_equal(found.filtered, 1.0)
    assert_array_equal(found.counts, [[5.0], [len(x) - 5.0]])
    assert_array_equal(found.predictive, x[:, 0])
    assert_allclose(found.log_likelihood, x.sum(), rtol=len(x) * EPS)


def test_one_row_is_a_mixture():
    x, chain, _, _ = several()
    x = x[:1] + np.array([[1.0, 2.0, 0.5]])
    found = compiled(x, chain)
    assert_allclose(found.log_likelihood, logsumexp(x[0] + np.log(chain.start)), rtol=4 * EPS)
    assert_allclose(found.smoothed, softmax(x + np.log(chain.start), axis=1), rtol=8 * EPS)
    assert_array_equal(found.counts[1:], 0.0)


@pytest.mark.parametrize("size", ["mild", "farther"])
@pytest.mark.parametrize("kind", ["full", "identity"])
def test_weights_multiply_what_a_sequence_tells(kind, size):
    x, chain, first, weight = several(kind, size=size)
    found, alone = compiled(x, chain, first, weight), compiled(x, chain, first)
    assert_allclose(found.smoothed, alone.smoothed * np.repeat(weight, np.diff(first))[:, np.newaxis], rtol=8 * EPS)
    assert_array_equal(found.smoothed[first[1] : first[2]], 0.0)
    assert_array_equal(found.filtered, alone.filtered)
    parts = [compiled(x, chain, first, None, s, s + 1) for s in range(5)]
    assert_allclose(found.log_likelihood, sum(w * p.log_likelihood for w, p in zip(weight, parts, strict=True)))
    assert_allclose(found.counts, sum(w * p.counts for w, p in zip(weight, parts, strict=True)), rtol=1e-13)


@pytest.mark.parametrize("size", ["mild", "farther"])
@pytest.mark.parametrize("kind", ["full", "identity"])
def test_ranges_of_sequences_add_up_and_touch_no_other_rows(kind, size):
    x, chain, first, weight = several(kind, size=size)
    whole = compiled(x, chain, first, weight)
    left, right = (compiled(x, chain, first, weight, *ends) for ends in ((0, 2), (2, 5)))
    cut = first[2]
    assert_array_equal(left.smoothed, np.concatenate([whole.smoothed[:cut], x[cut:]]))
    assert_array_equal(right.smoothed, np.concatenate([x[:cut], whole.smoothed[cut:]]))
    assert_array_equal(left.filtered[:cut], whole.filtered[:cut])
    assert np.isnan(left.filtered[cut:]).all()
    assert np.isnan(right.predictive[:cut]).all()
    assert_allclose(left.log_likelihood + right.log_likelihood, whole.log_likelihood, rtol=8 * EPS)
    assert_allclose(left.counts + right.counts, whole.counts, rtol=1e-14)
    nothing = compiled(x, chain, first, weight, 3, 3)
    assert nothing.log_likelihood == 0.0
    assert not nothing.counts.any()


@pytest.mark.parametrize("kind", ["full", "identity"])
def test_the_order_of_sequences_does_not_matter(kind):
    x, chain, first, weight = several(kind, size="far")
    order = [3, 0, 4, 2, 1]
    rows = np.concatenate([np.arange(first[s], first[s + 1]) for s in order])
    other = offsets(np.diff(first)[order])
    found, turned = compiled(x, chain, first, weight), compiled(x[rows], chain, other, weight[order])
    assert_array_equal(turned.smoothed, found.smoothed[rows])
    assert_array_equal(turned.predictive, found.predictive[rows])
    assert_allclose(turned.log_likelihood, found.log_likelihood, rtol=8 * EPS)
    assert_allclose(turned.counts, found.counts, rtol=1e-14)
    assert_array_equal(compiled_viterbi(x[rows], chain, other)[1], compiled_viterbi(x, chain, first)[1][rows])


# ---- long sequences -------------------------------------------------------------------------------------------------
def test_a_million_rows_that_do_not_depend_on_each_other():
    T = 1_000_000
    share = np.array([0.3, 0.7])
    chain = Chain(share, np.tile(share, (2, 1)))
    x = -1e5 * np.random.default_rng(0).random((T, 2)) ** 8  # many rows that are not clear
    found = compiled(x, chain)
    terms = x + np.log(share)
    assert_allclose(found.log_likelihood, logsumexp(terms, axis=1).sum(), rtol=T * EPS)
    assert_allclose(found.smoothed, softmax(terms, axis=1), rtol=0, atol=T * EPS)  # going back, they add up
    assert_allclose(found.smoothed.sum(axis=1), 1.0, rtol=T * EPS)
    assert_allclose(found.counts.sum(axis=1), [1.0, *found.smoothed[:-1].sum(axis=0)], rtol=T * EPS)
    log_probability, path = compiled_viterbi(x, chain)
    assert_array_equal(path, terms.argmax(axis=1))
    assert_allclose(log_probability[0], terms.max(axis=1).sum(), rtol=T * EPS)


def test_a_million_rows_of_one_state_that_is_not_known():
    """Logarithms: the states are e^(1e8) apart on the way, and level in the end."""
    T = 1_000_000
    chain = Chain(np.array([0.25, 0.75]), np.eye(2))
    x = -1e5 * np.random.default_rng(0).random((T, 2))
    x[T // 2 :] = x[: T // 2, ::-1]
    found = compiled(x, chain)
    assert_allclose(found.log_likelihood, logsumexp(np.log(chain.start) + x.sum(axis=0)), rtol=T * EPS)
    assert np.isfinite(found.smoothed).all()
    # Each step rounds numbers of up to 1e8; the errors of a walk add up by the root of its length.
    walk = np.abs(np.cumsum(x[:, 0] - x[:, 1])).max()
    assert_allclose(found.smoothed, np.tile(chain.start, (T, 1)), atol=10 * EPS * walk * np.sqrt(T))
    assert_allclose(found.smoothed.sum(axis=1), 1.0, atol=10 * EPS * walk)
    assert_allclose(found.counts[1:].sum(), T - 1, rtol=10 * EPS * walk)


# ---- impossible rows ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["full", "left-right", "identity"])
def test_states_that_a_row_excludes_have_no_probability(kind):
    rng = np.random.default_rng(8)
    chain, x = chain_of(kind, 3, rng), densities("mild", 20, 3, rng)
    x[[4, 11], [1, 2]] = -np.inf
    found = compiled(x, chain)
    assert_same(found, plain(x, chain), rounding(x, chain))
    assert_array_equal(found.smoothed[[4, 11], [1, 2]], 0.0)
    log_probability, path = compiled_viterbi(x, chain)
    assert_allclose(log_probability[0], plain_recursion.viterbi(x, *chain)[0], atol=rounding(x, chain))
    assert_allclose(log_joint(x, chain, path), log_probability[0], atol=rounding(x, chain))


@pytest.mark.parametrize("row", [0, 3, 9])
@pytest.mark.parametrize("kind", ["full", "left-right", "identity"])
def test_a_row_that_no_state_allows_tells_nothing(kind, row):
    rng = np.random.default_rng(9)
    chain, x = chain_of(kind, 3, rng), densities("mild", 10, 3, rng)
    x[row] = -np.inf
    found = compiled(x, chain)
    assert found.log_likelihood == -np.inf
    assert_array_equal(np.isfinite(found.predictive), np.arange(10) != row)
    for probabilities in (found.smoothed, found.filtered):
        assert np.isfinite(probabilities).all()
        assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-13)
    assert_allclose(found.counts.sum(), 10.0, rtol=1e-13)
    if row > 0:  # the rows before are as if they were all
        assert_allclose(found.predictive[:row], plain(x[:row], chain).predictive, atol=rounding(x, chain))
        assert_allclose(found.smoothed[:row], plain(x[:row], chain).smoothed, atol=1e-13)
    log_probability, path = compiled_viterbi(x, chain)
    assert log_probability[0] == -np.inf
    assert ((path >= 0) & (path < 3)).all()


def test_a_row_that_the_chain_excludes_tells_nothing():
    x = np.zeros((5, 2))
    x[3, 0] = -np.inf  # the state that the chain must be in
    found = compiled(x, Chain(np.array([1.0, 0.0]), np.eye(2)))
    assert found.log_likelihood == -np.inf
    assert np.isfinite(found.smoothed).all()
    assert_allclose(found.smoothed.sum(axis=1), 1.0, rtol=1e-14)


def test_an_impossible_sequence_without_weight_changes_nothing():
    x, chain, first, weight = several()
    expected = compiled(x, chain, first, weight)
    x[first[1] + 2] = -np.inf  # of the sequence of weight 0
    found = compiled(x, chain, first, weight)
    assert found.log_likelihood == expected.log_likelihood
    assert_array_equal(found.counts, expected.counts)


# ---- drawing --------------------------------------------------------------------------------------------------------
def drawn(chain, first, rng):
    path = np.full(first[-1], -1, dtype=np.intp)
    _recursion.draw(pack(*chain), first, rng.random(first[-1]), path)
    return path


def test_drawn_paths_start_and_move_as_often_as_they_should():
    rng = np.random.default_rng(10)
    chain = Chain(np.array([0.2, 0.0, 0.8]), np.array([[0.7, 0.3, 0.0], [0.0, 0.1, 0.9], [0.25, 0.25, 0.5]]))
    first = offsets([50] * 4000)
    path = drawn(chain, first, rng).reshape(4000, 50)
    starts = np.bincount(path[:, 0], minlength=3)
    moves = np.zeros((3, 3))
    np.add.at(moves, (path[:, :-1], path[:, 1:]), 1)
    for count, probability in [(starts, chain.start), *zip(moves, chain.A, strict=True)]:
        n = count.sum()
        assert n > 1000
        assert (np.abs(count - n * probability) <= 5 * np.sqrt(n * probability * (1 - probability))).all()
        assert not count[probability == 0].any()


@pytest.mark.parametrize("uniform", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_states_of_probability_zero_are_never_drawn(uniform):
    """Also where a row adds up to less than the number drawn, by rounding."""
    chain = Chain(np.array([0.0, 1 - 1e-12, 0.0]), np.array([[1.0, 0, 0], [0.0, 0.5, 0.5 - 1e-12], [0.0, 1.0, 0.0]]))
    path = np.full(20, -1, dtype=np.intp)
    _recursion.draw(pack(*chain), offsets([20]), np.full(20, uniform), path)
    assert path[0] == 1
    assert (chain.A[path[:-1], path[1:]] > 0).all()
