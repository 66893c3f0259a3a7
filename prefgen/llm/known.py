"""What a client knows of one model."""

from dataclasses import dataclass

from prefgen.llm.health import Health
from prefgen.llm.pace import Line
from prefgen.llm.request import Caching, Model, Provider


@dataclass(frozen=True)
class Known:
    """Who speaks to a model and by which name, where its requests wait, how its endpoints have done, and the model at
    each of them. ``together`` says whether one request may ask for several draws, ``caching`` how its provider keeps
    beginnings of prompts.
    """

    name: str
    provider: Provider
    line: Line
    health: Health
    endpoints: tuple[Model, ...]
    together: bool
    caching: Caching | None
