"""Hidden Markov models whose `fit` takes no weights, under their own names: messages must have those.

Rows of a sequence have one weight, but scikit-learn's checks of weights give each row its own, which cannot be known to
be wrong. So what is checked with several states must not take weights; with one state, rows are independent and have
weights of their own. The classes have a module to themselves to be pickled by name.
"""

import skmix


class Unweighted:
    def fit(self, X, y=None, *, sequence_id=None, lengths=None):
        return super().fit(X, y, sequence_id=sequence_id, lengths=lengths)


class GaussianHMM(Unweighted, skmix.GaussianHMM):
    pass


class GMMHMM(Unweighted, skmix.GMMHMM):
    pass


class PoissonHMM(Unweighted, skmix.PoissonHMM):
    pass


class BernoulliHMM(Unweighted, skmix.BernoulliHMM):
    pass


class CategoricalHMM(Unweighted, skmix.CategoricalHMM):
    pass


class HiddenMarkovModel(Unweighted, skmix.HiddenMarkovModel):
    pass
