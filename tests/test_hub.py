"""A push to a loopback Hub, by the real clients: it loads as it was, it is whole or not there, and it says why not."""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest
from datasets import Dataset
from huggingface_hub.errors import HfHubHTTPError

from prefgen import load, run
from prefgen.errors import ProviderError, RunError, TryAgain
from prefgen.hub import files
from prefgen.hub.changes import There, change
from prefgen.hub.faults import retrying, told
from prefgen.hub.files import MANIFEST, File
from tests.fakes import writes
from tests.hub import ROOT, Account, Fault, Hub, Job, blob_id
from tests.layouts import SAMPLES
from tests.servers import OpenAIServer, Response
from tests.test_cli import recipe, written

LICENCE = "license=cc-by-4.0"


def made(folder: Path, take: int, *more: str) -> Path:
    """A run of so many prompts."""
    overrides = [f"models.{model}.use=fake/it" for model in ("writer", "judge")]
    found = load(ROOT / "recipes" / "self-taught-evaluators.yaml", [*overrides, *more])
    return run(found, folder, fakes={"it": writes}, take=take).folder


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("run"), 4, LICENCE)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of another recipe: without judgments, and with fewer rows."""
    return made(tmp_path_factory.mktemp("run"), 3, LICENCE, "write.judgments=null")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a licence, and with one config."""
    return made(tmp_path_factory.mktemp("run"), 2, "write.judgments=null", "write.judge_sft=null")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as one:
        yield one


def local(place: Path) -> dict[str, bytes]:
    """What a push of a run puts there."""
    found = files(place)
    return {p: f.source if isinstance(f.source, bytes) else f.source.read_bytes() for p, f in found.items()}


def there(hub: Hub, name: str = "me/mine", revision: str = "main") -> dict[str, bytes]:
    """What the Hub has, less its own file."""
    whole = hub.repos[name].files(revision)
    return {path: blob.content for path, blob in whole.items() if path != ".gitattributes"}


def wrote(hub: Hub) -> list[str]:
    """The requests that changed something."""
    asks = ("/api/validate-yaml", "/paths-info/")
    return [
        line for line in hub.requests if line.split()[0] not in {"GET", "HEAD"} and not any(a in line for a in asks)
    ]


# --- what is pushed --------------------------------------------------------------------------


def test_the_files_of_a_run_are_its_dataset_its_recipe_and_what_is_public_of_its_manifest(four: Path) -> None:
    found = files(four)
    of_dataset = {p.relative_to(four / "dataset").as_posix() for p in (four / "dataset").rglob("*") if p.is_file()}
    assert set(found) == {"prefgen/recipe.yaml", "prefgen/run.json", *of_dataset}
    one = found["README.md"]
    content = (four / "dataset" / "README.md").read_bytes()
    assert (one.size, one.git, one.sha256) == (
        len(content),
        blob_id(content),
        json.loads(local(four)["prefgen/run.json"])["files"]["README.md"]["sha256"],
    )


def test_a_repetition_pushes_the_same_bytes(four: Path, tmp_path: Path) -> None:
    again = made(tmp_path, 4, LICENCE)
    same = made(tmp_path, 4, LICENCE)  # everything from the journal: no call, other seconds
    assert local(again) == local(same) == local(four)


def test_the_manifest_names_no_address_no_key_and_no_money(tmp_path: Path) -> None:
    with OpenAIServer(written) as server:
        found = load(
            recipe(tmp_path, server.base_url),
            ["models.it.price={input: 1, output: 2}", "max_cost=5", "models.it.max_tokens=99"],
        )
        place = run(found, tmp_path / "run").folder
    told = json.loads(local(place)["prefgen/run.json"])
    assert told["models"] == {"it": [{"use": "openai/it", "max_tokens": 99}]}
    text = json.dumps(told)
    assert not [
        word for word in ("127.0.0.1", "spent", "seconds", "calls", "dollars", "max_cost", "tables/") if word in text
    ]
    assert [step["rows_out"] for step in told["steps"]][:2] == [20, 40]


def damage(place: Path, how: str) -> None:
    shard = next((place / "dataset" / "preferences").glob("*.parquet"))
    if how == "changed":
        shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    elif how == "gone":
        shard.unlink()
    elif how == "no dataset":
        told = json.loads((place / "run.json").read_text())
        (place / "run.json").write_text(json.dumps({**told, "dataset": {}, "status": "BudgetReached"}))
    else:
        (place / "run.json").write_text("{")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("changed", "was changed since the run wrote it"),
        ("gone", "is gone"),
        ("no dataset", "(budget reached) without a dataset"),
        ("torn", "cannot be read"),
    ],
)
def test_a_run_that_is_not_as_it_was_written_is_not_pushed(how: str, words: str, four: Path, tmp_path: Path) -> None:
    shutil.copytree(four, tmp_path / "mine")
    damage(tmp_path / "mine", how)
    with pytest.raises(RunError, match=r"run (the|its) recipe again") as e:
        files(tmp_path / "mine")
    assert words in str(e.value)


# --- it loads --------------------------------------------------------------------------------

LOADS = """
import json, os, sys
from datasets import get_dataset_config_names, load_dataset
main, other = sys.argv[1:]
same = {}
for folder, revision in ((main, None), (other, "v2"), (other, "refs/pr/1")):
    names = get_dataset_config_names("me/mine", revision=revision)
    assert sorted(names) == sorted(get_dataset_config_names(folder)), names
    for name in [*names, None]:
        here = load_dataset(folder, name)
        hub = load_dataset("me/mine", name, revision=revision)
        far = load_dataset("me/mine", name, revision=revision, streaming=True)
        for split in here:
            rows = here[split].to_list()
            assert rows and here[split].features == hub[split].features
            same[f"{revision} {name} {split}"] = [rows == hub[split].to_list(), rows == list(far[split])]
        assert set(here) == set(hub) == set(far)
print(json.dumps(same), flush=True)
os._exit(0)  # a reading thread of a stream that is left alone may abort a process that ends in the usual way
"""


def test_every_config_loads_as_it_was_written_of_a_revision_too_and_streaming(
    hub: Hub, four: Path, three: Path, tmp_path: Path
) -> None:
    """And `hf download` brings every byte."""
    jobs = [
        ["push", str(four), "me/mine"],
        ["push", str(three), "me/mine", "--revision", "v2"],
        ["push", str(three), "me/mine", "--pr"],
    ]
    said = hub.did([Job(words) for words in jobs], tmp_path / "home")
    assert [one.code for one in said] == [0, 0, 0], said
    assert said[0].out.startswith(f"pushed: {len(local(four))} new, 0 changed, 0 deleted, 0 as they are; ")
    assert said[1].out.endswith("/datasets/me/mine/tree/v2\n")
    assert said[2].out.endswith("/datasets/me/mine/discussions/1\n")
    environment = {**os.environ, **hub.environment(tmp_path / "home")}
    child = [sys.executable, "-c", LOADS, str(four / "dataset"), str(three / "dataset")]
    done = subprocess.run(child, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same = json.loads(done.stdout.splitlines()[-1])
    assert set(map(tuple, same.values())) == {(True, True)}
    assert {"None preferences train", "v2 preferences train", "refs/pr/1 None train"} <= set(same)
    hf = [
        str(Path(sys.executable).parent / "hf"),
        "download",
        "me/mine",
        "--repo-type",
        "dataset",
        "--local-dir",
        str(tmp_path / "down"),
    ]
    assert subprocess.run(hf, env=environment, capture_output=True, check=False).returncode == 0
    assert {path: (tmp_path / "down" / path).read_bytes() for path in local(four)} == local(four)


def test_a_repeat_makes_no_commit_and_another_run_takes_the_place_of_the_first(
    hub: Hub, four: Path, three: Path, tmp_path: Path
) -> None:
    """What is gone is deleted in the same commit, what is somebody else's is left."""
    hub.made("me/mine", {"notes.txt": b"theirs", "README.md": b"# by hand"}, private=True)
    words = ["push", str(four), "me/mine"]
    dry, first, again, other, told = hub.did(
        [
            Job([*words, "--dry-run"]),
            Job(words),
            Job(words),
            Job(["push", str(three), "me/mine"]),
            Job(["push", str(three), "me/mine", "--dry-run", "--json"]),
        ],
        tmp_path / "home",
    )
    whole = len(local(four))
    assert "changed  README.md (" in dry.out
    assert f"would push: {whole - 1} new, 1 changed, 0 deleted, 0 as they are" in dry.out
    assert "note: others changed these on the Hub, and they are to be as the run has them: README.md" in " ".join(
        first.told.split()
    )
    assert "not prefgen's is left as it is: notes.txt" in " ".join(first.told.split())
    assert first.out.startswith(f"pushed: {whole - 1} new, 1 changed, 0 deleted, 0 as they are; ")
    assert again.out.startswith(f"nothing to push: all of its {whole} files are there as they are; http")
    assert "1 deleted" in other.out
    assert "others changed" not in other.told
    assert {"new": {}, "changed": {}, "deleted": [], "left": ["notes.txt"], "made": False}.items() <= json.loads(
        told.out
    ).items()
    assert there(hub) == {**local(three), "notes.txt": b"theirs"}
    assert len(hub.repos["me/mine"].titles()) == 3  # theirs, and two of ours
    assert hub.repos["me/mine"].titles()[0] == "self-taught-evaluators, by prefgen 0.1.0"


def ids(found: dict[str, bytes], config: str, key: str) -> list[str]:
    """The ids of all rows of a config, file by file."""
    files = [content for path, content in sorted(found.items()) if path.startswith(f"{config}/")]
    return [one for content in files for one in pl.read_parquet(content)[key].to_list()]


def test_a_second_run_is_added_to_the_first_in_files_of_its_own(hub: Hub, four: Path, tmp_path: Path) -> None:
    """Once, however often it is pushed; and to nothing but what was looked at."""
    two = made(tmp_path / "two", 2, LICENCE)
    words = ["push", str(four), "me/mine", "--append"]
    jobs = [Job(["push", str(two), "me/mine"]), Job([*words, "--dry-run"]), Job(words), Job(words)]
    first, dry, more, again = hub.did([*jobs, Job(["push", str(four), "me/new", "--append"])], tmp_path / "home")[:4]
    assert (first.code, dry.code, more.code, again.code) == (0, 0, 0, 0), more
    assert dry.out.splitlines()[-1].removeprefix("would push: ") in more.out
    assert again.out.startswith("nothing to push")
    assert len(hub.repos["me/mine"].titles()) == 2
    assert there(hub, "me/new") == local(four)
    found, before, after = there(hub), local(two), local(four)
    shard = "preferences/train-00000-of-00001.parquet"
    assert found[shard] == before[shard]
    for config, key in (("preferences", "pair_id"), ("judgments", "judgment_id")):
        old, new = ids(before, config, key), ids(after, config, key)
        assert ids(found, config, key) == [*old, *(one for one in new if one not in old)] != old
    assert json.loads(found["prefgen/run.json"])["dataset"]["preferences"] == {
        "train": len(ids(found, "preferences", "pair_id"))
    }
    fault = Fault("/commit/", "other")
    (said,) = hub.did(
        [Job(["push", str(made(tmp_path / "six", 6, LICENCE)), "me/mine", "--append"], faults=[fault])],
        tmp_path / "home",
    )
    assert (said.code, "somebody else has pushed to me/mine meanwhile" in said.told) == (4, True), said


def test_adding_takes_the_place_of_nothing_and_pushes_what_was_checked_alone(
    hub: Hub, four: Path, tmp_path: Path
) -> None:
    """Rows that prefgen did not push, a manifest that cannot be read, and files that lie beside the dataset."""
    two, words = made(tmp_path / "two", 2, LICENCE), ["me/mine", "--append"]
    shard = there_of(two)["preferences/train-00000-of-00001.parquet"]
    hub.made("me/theirs", {"preferences/train-00000-of-00001.parquet": shard}, private=True)
    hub.made("me/broken", there_of(two) | {"prefgen/run.json": b"{oops"}, private=True)
    mine = Path(shutil.copytree(four, tmp_path / "mine"))
    (mine / "dataset" / "notes.txt").write_text("hf_secret")
    jobs = [["push", str(mine), name, "--append"] for name in ("me/theirs", "me/broken")]
    jobs += [["push", str(two), words[0]], ["push", str(mine), *words], ["push", str(two), *words]]
    said = hub.did([Job(job) for job in jobs], tmp_path / "home")
    assert [one.code for one in said] == [1, 1, 0, 0, 0], said
    assert all("is not from prefgen" in one.last for one in said[:2])
    assert there(hub, "me/theirs")["preferences/train-00000-of-00001.parquet"] == shard
    assert said[4].out.startswith("nothing to push"), "its rows are there"
    assert not any("notes" in path or b"hf_secret" in content for path, content in there(hub).items())


def there_of(run: Path) -> dict[str, bytes]:
    return {path: content for path, content in local(run).items() if not path.startswith("prefgen/")}


READS = """
recipe: again
steps:
  pairs: {load_pairs: them/helpsteer}
write: {preferences: pairs}
"""


def test_what_others_published_is_read_filtered_and_published_again(hub: Hub, tmp_path: Path) -> None:
    """By the layout's columns alone, from the Hub and onto it."""
    rows = next(sample.rows for sample in SAMPLES if sample.layout == "helpsteer3")
    content = io.BytesIO()
    Dataset.from_list(rows).to_parquet(content)
    hub.made("them/helpsteer", {"data/train-00000-of-00001.parquet": content.getvalue()}, private=False)
    (tmp_path / "r.yaml").write_text(READS)
    words = ["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run"), "-q", "--push", "me/again"]
    (said,) = hub.did([Job(words)], tmp_path / "home")
    assert said.code == 0, said
    assert "note: reads them/helpsteer as helpsteer3" in " ".join(said.told.split())
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert told["steps"][0]["dropped"] == {"empty response": 1, "no preference": 1, "tie": 1}
    assert len(ids(there(hub, "me/again"), "preferences", "pair_id")) == told["steps"][0]["rows_out"] == 2


def test_a_dry_run_changes_nothing(hub: Hub, four: Path, tmp_path: Path) -> None:
    (said,) = hub.did([Job(["push", str(four), "me/new", "--dry-run"])], tmp_path)
    assert said.out.splitlines()[0] == "would create me/new"
    assert f"new      README.md ({(four / 'dataset' / 'README.md').stat().st_size:,} bytes)" in said.out.splitlines()
    assert (wrote(hub), hub.repos) == ([], {})


def test_visibility_gates_branches_and_pull_requests(hub: Hub, four: Path, three: Path, tmp_path: Path) -> None:
    hub.made("you/theirs", {"README.md": b"# theirs"})
    one, another = ["push", str(four)], ["push", str(three)]
    said = hub.did(
        [
            Job([*one, "me/mine"]),
            Job([*one, "me/open", "--public", "--gated", "manual"]),
            Job([*one, "me/mine", "--public"]),
            Job([*one, "you/theirs", "--pr", "--public"]),
            Job([*one, "you/theirs", "--pr", "--public"]),
            Job([*another, "me/mine", "--public", "--revision", "v2"]),
            Job([*another, "me/mine", "--public", "--pr"]),
            Job([*one, "me/mine", "--public", "--revision", "refs/pr/2"]),
            Job([*one, "ours/mine"]),
        ],
        tmp_path,
    )
    assert [one.code for one in said] == [0] * 9, said
    mine, public, theirs = (hub.repos[name] for name in ("me/mine", "me/open", "you/theirs"))
    assert (mine.private, public.private, public.gated, hub.repos["ours/mine"].private) == (
        False,
        False,
        "manual",
        True,
    )
    assert "nothing to push" in said[2].out
    assert "PUT /api/datasets/me/mine/settings" in hub.requests
    assert said[3].out.endswith("/datasets/you/theirs/discussions/1\n")
    assert (
        said[4].out
        == f"nothing to push: all of its {len(local(four))} files are there as they are; {hub.url}/datasets/you/theirs/discussions/1\n"
    )
    assert there(hub, "you/theirs") == {"README.md": b"# theirs"}
    assert len(theirs.prs) == 1
    assert there(hub) == there(hub, revision="refs/pr/2") == local(four)
    assert there(hub, revision="v2") == local(three)


# --- a push that cannot succeed --------------------------------------------------------------

TOKENS = {
    "hf_mine_0123456789": Account("me", orgs={"ours": "write", "theirs": "read"}),
    "hf_read_0123456789": Account("me", role="read"),
    "hf_fine_0123456789": Account(
        "me", role="fineGrained", scoped={"else": ["repo.write"], "me": ["repo.content.read"]}
    ),
}


def refusals(four: Path, bare: Path, tmp_path: Path) -> list[tuple[Job, int, str]]:
    run_, no_licence, mine = str(four), str(bare), "me/mine"
    nowhere = str(tmp_path / "nowhere")
    return [
        (Job(["push", run_, "mine"]), 2, "error: 'mine' is no name of a dataset on the Hub; it looks like owner/name"),
        (Job(["push", run_, "me/a--b"]), 2, "error: 'me/a--b' is no name of a dataset on the Hub; letters, digits"),
        (Job(["push", run_, mine, "--gated", "maybe"]), 2, "error: --gated 'maybe'; choose from auto, manual"),
        (
            Job(["push", run_, mine, "--pr", "--revision", "v2"]),
            2,
            "error: --pr opens a pull request against main; push into v2 without",
        ),
        (
            Job(["push", run_, mine, "--pr", "--gated", "auto"]),
            2,
            "error: --gated is a setting of the dataset, and --pr changes none",
        ),
        (
            Job(["push", run_, mine, "--revision", "refs/x"]),
            2,
            "error: --revision 'refs/x' is no branch; name a branch",
        ),
        (
            Job(["push", run_, mine, "--revision", "refs/pr/9"]),
            2,
            "error: no dataset me/mine is there to open a pull request against",
        ),
        (Job(["push", run_, mine, "--pr"]), 2, "error: no dataset me/mine is there to open a pull request against"),
        (
            Job(["push", run_, "you/mine"]),
            4,
            "error: you is neither me nor an organisation of me's; push to me/mine, or open a pull request",
        ),
        (
            Job(["push", run_, "theirs/mine"]),
            4,
            "error: me is in theirs with the role read, which does not let one write",
        ),
        (
            Job(["push", run_, "me/public"]),
            2,
            "error: me/public is public, and so would be what is pushed; add --public if that is meant",
        ),
        (
            Job(["push", no_licence, mine, "--public"]),
            2,
            "error: me/mine would be public without a licence; run the recipe again with --set license=",
        ),
        (
            Job(["push", run_, "me/loads"]),
            1,
            "error: preferences/train-9.parquet on the Hub is not from prefgen, and would be loaded with this dataset",
        ),
        (Job(["push", nowhere, mine]), 1, "no run is here; name a run's folder, such as runs/quickstart"),
        (
            Job(["push", run_, "me/closed"], [Fault("auth-check", 403, message="locked")]),
            4,
            "error: the Hub does not let this token write to me/closed (403: locked)",
        ),
        (
            Job(["push", run_, mine], [Fault("validate-yaml", 500, times=99)], env={"HF_TOKEN": "hf_nobodys_456789"}),
            4,
            "error: the Hub does not take the token (401",
        ),
        (
            Job(["push", run_, mine], env={"HF_TOKEN": "hf_read_0123456789"}),
            4,
            "error: the token of me may only read; set HF_TOKEN to one with write right",
        ),
        (
            Job(["push", run_, mine], env={"HF_TOKEN": "hf_fine_0123456789"}),
            4,
            "error: the token has no right to write to the repositories of me",
        ),
        (
            Job(["push", run_, mine], env={"HF_TOKEN": "hf_bad\u00e9 token"}),
            2,
            "error: HF_TOKEN holds characters that no token has; set it again",
        ),
        (
            Job(["push", run_, mine], env={"HF_TOKEN": ""}),
            2,
            "error: a push needs a token of the Hub, and none is set; set HF_TOKEN",
        ),
    ]


def test_a_push_that_cannot_succeed_is_found_before_the_first_byte_and_told_in_a_line(
    four: Path, bare: Path, tmp_path: Path
) -> None:
    cases = refusals(four, bare, tmp_path)
    with Hub(TOKENS) as hub:
        hub.made("me/public")
        hub.made("me/closed", private=True)
        hub.made("me/loads", {"preferences/train-9.parquet": b"theirs"}, private=True)
        before = {name: dict(repo.files()) for name, repo in hub.repos.items()}
        for (job, code, words), said in zip(
            cases, hub.did([job for job, _, _ in cases], tmp_path / "home"), strict=True
        ):
            assert (said.code, said.out) == (code, ""), (job, said)
            assert words in said.last, (job, said)
            assert len([line for line in said.told.splitlines() if not line.startswith("note: ")]) == 1, said
            assert not [token for token in TOKENS if token in said.told]
        assert wrote(hub) == []
        assert {name: dict(repo.files()) for name, repo in hub.repos.items()} == before


def test_offline_is_told_and_an_unreachable_hub_too(hub: Hub, four: Path, tmp_path: Path) -> None:
    words = ["push", str(four), "me/mine"]
    (said,) = hub.did([Job(words)], tmp_path, HF_HUB_OFFLINE="1")
    assert (said.code, said.told) == (2, "error: HF_HUB_OFFLINE is set, and a push needs the Hub; unset it\n")
    (said,) = hub.did([Job(["at once", str(four), "me/mine"], [Fault("whoami", "close", times=99)])], tmp_path)
    assert said.code == "ProviderError"
    assert (
        said.last
        == "error: the connection to the Hub broke (RemoteProtocolError), 6 times; push again: it goes on where it stopped"
    )


WRONG = {
    "license=apache2": "error: the Hub knows no licence 'apache2'; did you mean 'apache-2.0'?",
    "language=[english]": 'error: the Hub does not take the card\'s YAML: "language" english must be an ISO 639 code',
}


def test_a_run_that_ends_in_a_push_that_cannot_succeed_asks_no_model(hub: Hub, tmp_path: Path) -> None:
    """And pushes in the end where it can; where some requests failed, it is told how to push it as it is."""

    def refusing(body: dict[str, Any]) -> Any:
        odd = "question 7?" in body["messages"][-1]["content"]
        return Response({"error": {"message": "I will not", "code": "content_filter"}}, 400) if odd else written(body)

    with OpenAIServer(written) as server, OpenAIServer(refusing) as partly:
        words = ["run", str(recipe(tmp_path, server.base_url)), "-q", "--out", str(tmp_path / "run")]
        wrong = [[*words, "--push", "you/mine"], [*words, "--push", "me/mine", "--public"]]
        wrong += [[*words, "--push", "me/mine", "--set", one] for one in WRONG]
        hub.made("me/full", {"preferences/train-x.parquet": b"theirs"}, private=True)
        wrong += [
            [*words, "--push", "me/full"],
            [*words, "--public"],
            [*words, "--push", "me/mine", "--set", "write.preferences=null"],
        ]
        said = hub.did([Job(line) for line in wrong], tmp_path / "home")
        assert [one.code for one in said] == [4, 2, 2, 2, 1, 2, 2], said
        assert "preferences/train-x.parquet on the Hub is not from prefgen" in said[4].last
        assert [one.last for one in said[2:4]] == list(WRONG.values())
        assert len(server.requests) == 0
        assert not (tmp_path / "run").exists()
        well = [*words, "--push", "me/mine", "--public", "--set", "license=mit"]
        some = [
            *words[:-1],
            str(tmp_path / "some"),
            "--push",
            "me/some",
            "--set",
            f"models.it.base_url={partly.base_url}",
        ]
        good, again, part = hub.did([Job(well), Job([*well, "--json"]), Job(some)], tmp_path / "home")
    assert good.code == again.code == 0, good
    assert good.out.splitlines()[-1].startswith(f"pushed: {len(local(tmp_path / 'run'))} new")
    assert "note: http://127.0.0.1:" in good.told  # the recipe's address is pushed with it
    assert json.loads(again.out)["status"] == "finished"
    assert "nothing to push" in again.told
    assert there(hub) == local(tmp_path / "run")
    assert len(hub.repos["me/mine"].titles()) == 1
    assert part.code == 5
    assert "nothing was pushed: `prefgen push" in " ".join(part.told.split())
    assert "me/some" not in hub.repos


# --- faults ----------------------------------------------------------------------------------


def answered(status: int, **headers: str) -> BaseException:
    response = httpx2.Response(
        status, headers=headers, json={"error": "why"}, request=httpx2.Request("GET", "http://x/?sig=1")
    )
    return HfHubHTTPError("for url http://x/?sig=1", response=response)


BUSY = {"ratelimit": '"api";r=0;t=55', "retry-after": "7"}
TOLD = [
    (answered(429, **BUSY), TryAgain, "the Hub is busy (429: why)", 55.0),
    (answered(503, **{"retry-after": "7"}), TryAgain, "the Hub is busy (503: why)", 7.0),
    (answered(500, **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), TryAgain, "the Hub is busy (500: why)", None),
    (answered(409), ProviderError, "the Hub does not take this push to me/mine (409: why)", None),
    (httpx2.ReadTimeout("slow"), TryAgain, "the connection to the Hub broke (ReadTimeout)", None),
    (ConnectionError("xet"), TryAgain, "the connection to the Hub broke (ConnectionError)", None),
    (ValueError("LFS batch API returned errors: hf_mine_0123456789"), ProviderError, "the Hub does not take this push to me/mine: LFS batch API returned errors: [key]", None),
    (OSError(28, "No space left on device", "/tmp/x"), RunError, "/tmp/x: No space left on device; push again: it goes on where it stopped", None),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "words", "wait"), TOLD, ids=[str(i) for i in range(len(TOLD))])
def test_each_fault_is_told_in_our_words(error: BaseException, kind: type, words: str, wait: float | None) -> None:
    found = told(error, "me/mine", "hf_mine_0123456789")
    assert (type(found), str(found), getattr(found, "wait", None)) == (kind, words, wait)


def test_waits_are_those_that_the_hub_asks_for_and_end() -> None:
    waits: list[float] = []

    def asked() -> None:
        raise TryAgain("busy", "busy", attempts=4, wait=30.0 if len(waits) < 1 else 9000.0 if len(waits) < 2 else None)

    with pytest.raises(TryAgain):
        retrying(lambda _: None, waits.append, random.Random(1))(asked)
    assert len(waits) == 3
    assert 30.0 <= waits[0] <= 31.0
    assert 600.0 <= waits[1] <= 601.0
    assert 0.0 <= waits[2] <= 4.0


def shard(name: str, content: bytes = b"ours") -> File:
    return File(name, content, len(content), hashlib.sha256(content).hexdigest(), blob_id(content))


def on_hub(content: bytes = b"ours", *, lfs: bool = True) -> There:
    return There(len(content), blob_id(content), hashlib.sha256(content).hexdigest() if lfs else None)


def test_a_change_deletes_our_own_and_leaves_what_is_others() -> None:
    """Whatever stands in the manifest on the Hub, which its writers may have edited."""
    ours = {path: shard(path) for path in ("a/train-0.parquet", "README.md", MANIFEST)}
    head = {
        "README.md": on_hub(b"edited", lfs=False),
        "a/train-0.parquet": on_hub(),
        "a/train-1.parquet": on_hub(),
        "b/train-0.parquet": on_hub(),
        "prefgen/old.json": on_hub(lfs=False),
        ".gitattributes": on_hub(),
        "notes.txt": on_hub(),
    }
    last: dict[str, dict[str, object]] = {
        "a/train-1.parquet": {"size": [], "sha256": {}},
        "README.md": {},
        "nowhere": {},
    }
    found = change(ours, head, last)
    assert [one.path for one in found.add] == [MANIFEST]
    assert [one.path for one in found.replace] == ["README.md"]
    assert [one.path for one in found.same] == ["a/train-0.parquet"]
    assert found.delete == ("a/train-1.parquet", "prefgen/old.json")
    assert found.left == ("b/train-0.parquet", "notes.txt")
    assert found.theirs == ("README.md", "a/train-1.parquet", "prefgen/old.json")
    assert change({"a/train-0.parquet": ours["a/train-0.parquet"]}, {"b/train-0.parquet": on_hub()}, {}).left
    with pytest.raises(RunError, match=r"a/train-1\.parquet on the Hub is not from prefgen"):
        change(ours, head, {})
    assert not change(ours, {path: on_hub(lfs=path.endswith(".parquet")) for path in ours}, {})


LIMIT = {"ratelimit": '"api";r=0;t=0', "ratelimit-policy": '"fixed window";"api";q=500;w=300'}


def test_a_commit_that_fails_is_made_once(hub: Hub, bare: Path, tmp_path: Path) -> None:
    """Whatever goes wrong with it: it was never made, or its answer was lost, or somebody else was first."""
    cases = {
        "a": ([Fault("/commit/", 429, headers=LIMIT)], 1, ""),
        "b": ([Fault("/commit/", 503, times=3)], 1, ""),
        "c": ([Fault("/commit/", "lost")], 1, ""),
        "d": ([Fault("/commit/", "lost"), Fault("/revision/main", 503, times=2, after=1)], 1, ""),
        "e": ([Fault("/commit/", "close")], 1, ""),
        "f": (
            [Fault("/commit/", "other")],
            2,
            "somebody else has pushed there meanwhile; going on from what is there now",
        ),
        "g": ([Fault("/create", "lost"), Fault("/settings", "lost")], 1, ""),
        "h": ([Fault("/commit/", 412)], 1, "somebody else has pushed there meanwhile"),
    }
    jobs = [Job(["at once", str(bare), f"me/{name}"], faults) for name, (faults, _, _) in cases.items()]
    for (name, (_, commits, words)), said in zip(cases.items(), hub.did(jobs, tmp_path), strict=True):
        assert (said.code, said.out) == (0, f"{hub.url}/datasets/me/{name} True\n"), (name, said)
        assert len(hub.repos[f"me/{name}"].titles()) == commits, name
        assert words in said.told
        assert local(bare).items() <= there(hub, f"me/{name}").items()
    assert "other-1.txt" in there(hub, "me/f")


def test_a_pull_request_whose_answer_is_lost_is_opened_once(hub: Hub, bare: Path, tmp_path: Path) -> None:
    hub.made("you/theirs", private=False)
    hub.accounts[hub.token] = Account("me")
    how = {"pr": True, "public": True}
    licensed = [Job(["at once", str(bare), "you/theirs"], [Fault("/commit/", "lost")], how=how)]
    (said,) = hub.did(licensed, tmp_path)
    assert "would be public without a licence" in said.last
    place = made(tmp_path / "run", 2, LICENCE, "write.judgments=null", "write.judge_sft=null")
    (said,) = hub.did([Job(["at once", str(place), "you/theirs"], [Fault("/commit/", "lost")], how=how)], tmp_path)
    assert (said.code, said.out) == (0, f"{hub.url}/datasets/you/theirs/discussions/1 True\n"), said
    assert list(hub.repos["you/theirs"].prs) == [1]


def test_what_the_hub_refuses_for_good_is_one_line(hub: Hub, bare: Path, tmp_path: Path) -> None:
    """Without signed addresses or the token, though the Hub says it back."""
    say = f"no: Bearer {hub.token}"
    cases = [
        ([Fault("PUT /lfs", 403, times=9, message="Request has expired")], "ProviderError", "the Hub does not let this token write to me/mine (403: Request has expired)"),
        ([Fault("/commit/", 403, message=say)], "ProviderError", "does not let this token write to me/mine (403: no: Bearer [key])"),
        ([Fault("/commit/", 413, message="Payload too large")], "ProviderError", "error: the Hub does not take this push to me/mine (413: Payload too large)"),
        ([Fault("/commit/", 503, times=99)], "ProviderError", "error: the Hub is busy (503: come back later), 6 times; push again"),
        ([Fault("/commit/", "other", times=99)], "ProviderError", "error: somebody else keeps pushing to me/mine; push again"),
        ([Fault("/repos/create", 403, message="quota")], "ProviderError", "does not let this token write to me/new (403: quota)"),
    ]  # fmt: skip
    jobs = [Job(["at once", str(bare), "me/mine"], faults) for faults, _, _ in cases[:-1]]
    jobs.append(Job(["at once", str(bare), "me/new"], cases[-1][0]))
    for (_, code, words), said in zip(cases, hub.did(jobs, tmp_path), strict=True):
        assert said.code == code, said
        assert words in said.last
        assert len([line for line in said.told.splitlines() if line.startswith("error: ")]) == 1
        assert "Signature" not in said.told
        assert hub.token not in said.told
    assert "prefgen/run.json" not in there(hub)


def test_what_the_hub_leaves_out_is_told(hub: Hub, bare: Path, tmp_path: Path) -> None:
    hub.made("me/mine", {".gitignore": b"*.json\n"}, private=True)
    (said,) = hub.did([Job(["at once", str(bare), "me/mine"])], tmp_path)
    assert said.code == "RunError"
    assert (
        said.last
        == "error: the Hub left out of the commit what a .gitignore there names: prefgen/run.json; change that file on the Hub, then push again"
    )


@pytest.mark.slow
def test_one_fault_at_a_request_that_anything_may_meet(hub: Hub, bare: Path, tmp_path: Path) -> None:
    """LFS answers that are lost or late, and a slow upload."""
    faults = [Fault("objects/batch", "lost"), Fault("preupload", 503), Fault("PUT /lfs", "slow")]
    (said,) = hub.did([Job(["at once", str(bare), "me/mine"], faults)], tmp_path)
    assert said.code == 0, said
    assert there(hub) == local(bare)
    assert "503" not in said.told  # the library's own lines name addresses


WAYS = 4
"""Hubs at once: a push waits after a fault, and a machine has other things to do meanwhile."""


@pytest.mark.slow
def test_a_fault_at_every_request_in_turn_ends_in_one_complete_commit(bare: Path, three: Path, tmp_path: Path) -> None:
    """Of each kind; of a first push, and of one that takes the place of another."""
    first, second = (Job(["at once", str(place), "me/mine"]) for place in (bare, three))
    with Hub() as hub:
        hub.did([first], tmp_path)
        to_make = len(hub.requests)
        hub.did([second], tmp_path)
        to_change = len(hub.requests) - to_make
    kinds: tuple[Any, ...] = (503, "close", "lost")
    made, changed = ([(then, n) for then in kinds for n in range(most)] for most in (to_make, to_change))

    def tried(way: int) -> None:
        home = tmp_path / str(way)
        one, other = (
            shutil.copytree(place, home / place.name) for place in (bare, three)
        )  # a push holds its run's folder
        on = {f"me/at-{then}-{n}": (one, Fault("", then, after=n)) for then, n in made[way::WAYS]}
        over = {f"me/on-{then}-{n}": (other, Fault("", then, after=n)) for then, n in changed[way::WAYS]}
        with Hub() as hub:
            for name in over:
                hub.made(name, local(bare), private=True)
            jobs = {name: Job(["at once", str(place), name], [fault]) for name, (place, fault) in (on | over).items()}
            said = dict(zip(jobs, hub.did([*jobs.values()], home), strict=True))
            assert {name: did for name, did in said.items() if did.code != 0} == {}
            assert {tuple(hub.repos[name].titles()) for name in on} == {("self-taught-evaluators, by prefgen 0.1.0",)}
            assert {len(hub.repos[name].titles()) for name in over} == {2}
            assert [name for name in on if there(hub, name) != local(bare)] == []
            assert [name for name in over if there(hub, name) != local(three)] == []

    with ThreadPoolExecutor(WAYS) as pool:
        assert len([*pool.map(tried, range(WAYS))]) == WAYS


@pytest.mark.slow
def test_ctrl_c_is_a_line_and_the_same_command_goes_on(hub: Hub, bare: Path, tmp_path: Path) -> None:
    hub.faults = [Fault("PUT /lfs", "hold", after=1)]
    words = [sys.executable, str(ROOT / "cli.py"), "push", str(bare), "me/mine"]
    with subprocess.Popen(
        words, env={**os.environ, **hub.environment(tmp_path)}, stderr=subprocess.PIPE, text=True
    ) as child:
        assert hub.reached.wait(60)
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=60)[1]
    hub.released.set()
    assert child.returncode == 130
    assert said.splitlines()[-1] == "stopped; what was uploaded is kept. push again: it goes on where it stopped"
    assert "Traceback" not in said
    assert [one.code for one in hub.did([Job(["push", str(bare), "me/mine"])], tmp_path)] == [0]
    assert there(hub) == local(bare)


@pytest.mark.slow
def test_where_xet_is_on_and_not_served_it_is_a_line(hub: Hub, bare: Path, tmp_path: Path) -> None:
    """This Hub has no Xet, which clients take where it is installed; see docs/hub.md."""
    pytest.importorskip("hf_xet")
    (said,) = hub.did([Job(["at once", str(bare), "me/mine"])], tmp_path, HF_HUB_DISABLE_XET="0")
    assert said.code == "ProviderError"
    assert (
        said.last
        == "error: the connection to the Hub broke (ConnectionError), 6 times; push again: it goes on where it stopped"
    )


@pytest.mark.slow
@pytest.mark.parametrize("then", ["hold", "keep"])
@pytest.mark.parametrize(
    "at", ["/repos/create", "/preupload/", "objects/batch", "PUT /lfs", "objects/verify", "/commit/"]
)
def test_a_push_that_is_killed_anywhere_and_repeated_ends_in_one_complete_commit(
    at: str, then: Any, bare: Path, tmp_path: Path
) -> None:
    with Hub() as hub:
        hub.faults = [Fault(at, then, after=at in {"PUT /lfs", "objects/batch"})]
        words = [sys.executable, str(ROOT / "cli.py"), "push", str(bare), "me/mine"]
        with subprocess.Popen(
            words, env={**os.environ, **hub.environment(tmp_path)}, stderr=subprocess.DEVNULL
        ) as child:
            assert hub.reached.wait(60)
            child.kill()
        hub.released.set()
        half = hub.repos["me/mine"].titles() if "me/mine" in hub.repos else []
        assert len(half) == (at == "/commit/" and then == "keep")
        sent = [line for line in hub.requests if line.startswith("PUT /lfs")]
        (said,) = hub.did([Job(["push", str(bare), "me/mine"])], tmp_path)
        assert said.code == 0, said
        assert (there(hub), len(hub.repos["me/mine"].titles())) == (local(bare), 1)
        again = [line for line in hub.requests if line.startswith("PUT /lfs")][len(sent) :]
        assert len(set(sent) & set(again)) <= 1  # what was on the Hub is not sent again


@pytest.mark.slow
def test_a_run_is_whole_or_not_there_where_two_push_at_once(four: Path, three: Path, tmp_path: Path) -> None:
    with Hub() as hub:
        hub.made("me/mine", private=True)
        words = [[sys.executable, str(ROOT / "cli.py"), "push", str(place), "me/mine"] for place in (four, three)]
        children = [
            subprocess.Popen(line, env={**os.environ, **hub.environment(tmp_path)}, stderr=subprocess.PIPE)
            for line in words
        ]
        assert {child.wait(60) for child in children} <= {0, 4}
        for child in children:
            child.communicate()
        assert there(hub) in (local(four), local(three))
