"""What is worked out once for each model, and looked up for each request."""

from collections.abc import Callable
from typing import Generic, TypeVar

from prefgen.llm.request import Model

MANY = 10_000
"""Models after which all are forgotten, and worked out anew."""
T = TypeVar("T")


class ByModel(Generic[T]):
    """A function of a model, remembered. A model is known by its identity, since it holds mappings, which cannot be
    hashed; what the user's environment says counts as it was at first.
    """

    def __init__(self, work: Callable[[Model], T]) -> None:
        self._work = work
        self._found: dict[int, tuple[Model, T]] = {}

    def __call__(self, model: Model) -> T:
        """Its value for this model."""
        found = self._found.get(id(model))
        if found is None or found[0] is not model:
            if len(self._found) >= MANY:
                self.forget()
            found = self._found[id(model)] = (model, self._work(model))
        return found[1]

    def forget(self) -> None:
        """Works everything out anew."""
        self._found.clear()
