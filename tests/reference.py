"""Gaussian mixtures written plainly, row by row, from the textbook: the oracle that the fast code is tested against.

Nothing is imported from skmix. NaN is handled by marginal and conditional normal distributions of each single row.
"""

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal


def covariance_matrices(covariances, covariance_type, n_components, n_features):
    """Covariances of any type as (K, d, d) matrices."""
    eye = np.eye(n_features)
    if covariance_type == "full":
        return np.asarray(covariances)
    if covariance_type == "tied":
        return np.repeat(np.asarray(covariances)[None], n_components, axis=0)
    if covariance_type == "diag":
        return np.stack([np.diag(c) for c in covariances])
    return np.stack([c * eye for c in covariances])


def log_densities(X, means, covariances):
    """log p(x_n | k), shape (n, K), by the marginal distribution of the observed entries."""
    out = np.zeros((len(X), len(means)))
    for n, x in enumerate(X):
        o = ~np.isnan(x)
        if o.any():
            for k, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
                out[n, k] = multivariate_normal(mean[o], covariance[np.ix_(o, o)]).logpdf(x[o])
    return out


def e_step(X, weights, means, covariances):
    """Log-likelihood of each row, and responsibilities (n, K)."""
    log_joint = log_densities(X, means, covariances) + np.log(weights)
    log_likelihood = logsumexp(log_joint, axis=1)
    return log_likelihood, np.exp(log_joint - log_likelihood[:, None])


def conditional(x, mean, covariance):
    """Mean and covariance of a whole row given its observed entries."""
    o, m = ~np.isnan(x), np.isnan(x)
    filled, spread = x.copy(), np.zeros_like(covariance)
    if m.any():
        gain = covariance[np.ix_(m, o)] @ np.linalg.inv(covariance[np.ix_(o, o)]) if o.any() else np.zeros((m.sum(), 0))
        filled[m] = mean[m] + gain @ (x[o] - mean[o])
        spread[np.ix_(m, m)] = covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]
    return filled, spread


def prior_scale(X, w, n_components):
    """Λ = S/K^(2/d) of the prior that the data give each covariance, S being about the means of observed entries."""
    d = X.shape[1]
    o = ~np.isnan(X)
    W = w @ o
    means = np.array([w[seen] @ x[seen] / total for x, seen, total in zip(X.T, o.T, W, strict=True)])
    centred = np.where(o, X - means, 0.0)
    return (w[:, None] * centred).T @ centred / np.sqrt(np.outer(W, W)) / n_components ** (2 / d)


def log_prior(weights, covariances, covariance_type, scale):
    """Log prior of prior="data", covariances being matrices: −½ [ν log |Λ⁻¹Σ| + tr(Λ Σ⁻¹)] of each, and Σ log w."""
    d = len(scale)
    matrices = covariance_type in ("full", "tied")
    own, rows = (scale, 2 * d + 3) if matrices else (np.diag(np.diag(scale)), 5)
    ratios = [np.linalg.solve(own, c) for c in (covariances[:1] if covariance_type == "tied" else covariances)]
    each = [rows * np.linalg.slogdet(ratio)[1] + np.trace(np.linalg.inv(ratio)) for ratio in ratios]
    return np.log(weights).sum() - 0.5 * sum(each)


def m_step(X, w, responsibilities, means, covariances, covariance_type, reg_covar=0.0, scale=None):
    """EM's next weights, means and covariances, these in the shape of their type.

    Diagonal and spherical covariances average over the observed entries only: missing ones are integrated out, and
    only the labels are completed. Full and tied ones complete the rows. `scale` is Λ of a prior from the data.
    """
    r = responsibilities * w[:, None]
    K, d = means.shape
    N, penalty = r.sum(axis=0), reg_covar * w.sum() / K
    label, pseudo = (0, 0) if scale is None else (1, 2 * d + 3 if covariance_type in ("full", "tied") else 5)
    scale = np.zeros((d, d)) if scale is None else scale
    new_weights = (N + label) / (N + label).sum()
    if covariance_type in ("diag", "spherical"):
        o = ~np.isnan(X)
        filled = np.where(o, X, 0.0)
        counts = r.T @ o
        new_means = (r.T @ filled) / counts
        square = np.stack([r[:, k] @ (o * (filled - new_means[k]) ** 2) for k in range(K)]) + penalty + np.diag(scale)
        if covariance_type == "diag":
            return new_weights, new_means, square / (counts + pseudo)
        return new_weights, new_means, square.sum(axis=1) / (counts + pseudo).sum(axis=1)
    new_means, scatter = np.empty((K, d)), np.empty((K, d, d))
    for k in range(K):
        rows = [conditional(x, means[k], covariances[k]) for x in X]
        filled, spread = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
        new_means[k] = r[:, k] @ filled / N[k]
        centred = filled - new_means[k]
        scatter[k] = (r[:, k, None] * centred).T @ centred + np.einsum("n,nij->ij", r[:, k], spread)
    scatter += penalty * np.eye(d)
    if covariance_type == "full":
        return new_weights, new_means, (scatter + scale) / (N + pseudo)[:, None, None]
    return new_weights, new_means, (scatter.sum(axis=0) + scale) / (N.sum() + pseudo)
