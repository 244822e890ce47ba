from numpy.typing import NDArray

def smooth(
    x: NDArray,
    alpha: NDArray,
    predictive: NDArray,
    packed: NDArray,
    first: NDArray,
    weight: NDArray,
    begin: int,
    end: int,
    counts: NDArray,
) -> float: ...
def smooth_along(
    x: NDArray,
    slope: NDArray,
    alpha: NDArray,
    d_alpha: NDArray,
    predictive: NDArray,
    d_predictive: NDArray,
    packed: NDArray,
    tangent: NDArray,
    first: NDArray,
    weight: NDArray,
    begin: int,
    end: int,
    d_counts: NDArray,
) -> None: ...
def filter(
    x: NDArray, alpha: NDArray, predictive: NDArray, packed: NDArray, first: NDArray, begin: int, end: int
) -> None: ...
def viterbi(
    x: NDArray, packed: NDArray, first: NDArray, begin: int, end: int, path: NDArray, log_probability: NDArray
) -> None: ...
def draw(packed: NDArray, first: NDArray, uniform: NDArray, path: NDArray) -> None: ...
