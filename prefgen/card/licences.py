"""What a recipe may say of licence and language, in the Hub's own ids; what is none of them is told in words.

The Hub refuses a card with a licence, or a language, that it does not know. Its lists: huggingface.co/docs/hub/
repositories-licenses, and ISO 639 for languages (huggingface_hub's DatasetCardData).
"""

import re
from collections.abc import Sequence

LICENCES = frozenset({
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
    "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl",
    "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl",
    "lgpl-lr", "deepfloyd-if-license", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma", "unknown",
    "other",
})  # fmt: skip
"""Licences that the Hub knows by these ids."""

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu
ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na
nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so
sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_THREE = re.compile(r"[a-z]{3}|code|multilingual", re.ASCII)
"""ISO 639-2 and 639-3 by their form, and the Hub's two words that are no language."""
_TAG = re.compile(r"([a-z]{2,3})(?:-[A-Za-z0-9]{2,8})+", re.ASCII)
"""BCP 47: a language with its script, or its country."""


def licence(said: str) -> dict[str, str]:
    """What the front matter says of a licence: an id of the Hub's, else ``other`` with a name of the form that it
    takes.
    """
    known = said.strip().lower()
    if not known or known in LICENCES:
        return {"license": known} if known else {}
    name = re.sub(r"[^a-z0-9.]+", "-", known, flags=re.ASCII).strip("-.")[:60]
    return {"license": "other", "license_name": name or "custom"}


def languages(said: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The Hub's codes of what a recipe says; the tags of BCP 47 that say more; and what is neither."""
    tags = [one for one in said if (found := _TAG.fullmatch(one)) and _is_code(found[1])]
    codes = [one.partition("-")[0] if one in tags else one for one in said if one in tags or _is_code(one)]
    return list(dict.fromkeys(codes)), tags, [one for one in said if one not in tags and not _is_code(one)]


def _is_code(text: str) -> bool:
    return text in _ISO_639_1.split() or bool(_THREE.fullmatch(text))
