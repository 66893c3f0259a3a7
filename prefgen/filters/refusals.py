"""Responses that refuse. Chosen, they teach to refuse; rejected, that a refusal is what a bad answer looks like."""

from collections.abc import Sequence

import polars as pl

from prefgen.rows import because, filters

_SORRY = (
    r"(?:i['\u2019]?m (?:so |very |really )?sorry|i am (?:so |very )?sorry|sorry"
    r"|my apologies|i apologi[sz]e|unfortunately)"
)
_ABLE = (
    r"(?:can['\u2019]?t|cannot|can not|won['\u2019]?t|will not|am not able to|['\u2019]m not able to"
    r"|am unable to|['\u2019]m unable to"
    r"|must decline to|have to decline|decline to|am not going to|['\u2019]m not going to|am not comfortable"
    r"|['\u2019]m not comfortable)"
)
_DO = (
    r"(?: (?:really|actually|in good conscience|ethically|legally))?"
    r" (?:help|assist|provide|comply|fulfil|fulfill|answer|do that|do this|create|write|generate|engage"
    r"|participate|support|share"
    r"|give (?:you )?(?:instructions|advice|information)|offer|produce|discuss|continue|complete|process"
    r"|respond|facilitate|with)"
)
PATTERNS = (
    rf"^{_SORRY}[,.:;!]?(?: but)?,? (?:i|we) ?{_ABLE}",
    rf"^(?:i|we) ?{_ABLE}{_DO}\b",
    rf"^as an? (?:ai|artificial intelligence|(?:large )?language model)[^.!?\n]{{0,80}}\b(?:i|we) ?{_ABLE}",
    r"^i (?:must|have to) (?:respectfully )?(?:decline|refuse)",
    r"^(?:this|that|your) (?:request|question|content|prompt) (?:violates|goes against|is against)",
    (
        r"^(?:ich kann|ich darf|wir k\u00f6nnen) (?:ihnen |dir )?(?:dabei |damit |das "
        r"|diese anfrage )?(?:leider )?nicht (?:helfen|weiterhelfen|erf\u00fcllen|beantworten)"
    ),
    r"^(?:es )?tut mir leid,? (?:aber )?(?:ich kann|dabei kann ich|das kann ich)[^.!?\n]{0,40}nicht",
    r"^(?:je suis )?d\u00e9sol\u00e9e?,? (?:mais )?je ne (?:peux|suis) pas",
    r"^lo siento,? (?:pero )?no (?:puedo|me es posible)",
    (
        r"^(?:\u62b1\u6b49|\u5f88\u62b1\u6b49|\u5bf9\u4e0d\u8d77)[\uff0c,\u3002 ]?(?:\u6211"
        r"|\u4f46\u6211)?(?:\u4e0d\u80fd|\u65e0\u6cd5|\u4e0d\u53ef\u4ee5)"
    ),
    r"^(?:\u7533\u3057\u8a33|\u3059\u307f\u307e\u305b\u3093)[^\u3002\n]{0,30}(?:\u3067\u304d\u307e\u305b\u3093|\u304a\u624b\u4f1d\u3044\u3067\u304d)",
)
"""How a refusal begins, in lower case; English, German, French, Spanish, Chinese, Japanese."""


@filters
def refusals(*, of: str | Sequence[str] = "chosen") -> pl.Expr:
    """Drops rows with a text of the columns ``of`` that begins as a refusal. Precision goes first: a text that refuses
    later, or in other words, stays.
    """
    columns = [of] if isinstance(of, str) else of
    return because(*((f"{column} refuses", refuses(column)) for column in columns))


def refuses(column: str) -> pl.Expr:
    """Whether a text begins as a refusal."""
    text = pl.col(column).cast(pl.String).str.strip_chars(" \t\n\r*_#>\"'\u201c").str.head(300).str.to_lowercase()
    return text.str.contains("|".join(f"(?:{one})" for one in PATTERNS)).fill_null(value=False)
