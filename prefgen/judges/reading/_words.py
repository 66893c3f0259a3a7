"""Words around a label that turn it down, make it somebody else's, take it back, or let it stand."""

import re

from prefgen.judges.reading._forms import ADVERBS, ANNOUNCER, GOOD, WORDS
from prefgen.judges.reading._lines import LABEL

SUPPOSED = re.compile(
    r"\b(?:if|would|were|could|might|may|unless|tempted|initially|at first|says?|said|asks?|asked|tells?|told"
    r"|instructs?"
    r"|instructed|claims?|claimed|demands?|insists?|orders?|output|print|ignore|injected|inject|injection|instruction"
    r"|quote[sd]?|contains?|includes?|ends? with|begins? with|example|format|either|must|should|whether|someone)\b",
    re.IGNORECASE,
)
"""Words of somebody else's verdict, or of one that was not given."""
RETRACTED = re.compile(
    r"\b(?:wait|actually|however|correction|second thought|scratch|reconsider|change my|changed my"
    r"|on reflection|mistaken|tak(?:e|ing) (?:it|that|this) back|oops|strike that"
    r"|misread|instead|tie|tied|draw|neither|equally|undecided|disregard|revis\w+|typo|meant)\b"
    r"|^[^\w\n]*(?:hmm+\W{1,3})?(?:no|nope|sorry)\b[ \t]*(?:[,.:;!\u2013\u2014-]|$)",
    re.IGNORECASE,
)
"""Words that take a verdict, or a score, back."""
BACK = re.compile(
    r"\b(?:wait|correction|second thought|scratch|reconsider|changed? my|mistaken|tak(?:e|ing) (?:it|that|this) back"
    r"|disregard|typo)\b",
    re.IGNORECASE,
)
"""Of these, the ones that a reason for a verdict does not have."""
TOLD = re.compile(
    r"\b(?:(?:told|tells?|asked|asks?|orders?|ordered|commands?|commanded|instructs?|instructed|wants?) (?:me|to|us"
    r"|the judge)|to (?:say|write|print|output|choose)|inject\w*|says? so)\b",
    re.IGNORECASE,
)
"""Words of a verdict that was written because somebody asked for it."""
TURNED = re.compile(
    r"\b(?:not|than|over|against|loser|worse|worst|weaker|neither|nor|inferior|cannot|\w{1,10}n['\u2019]t|refus\w+"
    r"|reject\w*|declin\w+|except|(?:superior|prefer\w*|inferior|next|compared|second|los\w+) to)"
    r"(?:[ \t]+(?:is|was|one|answer|response|assistant)){0,3}[ \t*_`\"':\u2013\u2014-]{0,6}$",
    re.IGNORECASE,
)
"""Words right before a label that was not chosen."""
AGAINST = re.compile(
    r"\b(?:not(?! by much\b)|never|no|none|neither|nor|cannot|can not"
    r"|\w{1,10}n['\u2019]t"
    r"|dont|cant|wont|isnt|refus\w+|reject\w*|declin\w+|den(?:y|ied|ies)|dismiss\w*|exclud\w+|eliminat\w+|discard\w*"
    r"|disqualif\w+|avoid\w*|oppos\w+|doubt\w*|hesitat\w+|lose[sr]?|losers|losing|lost|beat(?:s|en)?|defeat\w*"
    r"|worse|worst|weak\w*|inferior|poor\w*|lesser|least|less|wrong\w*|incorrect|mistake\w*|errors?|flaw\w*|bad|fail\w*"
    r"|false|anything but|anyone but|all but|except|other than|rather than|runner-up|second|third|ruled? out|unlike"
    r"|hardly|far from|hard to|unable|worthless|useless|unfit|rule out|drop\w*|out of place)\b",
    re.IGNORECASE,
)
"""Words that make a label in their sentence one that was not chosen, or leave it open."""
HARMLESS = re.compile(
    r"\bnot only\b|\b(?:fewer|less|no|without(?: any)?|few)[ \t]+(?:\w+[ \t]+)?(?:mistakes?|errors?|flaws?|issues?"
    r"|problems?|doubt|question|hesitation|weaknesses)\b",
    re.IGNORECASE,
)
"""Words that are not against anything, though some of them look so."""
DOUBTS = re.compile(
    r"(?:\b(?:not|never|cannot|hardly)|n['\u2019]t)[ \t]+(?:\w+[ \t]+){0,2}(?:think|believe|say|agree|accept|conclude"
    r"|claim|find|call|feel|mean)\b|\b(?:I|to)[ \t]+(?:\w+[ \t]+)?(?:doubt|deny|disagree|dispute)\b",
    re.IGNORECASE,
)
"""What makes all that follows in its sentence untrue."""
NOT_CHOSEN = re.compile(
    r"(?:\b(?:not|never|cannot|refuse|decline|hesitate|unable)|n['\u2019]t)[ \t]+(?:to[ \t]+)?(?:\w+[ \t]+)?"
    r"(?:choose|pick|select|write|answer|give|say|be|put|assign|deserve|award|merit|get|earn)\b"
    r"|\b(?:reject\w*|refuse|anything but)\b",
    re.IGNORECASE,
)
"""Words by which a label, or a score, is not given."""
LOSES = (
    rf"(?:loses|lost|(?:is|was)[ \t]+(?:{ADVERBS}[ \t]+){{0,3}}(?:worse|worst|inferior|weaker|weakest|loser|wrong"
    r"|incorrect|rejected|out|second|not[ \t]+(?:{ADVERBS}[ \t]+){0,3}{GOOD})|(?:is|was)n['\u2019]t"
    r"|(?:comes?|came|ranks|finishes)[ \t]+(?:second|last)|fails)\b"
).replace("{ADVERBS}", ADVERBS).replace("{GOOD}", GOOD)  # fmt: skip
LOSER = re.compile(
    rf"^(?:(?:so|thus|therefore|hence|overall)[,:]?[ \t]+)*{LABEL}[ \t]+{LOSES}"
    rf"|^i[ \t]+(?:reject|refuse|decline|(?:do|would|could|can)(?:n['\u2019]t| ?not)[ \t]+(?:choose|pick|prefer"
    rf"|select))[ \t]+{LABEL.replace('P<', 'P<not_')}",
    re.IGNORECASE,
)
IT_LOSES = re.compile(rf"(?:(?:it|this|that)(?:[ \t]+(?:one|answer|response|assistant))?[ \t]+)?{LOSES}", re.IGNORECASE)
LOST = re.compile(
    r"^[ \t]*(?:no|not|none|never|nope|or|and|vs)\b"
    r"|\b(?:worse|worst|weaker|weakest|inferior|los(?:es?|er|ing|t)|reject\w*|refus\w+|declin\w+|runner-up"
    r"|second (?:best|place)|not (?:the |my |quite |really )*(?:better|best|winner|good|right|chosen|sure|convinced"
    r"|really|quite))\b",
    re.IGNORECASE,
)
"""Words after a label that turn it down, where they are not of another one."""
PLACED = re.compile(
    rf"\b(?P<which>other|first|second|former|latter)(?:[ \t]+(?:one|two|answer|response|assistant|output|reply))?"
    rf"[ \t]+(?:wins|(?:is|was)[ \t]+(?:{ADVERBS}[ \t]+){{0,3}}{GOOD})\b"
    r"|\b(?:prefer|choose|pick|select|go with)[ \t]+the[ \t]+(?P<taken>other|first|second|former|latter)\b",
    re.IGNORECASE,
)
"""``The other one is better``."""
PREFERS = re.compile(
    r"\b(?:wins|better|best|winner|superior|preferred|preferable|stronger|prefer|choose|pick|select|favou?r|go with"
    r"|vote)\b",
    re.IGNORECASE,
)
SAYS_MORE = re.compile(
    f"{PREFERS.pattern}|{LOSES}|n['\u2019]t |reject|refuse|decline|not |besser|meilleur|mejor", re.IGNORECASE
)
"""A word without which a line need not be looked at."""
OTHERS = re.compile(r"\b(?:other|first|second|former|latter|both|while|whereas|than)\b", re.IGNORECASE)
REASON = (
    r"(?:because|since|as|due|given|weil|denn|car|porque"
    r"|for(?=[ \t]+(?:these|the following|this|its|being|having|giving|several|two|three|the reasons?)\b))\b"
)
FITS = re.compile(
    rf"[ \t*_]{{0,8}}(?:[,;.:\u2013\u2014-]{{0,4}}[ \t*_]{{0,8}}{REASON}"
    rf"|(?:wins|(?:is|was|remains)[ \t]+(?:(?:{ADVERBS}|my|more|indeed|final)[ \t]+){{0,4}}(?:{GOOD}|choice|verdict"
    r"|pick|decision|favou?rite|answer|selection|accurate|helpful|complete|correct|useful))"
    r"(?:[ \t]+(?:one|response|answer|output|choice|option|assistant|overall|here|of the two|by far|for me"
    r"|in my (?:view|opinion)|in every (?:way|respect)|than (?:the )?\w+(?: one)?)){0,3}"
    rf"(?=[ \t*_]{{0,8}}(?:[.!,;:()\u2013\u2014-]|$|(?:and|{REASON})\b))"
    r"|(?:[.:;,!)\u3002\u2013\u2014-]{1,4}[ \t*_]{1,8}|[ \t]{0,8}\(|[ \t*_]{1,8}(?=[A-Z\u00c0-\uffff]))"
    r"(?!(?:if|unless|only|except)\b)(?=[^\W\d]))",
)
"""What may follow a label in brackets on its line: a reason, ``is better``, or a new sentence."""

SENTENCE = re.compile(r"(?<!vs)[.!?;\u3002\uff01\uff1f][ \t*_)\"'\u201d\]]{0,6}(?:[ \t]|$)")
CLAUSE = re.compile(
    r"[.!?;:,()\u2013\u2014\u3002\uff0c]+|[ \t]-[ \t]|\b(?:and|but|so|yet|though|although|while|whereas)\b"
)
ONWARD = r"(?:so|thus|therefore|hence|consequently|then|overall|ultimately|in conclusion|all in all|on balance)"
ANNOUNCES = re.compile(
    rf"(?:^|[,:\u2013\u2014-][ \t*_]+|\b(?:and|but|yet)[ \t]+|\b(?={ONWARD}\b))[ \t*_\"'`#>(]*(?P<at>)"
    rf"(?:{ONWARD},?[ \t]+){{0,3}}"
    rf"(?:(?:{WORDS}[ \t]+){{0,4}}(?:{ANNOUNCER}|answer|vote|pick)[ \t*_`\"')]{{0,6}}"
    r"(?:[:\uff1a=]|\b(?:is|was|goes to|ist|es|est)\b)?"
    r"|I(?:['\u2019](?:d|ll))?[ \t]+(?:(?:would|will|therefore|thus|hence|must)[ \t]+){0,2}"
    r"(?:choose|pick|select|prefer|favou?r|go with|go for|vote for|opt for|decide for|settle on))[ \t*_:`\"'(]{0,6}$",
    re.IGNORECASE,
)
"""``…, so my final verdict is``: what announces a label, whatever its sentence says before."""
ONSET = re.compile(rf"(?:,[ \t]+|[ \t][\u2013\u2014-][ \t]+|\band[ \t]+)(?:and[ \t]+)?{ONWARD}\b", re.IGNORECASE)
LEADING = re.compile(r"(?:since|because|as|given|while|although|though)\b.*,[ \t*_]*$", re.IGNORECASE)
LINKS = re.compile(rf"(?:[:\uff1a,=>\u2013\u2014\u2192-]|\b{ONWARD})[ \t*_`\"'(]*$", re.IGNORECASE)
APPROVES = re.compile(
    r"\b(?:better|best|prefer\w*|superior|strong\w*|winner|wins?|winning|choose|choice|chosen|pick|select\w*|verdict"
    r"|decision|decide\w*|judge?ment|conclu\w+|go(?:es)?|vote\w*|favou?r\w*|opt|so|thus|therefore|hence|consequently"
    r"|accordingly|then|ultimately|assessment|evaluation|recommend\w*|overall|summary|ranking|assistant|response|model"
    r"|answer|result|say|it is|it['\u2019]s|definitely|clearly|final\w*|give|lean\w*|rate|this|w\u00e4hle|bevorzuge"
    r"|besser\w*|choisis|pr\u00e9f\u00e8re|meilleure?|elijo|prefiero|mejor|gan\w+|gagne|gewinnt|urteil|entscheidung)\b"
    r"|[^\x00-\u024f]",
    re.IGNORECASE,
)
"""Words that have to do with a verdict, in some languages; any script that is not Latin may have them."""
OWNED = re.compile(r"(?<=\b[A-Z1-9])['\u2019]s[ \t]+(?:own[ \t]+)?(?:answer|response|reply|output|solution|version)\b")
"""``Assistant A's answer``, which is assistant A."""
NAMES = re.compile(LABEL, re.IGNORECASE)
