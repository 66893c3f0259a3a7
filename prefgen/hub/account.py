"""Whether a push can succeed, found before the first byte is sent, and before a run that ends in one asks anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefgen.card.licences import LICENCES
from prefgen.errors import Problem, ProviderError, RecipeError, nearest
from prefgen.hub.api import Hub
from prefgen.hub.faults import Say
from prefgen.hub.target import MAIN, Target

_WRITERS = {"admin", "write", "contributor"}
"""Roles in an organisation that let one write."""
_HOW = "--set license=cc-by-4.0"


@dataclass(frozen=True)
class Standing:
    """What a push finds: who pushes, whether the repository is there, private and gated, and whether the branch is."""

    me: str
    exists: bool = False
    private: bool = True
    gated: str = ""
    branch: bool = False


def standing(hub: Hub, target: Target, licence: str, say: Say) -> Standing:
    """Looks at everything that a push needs. Raises ProviderError or RecipeError where it cannot succeed."""
    who = hub.who()
    me = str(who.get("name") or "")
    if wrong := _may_not(who, target):
        raise ProviderError(wrong)
    info = hub.info()
    found = Standing(me)
    if info is not None:
        branch = target.branch == MAIN or hub.head(target.branch) is not None
        found = Standing(me, exists=True, private=bool(info.private), gated=info.gated or "", branch=branch)
    _check_place(found, target)
    _check_licence(licence, target, say)
    if found.exists and not target.pr:
        hub.check_write()
    return found


def _check_place(found: Standing, target: Target) -> None:
    """Raises RecipeError where the repository that is there, or is not, is not the one that the options speak of."""
    repo, wrong = target.repo, ""
    if not found.exists and (target.pr or target.is_pr):
        wrong, cure = f"no dataset {repo} is there to open a pull request against", "look at the name"
    elif target.is_pr and not found.branch:
        wrong, cure = f"{repo} has no pull request {target.branch}", "--pr opens a new one"
    elif found.exists and not found.private and not target.public:
        wrong, cure = f"{repo} is public, and so would be what is pushed", "add --public if that is meant"
    if wrong:
        raise RecipeError([Problem("", "", wrong, cure)])


def _check_licence(licence: str, target: Target, say: Say) -> None:
    """Raises RecipeError for a public dataset without a licence, and for a licence that is misspelt."""
    if not licence and target.public:
        cure = f"run the recipe again with {_HOW}, which asks nothing anew, or push it private"
        raise RecipeError([Problem("", "", f"{target.repo} would be public without a licence", cure)])
    if not licence:
        say(f"note: no licence is stated; {_HOW} states one, and a public dataset needs it")
        return
    meant = nearest(licence.strip().lower(), LICENCES)
    if licence.strip().lower() not in LICENCES and meant.startswith("did you mean"):
        raise RecipeError([Problem("", "", f"the Hub knows no licence {licence!r:.60}", meant)])


def _may_not(who: Mapping[str, Any], target: Target) -> str:
    """Why the token's account cannot write there, if whoami tells."""
    me, owner = str(who.get("name") or ""), target.owner
    token = who.get("auth", {}).get("accessToken") or {}
    if token.get("role") == "read":
        return f"the token of {me} may only read; set HF_TOKEN to one with write right"
    if target.pr:
        return ""
    roles = {str(org.get("name")).lower(): org.get("roleInOrg") for org in who.get("orgs") or []}
    if owner.lower() != me.lower() and owner.lower() not in roles:
        cure = f"push to {me}/{target.repo.partition('/')[2]}, or open a pull request with --pr"
        return f"{owner} is neither {me} nor an organisation of {me}'s; {cure}"
    role = roles.get(owner.lower())
    if role and role not in _WRITERS:
        return f"{me} is in {owner} with the role {role}, which does not let one write; ask its admin, or use --pr"
    return _too_narrow(token, target)


def _too_narrow(token: Mapping[str, Any], target: Target) -> str:
    """Why a token of chosen rights does not do."""
    fine = token.get("fineGrained")
    if token.get("role") != "fineGrained" or not isinstance(fine, dict):
        return ""
    names = {target.owner.lower(), target.repo.lower()}
    rights = list(fine.get("global") or [])
    for one in fine.get("scoped") or []:
        if str(one.get("entity", {}).get("name")).lower() in names:
            rights += one.get("permissions") or []
    if any(right.startswith("repo.") and right.endswith("write") for right in map(str, rights)):
        return ""
    return (
        f"the token has no right to write to the repositories of {target.owner}; give it that, or set another HF_TOKEN"
    )
