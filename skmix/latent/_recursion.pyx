# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The recursions along hidden Markov chains: forward, backward, their derivatives, Viterbi's, and drawing of paths.

Rows of all sequences are concatenated; `first` says where each begins, and none is empty. Every function works on the
sequences ``begin <= s < end`` without Python's lock, so that threads can share them out.

Each row of emission log-densities x_t is shifted by its maximum before exp(). With b = exp(x − max), p the prediction,
α the filtered and γ the smoothed probabilities of a row,

    p_j = Σ_i α_i A_ij      c = Σ_j p_j b_j      α_j ← p_j b_j / c
    and back      v_j = γ_j / p_j      γ_i ← α_i Σ_j A_ij v_j

so that Σ_t α_(t−1) vᵀ ∘ A are the posterior probabilities of transitions, and log c + max is log p(x_t | past). That is
as robust as logarithms but where transitions of probability 0 meet probabilities that underflow: such a sequence is
done again with logarithms throughout.

References
----------
Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech recognition. Proc. IEEE
77, 257–286. doi:10.1109/5.18626
"""

from libc.math cimport INFINITY, exp, isfinite, log
from libc.stdlib cimport calloc, free

ctypedef const double* vector
ctypedef const Py_ssize_t[::1] bounds

cdef double LEAST_SUM = 1e-200  # of a row of p·b: below, probabilities may have underflowed that matter
cdef double LEAST_ENTRY = 1e-290  # likewise of an entry, where transitions are as rare as
cdef double RARE = 1e-50
cdef double TINY = 1e-15  # LEAST_ENTRY times it is still a normal number

cdef double LEAST_PRODUCT = 1e-100  # of several c, before its logarithm is taken


cdef struct Chain:
    Py_ssize_t K
    vector start
    vector A
    vector A_transposed
    vector log_start
    vector log_A
    bint rare  # whether there are transitions that (all but) never happen
    bint tiny  # whether some of them are so small that p may underflow to 0


cdef struct Direction:  # in which a chain moves
    vector start
    vector A
    vector A_transposed
    vector log_start
    vector log_A


cdef inline double largest(vector x, Py_ssize_t K) noexcept nogil:
    cdef double most = x[0]
    cdef Py_ssize_t j
    for j in range(1, K):
        most = x[j] if x[j] > most else most
    return most


cdef inline double log_sum(vector x, Py_ssize_t K) noexcept nogil:
    """log Σ exp(x)."""
    cdef double most = largest(x, K), total = 0.0
    cdef Py_ssize_t j
    if not isfinite(most):
        return most
    for j in range(K):
        total += exp(x[j] - most)
    return most + log(total)


cdef inline void times(vector left, vector A, double* out, Py_ssize_t K) noexcept nogil:
    """out = left A."""
    cdef Py_ssize_t i, j
    cdef double part
    for j in range(K):
        out[j] = left[0] * A[j]
    for i in range(1, K):
        part = left[i]
        for j in range(K):
            out[j] += part * A[i * K + j]


cdef inline void add_outer(vector left, vector right, double* out, Py_ssize_t K) noexcept nogil:
    """out += left rightᵀ."""
    cdef Py_ssize_t i, j
    cdef double part
    for i in range(K):
        part = left[i]
        for j in range(K):
            out[i * K + j] += part * right[j]


cdef inline bint reached(vector alpha, vector into, Py_ssize_t K) noexcept nogil:
    """Whether any possible state moves to the state that the transitions `into` lead to: its p may have underflowed."""
    cdef Py_ssize_t i
    for i in range(K):
        if alpha[i] > 0.0 and into[i] > 0.0:
            return True
    return False


# ---- scaled ---------------------------------------------------------------------------------------------------------
cdef inline bint forward_of(Py_ssize_t K, Chain* chain, vector x, double* alpha, double* predictive,
                            double* log_likelihood, Py_ssize_t T, double* work) noexcept nogil:
    """Filtered probabilities of each row; False where something that may matter has underflowed.

    `predictive`, log p(x_t | past), may be NULL; its sum is added to `log_likelihood`.
    """
    cdef Py_ssize_t t, j
    cdef double* b = work
    cdef double* p = work + K
    cdef double most, c, share, total = 0.0, product = 1.0
    for t in range(T):
        most = largest(x + t * K, K)
        if not isfinite(most):
            return False
        for j in range(K):
            b[j] = exp(x[t * K + j] - most)
        if t == 0:
            for j in range(K):
                p[j] = chain.start[j]
        else:
            times(alpha + (t - 1) * K, chain.A, p, K)
        c = 0.0
        for j in range(K):
            b[j] *= p[j]
            c += b[j]
        if not c > LEAST_SUM:
            return False
        if chain.rare:
            for j in range(K):
                if b[j] < LEAST_ENTRY and (
                    p[j] > 0.0 or chain.tiny and t > 0 and reached(alpha + (t - 1) * K, chain.A_transposed + j * K, K)
                ):
                    return False
        share = 1.0 / c
        for j in range(K):
            alpha[t * K + j] = b[j] * share
        total += most
        product *= c
        if product < LEAST_PRODUCT:  # a logarithm costs as much as all the rest of a row
            total += log(product)
            product = 1.0
        if predictive != NULL:
            predictive[t] = log(c) + most
    log_likelihood[0] += total + log(product)
    return True


cdef inline void backward_of(Py_ssize_t K, Chain* chain, double* x, vector alpha, double weight, double* first,
                             double* G, Py_ssize_t T, double* work) noexcept nogil:
    """Overwrite `x` with weight·γ; add weight·Σ_t α_(t−1) vᵀ to `G`, and the first row's weight·γ to `first`."""
    cdef Py_ssize_t t, j
    cdef double* v = work
    cdef double* p = work + K
    for j in range(K):
        x[(T - 1) * K + j] = weight * alpha[(T - 1) * K + j]
    for t in range(T - 1, 0, -1):
        times(alpha + (t - 1) * K, chain.A, p, K)
        for j in range(K):
            v[j] = x[t * K + j] / p[j] if p[j] > 0.0 else 0.0
        add_outer(alpha + (t - 1) * K, v, G, K)
        times(v, chain.A_transposed, p, K)
        for j in range(K):
            x[(t - 1) * K + j] = alpha[(t - 1) * K + j] * p[j]
    for j in range(K):
        first[j] += x[j]


cdef bint forward(Chain* chain, vector x, double* alpha, double* predictive, double* log_likelihood, Py_ssize_t T,
                  double* work) noexcept nogil:
    """`forward_of`, compiled apart for few states: loops of known length are unrolled."""
    if chain.K == 2:
        return forward_of(2, chain, x, alpha, predictive, log_likelihood, T, work)
    if chain.K == 3:
        return forward_of(3, chain, x, alpha, predictive, log_likelihood, T, work)
    if chain.K == 4:
        return forward_of(4, chain, x, alpha, predictive, log_likelihood, T, work)
    if chain.K == 5:
        return forward_of(5, chain, x, alpha, predictive, log_likelihood, T, work)
    return forward_of(chain.K, chain, x, alpha, predictive, log_likelihood, T, work)


cdef void backward(Chain* chain, double* x, vector alpha, double weight, double* first, double* G, Py_ssize_t T,
                   double* work) noexcept nogil:
    """`backward_of`, likewise."""
    if chain.K == 2:
        backward_of(2, chain, x, alpha, weight, first, G, T, work)
    elif chain.K == 3:
        backward_of(3, chain, x, alpha, weight, first, G, T, work)
    elif chain.K == 4:
        backward_of(4, chain, x, alpha, weight, first, G, T, work)
    elif chain.K == 5:
        backward_of(5, chain, x, alpha, weight, first, G, T, work)
    else:
        backward_of(chain.K, chain, x, alpha, weight, first, G, T, work)


cdef void forward_along(Chain* chain, vector slope, Direction* direction, vector alpha, double* d_alpha, Py_ssize_t T,
                        double* work) noexcept nogil:
    """The derivative of α as x moves along `slope` and the chain along `direction`."""
    cdef Py_ssize_t K = chain.K, t, j
    cdef double* p = work
    cdef double* dp = work + K
    cdef double* at
    cdef double drift
    for t in range(T):
        at = d_alpha + t * K
        if t == 0:
            for j in range(K):
                p[j], dp[j] = chain.start[j], direction.start[j]
        else:
            predict_along(chain, direction, alpha + (t - 1) * K, d_alpha + (t - 1) * K, p, dp, work + 2 * K)
        drift = 0.0
        for j in range(K):
            at[j] = alpha[t * K + j] * (slope[t * K + j] + dp[j] / p[j]) if p[j] > 0.0 else 0.0
            drift += at[j]
        for j in range(K):
            at[j] -= alpha[t * K + j] * drift


cdef inline void predict_along(Chain* chain, Direction* direction, vector alpha, vector d_alpha, double* p, double* dp,
                               double* work) noexcept nogil:
    """The prediction p and its derivative."""
    cdef Py_ssize_t K = chain.K, j
    times(alpha, chain.A, p, K)
    times(d_alpha, chain.A, dp, K)
    times(alpha, direction.A, work, K)
    for j in range(K):
        dp[j] += work[j]


cdef void backward_along(Chain* chain, double* x, double* slope, Direction* direction, vector alpha, vector d_alpha,
                         double weight, double* d_first, double* G, double* d_G, Py_ssize_t T,
                         double* work) noexcept nogil:
    """Overwrite `x` with weight·γ and `slope` with its derivative; add to G, its derivative, and that of `first`."""
    cdef Py_ssize_t K = chain.K, t, j, at
    cdef double* v = work
    cdef double* dv = work + K
    cdef double* p = work + 2 * K
    cdef double* dp = work + 3 * K
    cdef double* part = work + 4 * K
    for j in range(K):
        at = (T - 1) * K + j
        x[at], slope[at] = weight * alpha[at], weight * d_alpha[at]
    for t in range(T - 1, 0, -1):
        at = (t - 1) * K
        predict_along(chain, direction, alpha + at, d_alpha + at, p, dp, part)
        for j in range(K):
            v[j] = x[t * K + j] / p[j] if p[j] > 0.0 else 0.0
            dv[j] = (slope[t * K + j] - v[j] * dp[j]) / p[j] if p[j] > 0.0 else 0.0
        add_outer(alpha + at, v, G, K)
        add_outer(alpha + at, dv, d_G, K)
        add_outer(d_alpha + at, v, d_G, K)
        times(v, chain.A_transposed, p, K)
        times(dv, chain.A_transposed, dp, K)
        times(v, direction.A_transposed, part, K)
        for j in range(K):
            x[at + j] = alpha[at + j] * p[j]
            slope[at + j] = d_alpha[at + j] * p[j] + alpha[at + j] * (dp[j] + part[j])
    for j in range(K):
        d_first[j] += slope[j]


# ---- with logarithms ------------------------------------------------------------------------------------------------
cdef void log_forward(Chain* chain, vector x, double* log_alpha, double* predictive, Py_ssize_t T,
                      double* work) noexcept nogil:
    """Logarithms of filtered probabilities, and log p(x_t | past): −inf from an impossible row on."""
    cdef Py_ssize_t K = chain.K, t, i, j
    cdef double log_c
    cdef double* at
    for t in range(T):
        at = log_alpha + t * K
        for j in range(K):
            if t == 0:
                at[j] = chain.log_start[j] + x[j]
            else:
                for i in range(K):
                    work[i] = log_alpha[(t - 1) * K + i] + chain.log_A[i * K + j]
                at[j] = log_sum(work, K) + x[t * K + j]
        log_c = log_sum(at, K)
        if not isfinite(log_c):  # impossible: the row tells nothing
            log_c = -INFINITY
            for j in range(K):
                at[j] = -log(<double>K)
        else:
            for j in range(K):
                at[j] -= log_c
        predictive[t] = log_c


cdef inline void settle(vector log_alpha, double* beta, Py_ssize_t K, double* work) noexcept nogil:
    """Shift log β so that posterior probabilities add up to 1: along a million rows rounding does, too."""
    cdef Py_ssize_t j
    cdef double excess
    for j in range(K):
        work[j] = log_alpha[j] + beta[j]
    excess = log_sum(work, K)
    for j in range(K):
        beta[j] -= excess


cdef void log_backward(Chain* chain, double* x, vector log_alpha, vector predictive, double weight, double* first,
                       double* counts, Py_ssize_t T, double* work) noexcept nogil:
    """As `backward`, but for the transitions' weighted expected numbers, which are added to `counts`."""
    cdef Py_ssize_t K = chain.K, t, i, j
    cdef double* beta = work
    cdef double* after = work + K
    cdef double* terms = work + 2 * K
    for j in range(K):
        beta[j] = 0.0
    for t in range(T - 1, -1, -1):
        settle(log_alpha + t * K, beta, K, terms)
        for j in range(K):
            after[j] = x[t * K + j] + beta[j] - predictive[t] if isfinite(predictive[t]) else 0.0
            x[t * K + j] = weight * exp(log_alpha[t * K + j] + beta[j])
        if t > 0:
            for i in range(K):
                for j in range(K):
                    terms[j] = chain.log_A[i * K + j] + after[j]
                    counts[i * K + j] += weight * exp(log_alpha[(t - 1) * K + i] + terms[j])
                beta[i] = log_sum(terms, K)
    for j in range(K):
        first[j] += x[j]


cdef inline double weighed(vector log_weight, vector value, double log_total, Py_ssize_t K) noexcept nogil:
    """Σ exp(log_weight − log_total)·value over finite weights."""
    cdef Py_ssize_t j
    cdef double total = 0.0
    for j in range(K):
        if log_weight[j] > -INFINITY:
            total += exp(log_weight[j] - log_total) * value[j]
    return total


cdef void log_forward_along(Chain* chain, vector x, vector slope, Direction* direction, vector log_alpha,
                            vector predictive, double* d_alpha, double* d_predictive, Py_ssize_t T,
                            double* work) noexcept nogil:
    """The derivatives of log α and of log p(x_t | past): 0 of a row that tells nothing."""
    cdef Py_ssize_t K = chain.K, t, i, j
    cdef double* terms = work
    cdef double* moves = work + K
    cdef double* at
    for t in range(T):
        at = d_alpha + t * K
        if not isfinite(predictive[t]):
            d_predictive[t] = 0.0
            for j in range(K):
                at[j] = 0.0
            continue
        for j in range(K):
            if t == 0:
                at[j] = direction.log_start[j] + slope[j]
                continue
            for i in range(K):
                terms[i] = log_alpha[(t - 1) * K + i] + chain.log_A[i * K + j]
                moves[i] = d_alpha[(t - 1) * K + i] + direction.log_A[i * K + j]
            at[j] = slope[t * K + j]
            if log_alpha[t * K + j] > -INFINITY:
                at[j] += weighed(terms, moves, log_alpha[t * K + j] + predictive[t] - x[t * K + j], K)
        d_predictive[t] = weighed(log_alpha + t * K, at, 0.0, K)
        for j in range(K):
            at[j] -= d_predictive[t]


cdef void log_backward_along(Chain* chain, double* x, double* slope, Direction* direction, vector log_alpha,
                             vector predictive, vector d_alpha, vector d_predictive, double weight, double* d_first,
                             double* d_counts, Py_ssize_t T, double* work) noexcept nogil:
    """As `backward_along`, but for the derivatives of expected numbers, which are added to `d_counts`."""
    cdef Py_ssize_t K = chain.K, t, i, j
    cdef double* beta = work
    cdef double* d_beta = work + K
    cdef double* after = work + 2 * K
    cdef double* moves = work + 3 * K
    cdef double* terms = work + 4 * K
    cdef double* drift = work + 5 * K
    cdef double xi
    for j in range(K):
        beta[j] = d_beta[j] = 0.0
    for t in range(T - 1, -1, -1):
        settle(log_alpha + t * K, beta, K, terms)
        for j in range(K):
            after[j] = moves[j] = 0.0
            if isfinite(predictive[t]):
                after[j] = x[t * K + j] + beta[j] - predictive[t]
                moves[j] = slope[t * K + j] + d_beta[j] - d_predictive[t]
            x[t * K + j] = weight * exp(log_alpha[t * K + j] + beta[j])
            slope[t * K + j] = x[t * K + j] * (d_alpha[t * K + j] + d_beta[j])
        if t > 0:
            for i in range(K):
                for j in range(K):
                    terms[j] = chain.log_A[i * K + j] + after[j]
                    drift[j] = direction.log_A[i * K + j] + moves[j]
                    xi = exp(log_alpha[(t - 1) * K + i] + terms[j])
                    if xi > 0.0:
                        d_counts[i * K + j] += weight * xi * (d_alpha[(t - 1) * K + i] + drift[j])
                beta[i] = log_sum(terms, K)
                d_beta[i] = weighed(terms, drift, beta[i], K) if beta[i] > -INFINITY else 0.0
    for j in range(K):
        d_first[j] += slope[j]


# ---- the most probable path -----------------------------------------------------------------------------------------
cdef double best_path(Chain* chain, double* x, Py_ssize_t* path, Py_ssize_t T, double* best) noexcept nogil:
    """Write the most probable path; its log-probability.

    Each row of `x` is overwritten by the log-probabilities of the best paths to each state, less their maximum, so that
    long sequences lose no digits; going back, the state before is found again from them.
    """
    cdef Py_ssize_t K = chain.K, t, i, j, state
    cdef double most, part, other, total = 0.0
    cdef double* at
    for t in range(T):
        at = x + t * K
        for j in range(K):
            best[j] = chain.log_start[j] if t == 0 else -INFINITY
        for i in range(K if t > 0 else 0):
            part = at[i - K]
            for j in range(K):
                other = part + chain.log_A[i * K + j]
                best[j] = other if other > best[j] else best[j]
        for j in range(K):
            at[j] += best[j]
        most = largest(at, K)
        total += most
        for j in range(K):
            at[j] = at[j] - most if isfinite(most) else 0.0  # an impossible row tells nothing
    state = 0
    for t in range(T - 1, -1, -1):
        at = x + t * K
        other = -INFINITY
        j = state
        for i in range(K):
            part = at[i] + (chain.log_A[i * K + j] if t < T - 1 else 0.0)
            if part > other:
                state, other = i, part
        path[t] = state
    return total


# ---- what Python calls ----------------------------------------------------------------------------------------------
# A chain is handed over as an array of shape (2 + 3 K, K), see `skmix.latent.recursion.pack`: the start, its logarithm, A,
# its transpose, its logarithm. A direction is laid out alike.
cdef Chain chain_of(const double[:, ::1] packed) noexcept:
    cdef Py_ssize_t K = packed.shape[1], i, j
    cdef bint rare = False, tiny = False
    for i in range(2, 2 + K):
        for j in range(K):
            rare = rare or packed[i, j] < RARE
            tiny = tiny or 0.0 < packed[i, j] < TINY
    return Chain(K, &packed[0, 0], &packed[2, 0], &packed[2 + K, 0], &packed[1, 0], &packed[2 + 2 * K, 0], rare,
                 tiny)


cdef Direction direction_of(const double[:, ::1] packed) noexcept:
    cdef Py_ssize_t K = packed.shape[1]
    return Direction(&packed[0, 0], &packed[2, 0], &packed[2 + K, 0], &packed[1, 0], &packed[2 + 2 * K, 0])


cdef double* scratch(Py_ssize_t size) except NULL:
    cdef double* work = <double*> calloc(size, sizeof(double))
    if work == NULL:
        raise MemoryError
    return work


def smooth(double[:, ::1] x, double[:, ::1] alpha, double[::1] predictive, const double[:, ::1] packed, bounds first,
           const double[::1] weight, Py_ssize_t begin, Py_ssize_t end, double[:, ::1] counts):
    """Overwrite log-densities `x` (n, K) with weighted posterior probabilities of states; the weighted log-likelihood.

    `alpha` (n, K) and `predictive` (n,) are scratch. The weighted expected number of starts is added to the first row of
    `counts` (1 + K, K), that of transitions to the others.
    """
    cdef Chain chain = chain_of(packed)
    cdef Py_ssize_t K = chain.K, s, i, a, T
    cdef double log_likelihood = 0.0, one
    cdef double* work = scratch(3 * K + K * K)
    cdef double* G = work + 3 * K
    with nogil:
        for s in range(begin, end):
            a, T, one = first[s], first[s + 1] - first[s], 0.0
            if forward(&chain, &x[a, 0], &alpha[a, 0], NULL, &one, T, work):
                backward(&chain, &x[a, 0], &alpha[a, 0], weight[s], &counts[0, 0], G, T, work)
            else:
                log_forward(&chain, &x[a, 0], &alpha[a, 0], &predictive[a], T, work)
                log_backward(&chain, &x[a, 0], &alpha[a, 0], &predictive[a], weight[s], &counts[0, 0], &counts[1, 0], T,
                             work)
                one = 0.0
                for i in range(a, a + T):
                    one += predictive[i]
            if weight[s] != 0.0:  # a sequence without weight may be impossible: 0·−∞
                log_likelihood += weight[s] * one
        for i in range(K * K):
            (&counts[1, 0])[i] += chain.A[i] * G[i]
    free(work)
    return log_likelihood


def smooth_along(double[:, ::1] x, double[:, ::1] slope, double[:, ::1] alpha, double[:, ::1] d_alpha,
                 double[::1] predictive, double[::1] d_predictive, const double[:, ::1] packed,
                 const double[:, ::1] tangent, bounds first, const double[::1] weight, Py_ssize_t begin,
                 Py_ssize_t end, double[:, ::1] d_counts):
    """Overwrite `x` as `smooth` does, and its derivative `slope` with that of the result.

    The derivatives of weighted expected numbers are added to `d_counts` (1 + K, K).
    """
    cdef Chain chain = chain_of(packed)
    cdef Direction direction = direction_of(tangent)
    cdef Py_ssize_t K = chain.K, s, i, a, T
    cdef double one = 0.0
    cdef double* work = scratch(6 * K + 2 * K * K)
    cdef double* G = work + 6 * K
    cdef double* d_G = G + K * K
    with nogil:
        for s in range(begin, end):
            a, T = first[s], first[s + 1] - first[s]
            if forward(&chain, &x[a, 0], &alpha[a, 0], NULL, &one, T, work):
                forward_along(&chain, &slope[a, 0], &direction, &alpha[a, 0], &d_alpha[a, 0], T, work)
                backward_along(&chain, &x[a, 0], &slope[a, 0], &direction, &alpha[a, 0], &d_alpha[a, 0], weight[s],
                               &d_counts[0, 0], G, d_G, T, work)
            else:
                log_forward(&chain, &x[a, 0], &alpha[a, 0], &predictive[a], T, work)
                log_forward_along(&chain, &x[a, 0], &slope[a, 0], &direction, &alpha[a, 0], &predictive[a],
                                  &d_alpha[a, 0], &d_predictive[a], T, work)
                log_backward_along(&chain, &x[a, 0], &slope[a, 0], &direction, &alpha[a, 0], &predictive[a],
                                   &d_alpha[a, 0], &d_predictive[a], weight[s], &d_counts[0, 0], &d_counts[1, 0], T,
                                   work)
        for i in range(K * K):
            (&d_counts[1, 0])[i] += direction.A[i] * G[i] + chain.A[i] * d_G[i]
    free(work)


def filter(const double[:, ::1] x, double[:, ::1] alpha, double[::1] predictive, const double[:, ::1] packed,
           bounds first, Py_ssize_t begin, Py_ssize_t end):
    """Write filtered probabilities of states into `alpha` (n, K) and log p(x_t | past) into `predictive` (n,)."""
    cdef Chain chain = chain_of(packed)
    cdef Py_ssize_t K = chain.K, s, i, a, T
    cdef double one = 0.0
    cdef double* work = scratch(2 * K)
    with nogil:
        for s in range(begin, end):
            a, T = first[s], first[s + 1] - first[s]
            if not forward(&chain, &x[a, 0], &alpha[a, 0], &predictive[a], &one, T, work):
                log_forward(&chain, &x[a, 0], &alpha[a, 0], &predictive[a], T, work)
                for i in range(a * K, (a + T) * K):
                    (&alpha[0, 0])[i] = exp((&alpha[0, 0])[i])
    free(work)


def viterbi(double[:, ::1] x, const double[:, ::1] packed, bounds first, Py_ssize_t begin, Py_ssize_t end,
            Py_ssize_t[::1] path, double[::1] log_probability):
    """Write the most probable path of each sequence, and log p(path, sequence). `x` (n, K) is overwritten."""
    cdef Chain chain = chain_of(packed)
    cdef Py_ssize_t s, a
    cdef double* work = scratch(chain.K)
    with nogil:
        for s in range(begin, end):
            a = first[s]
            log_probability[s] = best_path(&chain, &x[a, 0], &path[a], first[s + 1] - a, work)
    free(work)


def draw(const double[:, ::1] packed, bounds first, const double[::1] uniform,
         Py_ssize_t[::1] path):
    """Write a path for each sequence, drawn by `uniform` numbers, one for each row."""
    cdef Chain chain = chain_of(packed)
    cdef Py_ssize_t K = chain.K, s, t, j, drawn
    cdef double left, part
    with nogil:
        for s in range(first.shape[0] - 1):
            for t in range(first[s], first[s + 1]):
                left, drawn = uniform[t], 0
                for j in range(K):
                    part = chain.start[j] if t == first[s] else chain.A[path[t - 1] * K + j]
                    if part > 0.0 and left >= 0.0:  # rounding may leave a little: the last possible state takes it
                        left, drawn = left - part, j
                path[t] = drawn
