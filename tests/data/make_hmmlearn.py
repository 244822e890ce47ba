"""Makes hmmlearn.json, what hmmlearn 0.3.3 does from given starts with its priors off; needs ``pip install hmmlearn``.

Its GMMHMM takes covariances about the means before the step, which is not EM's step, so that only its end is kept; its
"tied" GMMHMM has a covariance for each state, another model.
"""

import json
from pathlib import Path

import hmmlearn
import numpy as np
from hmmlearn import hmm

N_ITER = 12
KEPT = (1, N_ITER)  # iterations after which parameters are kept
LENGTHS = [50, 1, 39]
OFF = {"startprob_prior": 1, "transmat_prior": 1, "init_params": "", "tol": -np.inf}
CHAIN = {
    "startprob_": np.array([0.5, 0.3, 0.2]),
    "transmat_": np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]),
}


def data():
    rng = np.random.default_rng(0)
    state = rng.integers(3, size=18).repeat(5)
    return {
        "gaussian": (np.array([[0.0, 0.8], [1.2, -0.6], [-1.2, -0.6]])[state] + rng.normal(size=(90, 2))).round(3),
        "poisson": rng.poisson(np.array([[1.0, 6.0], [4.0, 3.0], [9.0, 7.0]])[state]),
        "categorical": (rng.random((90, 1)) > np.array([[0.2, 0.5], [0.6, 0.7], [0.1, 0.2]])[state]).sum(axis=1)[
            :, None
        ],
    }


def gaussian(covariance_type):
    covariances = {
        "full": np.array([np.eye(2) + 0.3 * k * np.ones((2, 2)) for k in range(3)]),
        "tied": np.array([[1.5, 0.2], [0.2, 1.0]]),
        "diag": np.array([[1.0, 2.0], [1.5, 0.5], [1.0, 1.0]]),
        "spherical": np.array([1.0, 2.0, 0.5]),
    }
    # The weights of covariances' priors that leave counts as they are.
    weight = 2 if covariance_type in ("full", "tied") else 1
    model = {"covariance_type": covariance_type, "means_weight": 0, "covars_prior": 0, "covars_weight": weight}
    start = {"means_": np.array([[0.0, 0.5], [1.0, 0.0], [-1.0, -0.5]]), "covars_": covariances[covariance_type]}
    return hmm.GaussianHMM, "gaussian", model, start


def mixture(covariance_type):
    means = np.array([[[0.0, 1.0], [1.0, 2.0]], [[2.0, -1.0], [2.5, 0.0]], [[-2.0, -1.0], [-1.0, -1.5]]])
    covariances = {"full": np.tile(np.eye(2), (3, 2, 1, 1)), "diag": np.ones((3, 2, 2)), "spherical": np.ones((3, 2))}
    start = {"weights_": np.full((3, 2), 0.5), "means_": means, "covars_": covariances[covariance_type]}
    return hmm.GMMHMM, "gaussian", {"n_mix": 2, "covariance_type": covariance_type}, start


CASES = {
    **{f"gaussian-{name}": gaussian(name) for name in ("full", "tied", "diag", "spherical")},
    "poisson": (
        hmm.PoissonHMM,
        "poisson",
        {"lambdas_prior": 0.0, "lambdas_weight": 0.0},
        {"lambdas_": np.array([[1.0, 5.0], [5.0, 4.0], [7.0, 7.0]])},
    ),
    "categorical": (
        hmm.CategoricalHMM,
        "categorical",
        {"emissionprob_prior": 1},
        {"emissionprob_": np.array([[0.3, 0.4, 0.3], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]])},
    ),
}


def public(model, start):
    """Parameters; covariances in the shape in which they are set."""
    values = {name: getattr(model, name) for name in (*CHAIN, *start)}
    if getattr(model, "covariance_type", None) in ("diag", "spherical", "tied") and not hasattr(model, "n_mix"):
        values["covars_"] = model._covars_ if model.covariance_type != "spherical" else model._covars_[:, 0]
    return {name: np.asarray(value).tolist() for name, value in values.items()}


def run(make, X, settings, start, n_iter):
    model = make(3, n_iter=n_iter, **OFF, **settings)
    for name, value in {**CHAIN, **start}.items():
        setattr(model, name, value)
    return model.fit(X, LENGTHS)


def main():
    X = data()
    reference = {
        "hmmlearn": hmmlearn.__version__,
        "lengths": LENGTHS,
        "data": {name: value.tolist() for name, value in X.items()},
        "cases": {},
    }
    for name, (make, rows, settings, start) in CASES.items():
        whole = run(make, X[rows], settings, start, N_ITER)
        reference["cases"][name] = {
            "data": rows,
            "start": {key: value.tolist() for key, value in {**CHAIN, **start}.items()},
            "log_likelihood": list(whole.monitor_.history)[-N_ITER:],
            "after": {str(i): public(run(make, X[rows], settings, start, i), start) for i in KEPT},
            "viterbi": [whole.decode(X[rows], LENGTHS)[0], whole.decode(X[rows], LENGTHS)[1].tolist()],
            "posterior": [
                whole.decode(X[rows], LENGTHS, algorithm="map")[0],
                whole.decode(X[rows], LENGTHS, algorithm="map")[1].tolist(),
            ],
        }
    for name in ("full", "diag", "spherical"):
        make, rows, settings, start = mixture(name)
        ended = run(make, X[rows], settings, start, 3000)
        reference["cases"][f"mixture-{name}"] = {
            "data": rows,
            "start": {key: value.tolist() for key, value in {**CHAIN, **start}.items()},
            "end": public(ended, start),
            "log_likelihood": [ended.score(X[rows], LENGTHS)],
        }
    Path(__file__).with_name("hmmlearn.json").write_text(json.dumps(reference, indent=None) + "\n")


if __name__ == "__main__":
    main()
