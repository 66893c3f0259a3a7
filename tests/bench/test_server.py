"""The bench's server: what it says can be read, is the same each time, and is counted."""

import asyncio
import json
from typing import Any

from bench.server import Connection, Counted, Server, completion
from prefgen.asker import Reply
from prefgen.judges.compare import compare
from prefgen.judges.score import score

ROW: dict[str, Any] = {
    "id": "p.0",
    "prompt_id": "p",
    "prompt": [{"role": "user", "content": "Why?"}],
    "response": "Because.",
    "response_a": "So.",
    "response_b": "Not so.",
}


def said(content: str, counted: Counted | None = None, **more: Any) -> list[str]:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    reply = json.loads(completion(json.dumps(body).encode(), counted or Counted()))
    assert [choice["index"] for choice in reply["choices"]] == list(range(len(reply["choices"])))
    return [choice["message"]["content"] for choice in reply["choices"]]


def test_the_same_request_gets_the_same_reply_the_first_time() -> None:
    assert said("Why?") == said("Why?")
    assert said("Why?") != said("Why not?")


def test_a_request_that_comes_again_gets_another_reply_and_is_counted() -> None:
    counted = Counted()
    first, second = said("Why?", counted), said("Why?", counted)
    assert first != second
    told = json.loads(counted.told())
    assert (told["requests"], told["repeated"], told["draws"]) == (2, 1, 2)


def test_draws_of_one_request_differ_and_n_is_no_word_of_the_prompt() -> None:
    assert len(set(said("Why?", n=4))) == 4
    assert len(said('{"n": 7}, "n": 8')) == 1


def test_a_judge_reads_scores_of_all_points() -> None:
    judge = score(model="m")
    (ask,) = judge.asks(ROW)
    texts = said(ask.messages[-1]["content"], n=50)
    read = [judge.read(ROW, Reply(text, "stop", (), "m", "00"))[0] for text in texts]
    assert {row["score"] for row in read} == {0, 1, 2, 3, 4, 5}
    assert all(row["judgment"] for row in read)


def test_a_judge_reads_verdicts_for_both() -> None:
    judge = compare(model="m")
    (ask,) = judge.asks(ROW)
    texts = said(ask.messages[-1]["content"], n=50)
    verdicts = {judge.read(ROW, Reply(text, "stop", (), "m", "00"))[0]["verdict"] for text in texts}
    assert verdicts >= {"A", "B"}


def test_usage_is_told() -> None:
    reply = json.loads(completion(b'{"model":"x","n":2}', Counted()))
    assert reply["model"] == "x"
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + reply["usage"]["completion_tokens"] > 0


class Wire(asyncio.Transport):
    """Remembers what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


def asked(body: bytes, path: str = "/v1/chat/completions") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def connected() -> tuple[Connection, Wire]:
    connection, wire = Connection(Server()), Wire()
    connection.connection_made(wire)
    return connection, wire


def bodies(written: bytes) -> list[dict[str, Any]]:
    return [json.loads(part.split(b"\r\n\r\n", 1)[1]) for part in written.split(b"HTTP/1.1 ")[1:]]


def test_requests_come_in_pieces_and_several_at_once() -> None:
    connection, wire = connected()
    whole = asked(b'{"model":"m"}') + asked(b'{"model":"n","n":2}')
    for place in range(0, len(whole), 7):
        connection.data_received(whole[place : place + 7])
    assert [(one["model"], len(one["choices"])) for one in bodies(wire.written)] == [("m", 1), ("n", 2)]
    at_once, all_of_it = connected()
    at_once.data_received(whole)
    assert all_of_it.written == wire.written


def test_counters_begin_anew_and_models_are_listed() -> None:
    connection, wire = connected()
    connection.data_received(asked(b"{}") + b"GET /counters HTTP/1.1\r\n\r\nGET /reset?latency=0.5 HTTP/1.1\r\n\r\n")
    connection.data_received(b"GET /v1/models HTTP/1.1\r\n\r\nGET /counters HTTP/1.1\r\n\r\n")
    _, counters, _, models, anew = bodies(wire.written)
    assert (counters["requests"], counters["most_in_flight"], counters["latency"]) == (1, 1, 0)
    assert models["data"][0]["id"] == "m"
    assert (anew["requests"], anew["other"], anew["latency"]) == (0, 1, 0.5)


def test_what_is_in_flight_is_counted_until_its_latency_is_over() -> None:
    async def several() -> dict[str, Any]:
        connection, wire = connected()
        connection.server.counted = Counted(latency=0.01)
        connection.data_received(asked(b'{"a":1}') + asked(b'{"a":2}'))
        assert (wire.written, connection.server.counted.in_flight) == (b"", 2)
        await asyncio.sleep(0.05)  # of two clocks of one loop the earlier rings first
        connection.data_received(b"GET /counters HTTP/1.1\r\n\r\n")
        return bodies(wire.written)[-1]

    told = asyncio.run(several())
    assert (told["requests"], told["most_in_flight"]) == (2, 2)
