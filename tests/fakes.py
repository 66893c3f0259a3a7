"""A model that is a function: it answers each kind of prompt in the form that the prompt asks for."""

from prefgen.llm.request import Completion, Request

BLOCK = """[User Question Modified]
what of {seed}?
[The start of Assistant's answer to the modified instruction]
that is another matter, number {seed}
[The end of Assistant's answer to the modified instruction]"""


def writes(request: Request, seed: int) -> str | Completion:
    """Answers, perturbs, compares (A or B by the seed), scores, and gives log-probabilities by length."""
    asked = request.messages[-1]["content"]
    if request.given is not None:
        return Completion(request.given, logprobs=(-(sum(map(ord, request.given + asked)) % 97) / 10 - 0.1, -0.5))
    if "[User Question Modified]" in "".join(turn["content"] for turn in request.messages):
        return BLOCK.format(seed=seed)
    if "[The Start of Assistant A's Answer]" in asked:
        return f"Both are fine.\n\n[[{'AB'[seed % 2]}]]"
    if "Score: <total points>" in asked:
        return f"It will do.\n\nScore: {seed % 6}"
    return f"An answer, number {seed}."
