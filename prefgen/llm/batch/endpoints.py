"""Which models have batches, and who speaks to them."""

from prefgen.llm import anthropic, keys, openai
from prefgen.llm.batch.protocol import HALF, Endpoint
from prefgen.llm.client import Client
from prefgen.llm.keys import Account
from prefgen.llm.request import Model, Request

ACCOUNTS: dict[str, Account] = {"openai": openai.ACCOUNT, "anthropic": anthropic.ACCOUNT}


def has_batches(model: Model) -> bool:
    """Whether this model is asked in batches: at its provider's own address, or where its user says ``batch: true``."""
    account = ACCOUNTS.get(model.provider)
    if account is None or len(model.endpoints()) > 1:
        return False
    return keys.at_home(model, account) if model.batch is None else model.batch


def suits(request: Request) -> bool:
    """Whether a request may go in a batch; what only servers of one's own do, is asked online."""
    return request.given is None and request.grammar is None and has_batches(request.model)


def in_batches(client: Client) -> bool:
    """Whether this client asks in batches the models that have them."""
    return client.batches is not None and client.batches.sending


def share(model: Model, *, in_batches: bool) -> float:
    """Of the list price, what this model's replies cost in a run."""
    return HALF if in_batches and has_batches(model) else 1.0


def endpoint_of(model: Model) -> Endpoint:
    """Who speaks to this model's batches. Raises ProviderError where a key is missing, or may not go there."""
    if model.provider == "openai":
        from prefgen.llm.batch.openai import OpenAIBatches

        return OpenAIBatches(model)
    from prefgen.llm.batch.anthropic import AnthropicBatches

    return AnthropicBatches(model)


def told(models: list[Model]) -> list[str]:
    """Which models are asked how in a run that asks in batches, in words for the user."""
    uses = {model.use: has_batches(model) for model in models}
    lines = [
        f"{use} is asked in batches, at half price: each round may take up to a day" for use, has in uses.items() if has
    ]
    return lines + [f"{use} has no batches, and is asked online" for use, has in uses.items() if not has]
