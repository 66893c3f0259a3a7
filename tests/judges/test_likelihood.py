import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.likelihood import likelihood

ROW: Row = {"prompt": [{"role": "user", "content": "why?"}], "response_a": "one two  three", "response_b": "four"}


def replies(*logprobs: tuple[float, ...]) -> list[Reply]:
    return [Reply("", logprobs=values, model="m/x", id=str(i)) for i, values in enumerate(logprobs)]


def test_the_mean_asks_each_response_under_the_prompt() -> None:
    asks = likelihood(model="m", by=["mean"]).asks(ROW)
    assert [ask.given for ask in asks] == ["one two  three", "four"]
    assert all(list(ask.messages) == ROW["prompt"] for ask in asks)


def test_the_channel_asks_the_prompt_under_each_response() -> None:
    asks = likelihood(model="m", by=["channel"]).asks(ROW)
    assert [ask.given for ask in asks] == ["why?", "why?"]
    assert "four" in asks[1].messages[0]["content"]


def test_the_formulas() -> None:
    judge = likelihood(model="m", by=["mean", "difference", "channel"])
    assert len(judge.asks(ROW)) == 8
    of_a = replies((-1.0, -3.0), (-1.0, -3.0), (-4.0, -6.0), (-2.0,))
    of_b = replies((-4.0,), (-4.0,), (-5.0,), (-1.0, -1.0))
    (made,) = judge.read_all(ROW, [*of_a, *of_b])
    assert made["score_a"] == pytest.approx(-2 + (-2 + 5) - 2)
    assert made["score_b"] == pytest.approx(-4 + (-4 + 5) - 1)
    assert made["verdict"] == "A"
    assert set(made) == set(likelihood.makes)


def test_first_words_cut_and_keep_white_space() -> None:
    asks = likelihood(model="m", by=["mean"], first_words=2).asks({**ROW, "response_a": "one  two\nthree four"})
    assert [ask.given for ask in asks] == ["one  two", "four"]


def test_equal_scores_and_missing_probabilities_are_no_verdict() -> None:
    judge = likelihood(model="m", by=["mean"])
    for given, status in ((replies((-1.0,), (-1.0,)), "conflicting"), (replies((), (-1.0,)), "empty")):
        with pytest.raises(Unreadable) as caught:
            judge.read_all(ROW, given)
        assert caught.value.status == status


def test_several_draws_of_a_probability_make_no_sense() -> None:
    with pytest.raises(ValueError, match="n: 1"):
        likelihood(model="m", by=["mean"], n=2)
