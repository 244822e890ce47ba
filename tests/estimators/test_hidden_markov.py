"""Hidden Markov models as estimators: sequences, routing, starts, refusals, and what random problems do."""

import numpy as np
import pytest
import sklearn
from chains import hmm_of, lasting, sequences_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from problems import quietly
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skmix import GMMHMM, BernoulliHMM, CategoricalHMM, GaussianHMM, HiddenMarkovModel, PoissonHMM
from skmix.initialize.chains import CHAIN_STARTS

MODELS = ("full", "tied", "diag", "spherical", "poisson", "bernoulli", "categorical", "mixture")
EACH_MODEL = pytest.mark.parametrize("model", MODELS)
LENGTHS = np.array([30, 1, 40, 29])


# ---- which rows form sequences --------------------------------------------------------------------------------------
def identified(order):
    """Rows of four sequences, their lengths, and identifiers that say the same."""
    X, lengths = lasting("diag", LENGTHS)
    names = np.array(["b", "d", "a", "c"])
    return X, lengths, {"integers": np.repeat([7, 3, 9, 1], lengths), "strings": np.repeat(names, lengths)}[order]


@pytest.mark.parametrize("kind", ["integers", "strings"])
def test_identifiers_say_the_same_as_lengths(kind):
    X, lengths, sequence_id = identified(kind)
    hmm = GaussianHMM(2, random_state=0).fit(X, lengths=lengths)
    other = GaussianHMM(2, random_state=0).fit(X, sequence_id=sequence_id)
    assert_array_equal(other.history_["objective"], hmm.history_["objective"])
    for method in ("predict", "predict_proba", "filter", "score_samples", "impute"):
        found = getattr(hmm, method)(X, sequence_id=sequence_id)
        assert_array_equal(found, getattr(hmm, method)(X, lengths=lengths))
    assert (hmm.score_samples(X) != hmm.score_samples(X, lengths=lengths)).any()
    for method in ("score", "log_likelihood", "bic", "aic"):
        assert getattr(hmm, method)(X, sequence_id=sequence_id) == getattr(hmm, method)(X, lengths=lengths)


@EACH_MODEL
def test_interleaved_sequences_come_out_in_the_order_of_the_rows(model):
    X, lengths = lasting(model, LENGTHS, missing=0.1)
    sequence_id = np.repeat([7, 3, 9, 1], lengths)
    weight = np.repeat([1.0, 2.0, 3.0, 1.0], lengths)
    rng = np.random.default_rng(0)
    # Shuffled, the rows of each sequence still in their order.
    shuffled = rng.permutation(sequence_id)
    rows = np.empty(100, dtype=int)
    for name in (7, 3, 9, 1):
        rows[shuffled == name] = np.flatnonzero(sequence_id == name)
    kwargs = {"random_state": 0, "max_iter": 20, "init_params": "mixture"}
    hmm = quietly(hmm_of(model, 2, **kwargs), X, lengths=lengths, sample_weight=weight)
    # k-means may take other seeds from rows in another order: both go on from here.
    a, b = (hmm_of(model, 2, warm_start=True, max_iter=3, tol=0.0) for _ in range(2))
    for one in (a, b):
        for name, value in vars(hmm).items():
            if name.endswith("_") or name == "_fitted_model":
                setattr(one, name, value)
    quietly(a, X, sequence_id=sequence_id, sample_weight=weight)
    quietly(b, X[rows], sequence_id=shuffled, sample_weight=weight[rows])
    assert_allclose(b.history_["objective"], a.history_["objective"], rtol=1e-10)
    for method in ("predict", "predict_proba", "filter", "score_samples", "impute"):
        found = getattr(hmm, method)(X[rows], sequence_id=shuffled)
        assert_allclose(found, getattr(hmm, method)(X, lengths=lengths)[rows], rtol=1e-10, atol=1e-12)
    first = [int(np.flatnonzero(shuffled == name)[0]) for name in (7, 3, 9, 1)]
    forecast = hmm.forecast(X[rows], 2, sequence_id=shuffled)
    assert_allclose(forecast.states, hmm.forecast(X, 2, lengths=lengths).states[np.argsort(first)], atol=1e-12)


@EACH_MODEL
def test_a_weight_counts_as_equal_sequences_in_a_fit(model):
    X, lengths = lasting(model, LENGTHS)
    parts = np.split(X, np.cumsum(lengths)[:-1])
    hmm = hmm_of(model, 2, max_iter=0, random_state=0).fit(X, lengths=lengths)
    kwargs = {name: getattr(hmm, attribute) for name, attribute in STARTS_OF[model].items()}
    one, other = (hmm_of(model, 2, solver="em", max_iter=5, tol=0.0, reg_covar=0.0, **kwargs) for _ in range(2))
    quietly(one, X, lengths=lengths, sample_weight=np.repeat([2.0, 1.0, 1.0, 0.0], lengths))
    quietly(other, np.vstack([parts[0], *parts[:3]]), lengths=[30, 30, 1, 40])
    assert_allclose(one.history_["objective"], other.history_["objective"], rtol=1e-9)
    assert_allclose(one.transmat_, other.transmat_, rtol=1e-7)


CHAIN_INIT = {"startprob_init": "startprob_", "transmat_init": "transmat_"}
GAUSSIAN_INIT = {**CHAIN_INIT, "means_init": "means_", "precisions_init": "precisions_"}
STARTS_OF = dict.fromkeys(("full", "tied", "diag", "spherical"), GAUSSIAN_INIT) | {
    "poisson": {**CHAIN_INIT, "rates_init": "rates_"},
    "bernoulli": {**CHAIN_INIT, "probabilities_init": "probabilities_"},
    "categorical": {**CHAIN_INIT, "probabilities_init": "probabilities_"},
    "mixture": {**GAUSSIAN_INIT, "weights_init": "weights_"},
}


# ---- scikit-learn ---------------------------------------------------------------------------------------------------
@pytest.fixture
def _routed():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def routed(hmm):
    return hmm.set_fit_request(sequence_id=True).set_score_request(sequence_id=True)


def by_hand(hmm, X, sequence_id, splits):
    scores = []
    for train, test in splits:
        fitted = sklearn.clone(hmm).fit(X[train], sequence_id=sequence_id[train])
        scores.append(fitted.score(X[test], sequence_id=sequence_id[test]))
    return scores


@pytest.mark.usefixtures("_routed")
class TestRouting:
    X, lengths = lasting("diag", [20] * 6)
    sequence_id = np.repeat(np.arange(6), 20)
    splits = list(GroupKFold(3).split(X, groups=sequence_id))

    def test_through_cross_validation_in_groups(self):
        hmm = routed(GaussianHMM(2, random_state=0))
        params = {"sequence_id": self.sequence_id, "groups": self.sequence_id}
        found = cross_validate(hmm, self.X, cv=GroupKFold(3), params=params)["test_score"]
        assert_array_equal(found, by_hand(hmm, self.X, self.sequence_id, self.splits))
        unaware = by_hand(hmm, self.X, np.zeros(120), self.splits)
        assert np.abs(found - unaware).min() > 1e-6

    @pytest.mark.skipif(
        parse_version(sklearn.__version__) < parse_version("1.8"),
        reason="scikit-learn 1.7 gives the score of a Pipeline no metadata",
    )
    def test_through_a_pipeline(self):
        hmm = routed(GaussianHMM(2, random_state=0))
        pipeline = make_pipeline(StandardScaler(), hmm)
        params = {"sequence_id": self.sequence_id, "groups": self.sequence_id}
        found = cross_validate(pipeline, self.X, cv=GroupKFold(3), params=params)["test_score"]
        expected = []
        for train, test in self.splits:
            scaler = StandardScaler().fit(self.X[train])
            one = sklearn.clone(hmm).fit(scaler.transform(self.X[train]), sequence_id=self.sequence_id[train])
            expected.append(one.score(scaler.transform(self.X[test]), sequence_id=self.sequence_id[test]))
        assert_array_equal(found, expected)

    def test_through_a_grid_search_of_a_pipeline(self):
        pipeline = make_pipeline(StandardScaler(), routed(GaussianHMM(random_state=0)))
        search = GridSearchCV(pipeline, {"gaussianhmm__n_components": [1, 2]}, cv=GroupKFold(3))
        search.fit(self.X, sequence_id=self.sequence_id, groups=self.sequence_id)
        assert search.best_params_ == {"gaussianhmm__n_components": 2}
        scaled = StandardScaler().fit_transform(self.X)
        expected = GaussianHMM(2, random_state=0).fit(scaled, sequence_id=self.sequence_id)
        assert_array_equal(search.best_estimator_[-1].means_, expected.means_)

    def test_a_search_scores_what_is_done_by_hand(self):
        hmm = routed(GaussianHMM(random_state=0))
        search = GridSearchCV(hmm, {"n_components": [1, 2]}, cv=GroupKFold(3))
        search.fit(self.X, sequence_id=self.sequence_id, groups=self.sequence_id)
        for place, K in enumerate((1, 2)):
            expected = by_hand(hmm.set_params(n_components=K), self.X, self.sequence_id, self.splits)
            assert_allclose(search.cv_results_["mean_test_score"][place], np.mean(expected), rtol=1e-14)


@EACH_MODEL
def test_float32_data_give_what_float64_data_do(model):
    X, lengths = lasting(model, missing=0.1)
    kwargs = {"random_state": 0, "solver": "em", "max_iter": 5, "tol": 0.0}
    double = quietly(hmm_of(model, 2, **kwargs), X, lengths=lengths)
    single = quietly(hmm_of(model, 2, **kwargs), X.astype(np.float32), lengths=lengths)
    assert single.score(X.astype(np.float32), lengths=lengths) == pytest.approx(
        double.score(X, lengths=lengths), rel=1e-4
    )
    assert_allclose(single.transmat_, double.transmat_, atol=1e-3)
    if model in ("full", "tied", "diag", "spherical", "mixture"):
        assert single.means_.dtype == single.impute(X.astype(np.float32), lengths=lengths).dtype == np.float32


# ---- starts ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.parametrize("init_params", CHAIN_STARTS)
@EACH_MODEL
def test_every_start_is_a_model_with_room_to_move(model, init_params, n_components):
    X = sequences_of(model, [60, 1, 39], missing=0.1)
    hmm = hmm_of(model, n_components, init_params=init_params, max_iter=0, random_state=0).fit(X, lengths=[60, 1, 39])
    for rows in (hmm.startprob_[np.newaxis], hmm.transmat_):
        assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-12)
        assert (rows > 0).all()
    assert np.isfinite(hmm.score(X, lengths=[60, 1, 39]))
    if init_params == "sticky" and n_components > 1:
        stay = np.diag(hmm.transmat_)
        assert ((stay >= 0.8) & (stay <= 0.95)).all()


@pytest.mark.parametrize("init_params", CHAIN_STARTS)
def test_starts_have_the_structure_that_was_asked_for(init_params):
    X = sequences_of("poisson", [60, 40])
    A = np.array([[0.6, 0.4, 0.0], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]])
    kwargs = {"init_params": init_params, "max_iter": 0, "random_state": 0}
    chain = PoissonHMM(3, transmat_init=A, startprob_init=[1, 0, 0], **kwargs).fit(X, lengths=[60, 40])
    assert_allclose(chain.transmat_, A, rtol=1e-14)
    assert_array_equal(chain.startprob_, [1.0, 0.0, 0.0])
    tied = np.array([[1, 2, 2], [2, 1, 2], [2, 2, 1]])
    chain = PoissonHMM(3, transmat_tied=tied, start="stationary", **kwargs).fit(X, lengths=[60, 40])
    assert np.ptp(chain.transmat_[tied == 2]) < 1e-15
    assert_allclose(chain.startprob_, 1 / 3, rtol=1e-12)


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_starts_at_the_same_time_give_the_same_fit(n_jobs):
    X, lengths = lasting("poisson")
    kwargs = {"n_init": 4, "init_params": "random", "random_state": 0, "tol": 1e-4}
    one = quietly(PoissonHMM(3, **kwargs), X, lengths=lengths)
    other = quietly(PoissonHMM(3, n_jobs=n_jobs, **kwargs), X, lengths=lengths)
    assert_array_equal(other.history_["objective"], one.history_["objective"])
    assert_array_equal(other.transmat_, one.transmat_)
    single = quietly(PoissonHMM(3, **{**kwargs, "n_init": 1}), X, lengths=lengths)
    assert one.lower_bound_ >= single.lower_bound_


@EACH_MODEL
def test_a_warm_start_goes_on_where_the_last_fit_ended(model):
    X, lengths = lasting(model)
    kwargs = {"solver": "em", "tol": 0.0, "random_state": 0}
    whole = quietly(hmm_of(model, 2, max_iter=6, **kwargs), X, lengths=lengths)
    parts = quietly(hmm_of(model, 2, max_iter=2, warm_start=True, **kwargs), X, lengths=lengths)
    first = parts.history_["objective"]
    quietly(parts.set_params(max_iter=4), X, lengths=lengths)
    assert_allclose(np.r_[first, parts.history_["objective"][1:]], whole.history_["objective"], rtol=1e-12)
    with pytest.raises(ValueError, match=r"warm_start=True goes on from the last fit, which had"):
        parts.set_params(n_components=3).fit(X, lengths=lengths)


# ---- refusals -------------------------------------------------------------------------------------------------------
X20 = np.random.default_rng(0).poisson(4.0, size=(20, 2)).astype(float)
A2, A3 = np.full((2, 2), 0.5), np.eye(3)
OF_DATA = [
    ({"lengths": [10, 10], "sequence_id": np.zeros(20)}, "Both sequence_id and lengths were given"),
    ({"lengths": [10, 9]}, r"lengths add up to 19, but X has 20 rows"),
    ({"lengths": [20, 0]}, r"lengths should be positive integers"),
    ({"lengths": [10.0, 10.0]}, r"lengths should be positive integers"),
    ({"lengths": [[10, 10]]}, r"lengths should be positive integers"),
    ({"lengths": []}, r"lengths should be positive integers"),
    ({"sequence_id": np.zeros(19)}, r"sequence_id should have the shape of \(20,\), .* but got \(19,\)"),
    ({"sequence_id": np.zeros((20, 2))}, r"sequence_id should have the shape of \(20,\), .* but got \(20, 2\)"),
    ({"sequence_id": np.r_[np.nan, np.zeros(19)]}, r"sequence_id contains NaN"),
    ({"sequence_id": np.array(["NaT"] + ["2020-01-01"] * 19, dtype="datetime64[D]")}, r"sequence_id contains NaN"),
    ({"sequence_id": np.array([np.nan] + ["a"] * 19, dtype=object)}, r"sequence_id contains NaN"),
    ({"sequence_id": [None] + ["a"] * 19}, r"sequence_id mixes values .* of the types NoneType, str"),
    ({"sequence_id": np.array([1, "a"] * 10, dtype=object)}, r"sequence_id mixes values .* of the types int, str"),
    ({"sample_weight": np.arange(20.0)}, r"sample_weight differs within a sequence"),
    ({"sample_weight": np.ones(2), "lengths": [5, 15]}, r"sample_weight has 2 entries, one for each sequence, but"),
    ({"sample_weight": np.ones(3), "sequence_id": [0, 1] * 10}, r"sample_weight.shape == \(3,\), expected \(20,\)"),
    ({"sample_weight": np.zeros(20)}, r"at least one non-zero number"),
    ({"sample_weight": -np.ones(20)}, r"[Nn]egative"),
    ({"sample_weight": np.r_[np.ones(1), np.zeros(19)], "lengths": [1, 19]}, r"n_samples = 1 of positive weight"),
]
OF_PARAMETERS = [
    ({"startprob_init": [0.5, 0.4]}, r"'startprob_init' should have rows that add up to 1, but one adds up to 0.90000"),
    ({"startprob_init": [1.5, -0.5]}, r"'startprob_init' should be in the range \[0, 1\]"),
    ({"startprob_init": [1.0]}, r"'startprob_init' should have the shape of \(2,\), but got \(1,\)"),
    ({"transmat_init": [[1.0, 0.0], [0.5, 0.4]]}, r"'transmat_init' should have rows that add up to 1"),
    ({"transmat_init": A3}, r"'transmat_init' should have the shape of \(2, 2\), but got \(3, 3\)"),
    ({"startprob_prior": [2.0, 0.5]}, r"'startprob_prior' should be 1 or more, but the least is 0.5"),
    ({"startprob_prior": 0.5}, r"'startprob_prior' parameter of PoissonHMM must be a float in the range \[1.0, inf\)"),
    ({"startprob_prior": [np.inf, 1.0]}, r"'startprob_prior' should be finite, but got \[inf, 1.0\]"),
    ({"transmat_prior": [1.0, 2.0]}, r"'transmat_prior' should be a number or have the shape of \(2, 2\)"),
    ({"transmat_fixed": True}, r"'transmat_fixed' holds entries at their initial values; give them as"),
    ({"transmat_fixed": [True], "transmat_init": A2}, r"'transmat_fixed' should be True or an array of booleans"),
    ({"transmat_tied": [[1, 1]]}, r"'transmat_tied' should be an array of integers of shape \(2, 2\)"),
    ({"transmat_tied": [[0.5, 1], [1, 1]]}, r"'transmat_tied' should be an array of integers"),
    ({"transmat_tied": [[1, 2], [0, 0]], "transmat_init": np.eye(2)}, r"ties the entry \(0, 0\), which is not free"),
    ({"transmat_tied": [[1, 0], [1, 0]]}, r"ties entries of the rows 0 and 1, but not all of them"),
    ({"start": "fixed"}, r"start='fixed' holds the start probabilities; give them as 'startprob_init'"),
    ({"start": "stationary", "startprob_init": [0.5, 0.5]}, r"'startprob_init' says how sequences start, but with"),
    ({"start": "stationary", "transmat_init": np.eye(2)}, r"never leave the states \[0\], nor the states \[1\]; let"),
    ({"start": "here"}, r"'start' parameter of PoissonHMM must be a str among"),
    ({"algorithm": "best"}, r"'algorithm' parameter of PoissonHMM must be a str among"),
    ({"init_params": "spectral"}, r"'init_params' parameter of PoissonHMM must be a str among"),
    ({"rates_init": [[0.0, 1.0], [1.0, 1.0]]}, r"'rates_init' should be positive"),
]


@pytest.mark.parametrize(("kwargs", "message"), OF_DATA)
def test_sequences_that_do_not_fit_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        PoissonHMM(2).fit(X20, **kwargs)


@pytest.mark.parametrize(("kwargs", "message"), [case for case in OF_DATA if "sample_weight" not in case[0]])
def test_sequences_that_do_not_fit_are_refused_in_predictions(kwargs, message):
    hmm = quietly(PoissonHMM(2, max_iter=1, random_state=0), X20)
    for method in (hmm.predict, hmm.predict_proba, hmm.filter, hmm.score, hmm.forecast, hmm.impute, hmm.decode):
        with pytest.raises(ValueError, match=message):
            method(X20, **kwargs)


@pytest.mark.parametrize(("kwargs", "message"), OF_PARAMETERS)
def test_parameters_out_of_range_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        PoissonHMM(2, **kwargs).fit(X20)


def test_masks_of_numpy_are_masks():
    for value in (True, np.True_):
        hmm = quietly(PoissonHMM(2, transmat_init=A2, transmat_fixed=value, max_iter=2, random_state=0), X20)
        assert_array_equal(hmm.transmat_, A2)
    hmm = quietly(PoissonHMM(2, transmat_init=A2, transmat_fixed=np.False_, max_iter=2, random_state=0), X20)
    assert (hmm.transmat_ != A2).any()


def test_one_weight_is_that_of_all_rows():
    hmm = quietly(PoissonHMM(2, max_iter=2, random_state=0), X20)
    of_all = {"sample_weight": np.full(20, 2.0), "sequence_id": [0, 1] * 10}
    assert hmm.bic(X20, **{**of_all, "sample_weight": 2.0}) == hmm.bic(X20, **of_all)


OTHERS = [
    (GMMHMM(2, 2, weights_init=[[0.5, 0.4], [1, 0]]), r"'weights_init' should have rows that add up to 1"),
    (GMMHMM(2, 2, weights_init=[[1.0], [1.0]]), r"'weights_init' should have the shape of \(2, 2\)"),
    (GMMHMM(2, 2, means_init=np.zeros((4, 2))), r"'means_init' should have the shape of \(2, 2, 2\)"),
    (GMMHMM(2, 0), r"'n_mix' parameter of GMMHMM must be an int in the range \[1, inf\)"),
    (GMMHMM(2, 2, precisions_init=-np.ones((2, 2, 2))), r"'precisions_init' should be positive"),
    (GaussianHMM(2, precisions_init=np.ones(2)), r"'precisions_init' should have the shape of \(2, 2\)"),
    (HiddenMarkovModel(2, family="cauchy"), r"'family' parameter of HiddenMarkovModel must be a str among"),
    (
        HiddenMarkovModel(2, family="poisson", components_init={"means": [[1.0]]}),
        r"components_init has 'means', but the parameters of family='poisson' are \['rates'\]",
    ),
    (
        HiddenMarkovModel(2, family="poisson", components_init={"rates": [1.0, 2.0]}),
        r"components_init\['rates'\]\" should have the shape of \(2, 2\), but got \(2,\)",
    ),
    (
        HiddenMarkovModel(2, family="poisson", components_init={"rates": [[1.0, -3.0], [1.0, 1.0]]}),
        r"components_init\['rates'\] has values that family='poisson' cannot have, such as -3",
    ),
    (CategoricalHMM(2, init_params="spectral"), r"init_params='spectral' takes one feature, X has 2"),
    (BernoulliHMM(2, binarize=None), r"BernoulliHMM"),
    (PoissonHMM(21), r"Expected n_samples >= n_components but got n_components = 21, n_samples = 20"),
]


@pytest.mark.parametrize(("hmm", "message"), OTHERS)
def test_other_models_say_what_they_miss(hmm, message):
    with pytest.raises(ValueError, match=message):
        hmm.fit(X20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda hmm: hmm.forecast(X20, 0), r"Invalid value for 'steps': 0"),
        (lambda hmm: hmm.forecast(X20, 1.5), r"Invalid value for 'steps': 1.5"),
        (lambda hmm: hmm.sample(0), r"Invalid value for 'n_samples': 0"),
        (lambda hmm: hmm.sample(lengths=[3, 0]), r"lengths should be positive integers"),
        (lambda hmm: hmm.decode(X20, algorithm="map"), r"algorithm must be 'viterbi' or 'posterior'. Got 'map'"),
        (lambda hmm: hmm.predict(X20[:, :1]), r"X has 1 features, but PoissonHMM is expecting 2 features"),
        (lambda hmm: hmm.score(X20 - 9.0), r"PoissonHMM"),
    ],
)
def test_wrong_arguments_of_methods_are_refused(call, message):
    hmm = quietly(PoissonHMM(2, max_iter=1, random_state=0), X20)
    with pytest.raises(ValueError, match=message):
        call(hmm)


@pytest.mark.parametrize("method", ["predict", "score", "impute", "forecast", "decode", "emission_log_density", "bic"])
def test_models_without_parameters_predict_nothing(method):
    with pytest.raises(NotFittedError):
        getattr(PoissonHMM(2), method)(X20)
    with pytest.raises(NotFittedError):
        PoissonHMM(2).sample()


# ---- rows and columns that are missing ------------------------------------------------------------------------------
@EACH_MODEL
def test_missing_rows_are_passed_over(model):
    """A sequence that ends in missing rows has the density of the rest, and forecasts go through the gap."""
    X, lengths = lasting(model)
    hmm = hmm_of(model, 2, random_state=0).fit(X, lengths=lengths)
    gap = np.vstack([X[:50], np.full((3, X.shape[1]), np.nan)])
    assert_allclose(hmm.score_samples(gap)[50:], 0.0, atol=1e-12)
    assert hmm.log_likelihood(gap) == pytest.approx(hmm.log_likelihood(X[:50]), rel=1e-12)
    forecast = hmm.forecast(X[:50], 4)
    assert_allclose(hmm.filter(gap)[50:], forecast.states[0, :3], atol=1e-12)
    assert_allclose(hmm.predict_proba(gap)[50:], forecast.states[0, :3], atol=1e-12)
    expected = forecast.mean[0, :3]
    if model == "categorical":  # codes have no mean: the most probable one
        expected = np.einsum("tk,kjc->tjc", forecast.states[0, :3], hmm.probabilities_).argmax(axis=2)
    assert_allclose(hmm.impute(gap)[50:], expected, rtol=1e-9, atol=1e-12)
    assert_allclose(hmm.forecast(gap).states[0, 0], forecast.states[0, 3], atol=1e-12)


# ---- random problems ------------------------------------------------------------------------------------------------
@st.composite
def problems(draw):
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    model = draw(st.sampled_from(MODELS))
    K = draw(st.integers(1, 3))
    seed = draw(st.integers(0, 1000))
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    if model in ("full", "tied", "diag", "spherical", "mixture"):
        X = np.round(rng.normal(size=(n, 2)) * draw(st.sampled_from([1.0, 1e-3, 1e4])), draw(st.sampled_from([0, 6])))
    else:
        X = rng.integers(draw(st.integers(1, 3)) if model != "bernoulli" else 2, size=(n, 2)).astype(float)
    missing = rng.random(X.shape) < draw(st.sampled_from([0.0, 0.3]))
    missing[0] = False
    X[missing] = np.nan
    structure = {
        "start": draw(st.sampled_from(["free", "stationary"])),
        "transmat_prior": draw(st.sampled_from([1.0, 2.0])),
        "init_params": draw(st.sampled_from(sorted(CHAIN_STARTS))),
    }
    return model, K, X, lengths, structure, seed


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems())
def test_random_problems_are_climbed_and_give_numbers(problem):
    model, K, X, lengths, structure, seed = problem
    if len(X) < K * (2 if model == "mixture" else 1):
        return
    hmm = hmm_of(model, K, solver="em", tol=0.0, max_iter=8, random_state=seed, **structure)
    hmm.fit(X, lengths=lengths)
    objective = hmm.history_["objective"]
    assert np.isfinite(objective).all()
    assert (np.diff(objective) >= 0.0).all()
    for name in ("startprob_", "transmat_", *hmm._component_attributes):
        assert np.isfinite(getattr(hmm, name)).all(), name
    assert_allclose(hmm.transmat_.sum(axis=1), 1.0, rtol=1e-12)
    assert_allclose(hmm.predict_proba(X, lengths=lengths).sum(axis=1), 1.0, rtol=1e-9)
    assert np.isfinite(hmm.decode(X, lengths=lengths)[0])
    assert np.isfinite(hmm.impute(X, lengths=lengths)).all()
    assert_allclose(
        hmm.log_likelihood(X, lengths=lengths) / len(X), hmm.score(X, lengths=lengths), rtol=1e-12, atol=1e-12
    )
