import pytest

from prefgen.filters import refusals
from tests.filters.tables import pairs, why

REFUSE = [
    "I'm sorry, but I can't help with that.", "I\u2019m sorry, but I can\u2019t assist with that request.", "Sorry, I can't do that.",
    "I cannot help with this.", "I can't provide instructions for that.", "I am unable to assist with this request.",
    "I'm unable to help you with that.", "I won't help with that.", "I will not write this.", "I must decline.",
    "I have to decline to answer.", "I must respectfully decline.", "As an AI, I cannot give medical advice.",
    "As an AI language model, I can't browse the web, and I cannot do this.", "As a large language model, I am unable to have opinions.",
    "I apologize, but I cannot fulfill this request.", "I apologise, but I can not assist.", "My apologies, but I cannot help with that.",
    "Unfortunately, I cannot help with that.", "Unfortunately I am not able to provide this.", "I'm not able to help with that.",
    "I am not able to discuss this topic.", "I'm not comfortable with writing that.", "I am not comfortable with helping here, and I cannot engage.",
    "**I'm sorry, but I can't help with that.**", "> I'm sorry, I cannot assist.", "This request violates our policy.",
    "Your request goes against my guidelines.", "I'm not going to help with that.", "I cannot in good conscience help with this.",
    "I can't ethically assist with that.", "We cannot provide this information.", "I'm really sorry, but I can't continue with this.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.", "Tut mir leid, dabei kann ich dir nicht helfen.",
    "Ich kann Ihnen dabei leider nicht helfen.", "D\u00e9sol\u00e9, je ne peux pas vous aider.", "Je suis d\u00e9sol\u00e9, mais je ne peux pas faire cela.",
    "Lo siento, pero no puedo ayudarte con eso.", "Lo siento, no puedo hacerlo.", "\u62b1\u6b49\uff0c\u6211\u4e0d\u80fd\u5e2e\u52a9\u4f60\u3002",
    "\u5f88\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u56de\u7b54\u3002", "\u7533\u3057\u8a33\u3042\u308a\u307e\u305b\u3093\u304c\u3001\u304a\u624b\u4f1d\u3044\u3067\u304d\u307e\u305b\u3093\u3002",
]  # fmt: skip
ANSWER = [
    "I can't believe how quickly you finished! Here is the next step.", "Sorry to hear that you are ill. Drink plenty of water.",
    "I cannot stress enough how important sleep is.", "I'm sorry for your loss. Here is a letter.", "I'm sorry to hear about the delay.",
    "I can't wait to see you!", "Unfortunately, the train was late.", "Unfortunately, Python has no such function; write one.",
    "I will not go to the party, said Anna.", "I won't lie: it is hard.", "As an AI enthusiast, I love this question.",
    "As an AI model, I do not have feelings, but here is a poem.", "I apologize for the confusion. The answer is 4.",
    "My apologies for the late reply. The meeting is at ten.", "You cannot divide by zero.", "It can't be done in linear time.",
    "I must admit that this is tricky.", "I have to say, that is a good question.", "This request is a GET request.",
    "Your question is about tides.", "Dear Sir, I am unable to attend the meeting on Friday.", "I can help with that!",
    "Sure, I can't think of a better way: use a map.", "I cannot recommend this book highly enough.", "Sorry seems to be the hardest word.",
    "I can not only help, but also explain.", "I'm unable to sleep: a poem.", "We can't all be right.", "I won the game.",
    "I decline the noun: mensa, mensae.", "No, it is not possible to divide by zero.", "The assistant said: I cannot help with that.",
    "To refuse politely, write: I'm sorry, but I can't come.", "Here is an example of a refusal: I can't help with that.",
    "Es tut mir leid, dass du krank bist. Trink viel.", "D\u00e9sol\u00e9e pour le retard, voici la r\u00e9ponse.", "Lo siento mucho por tu p\u00e9rdida.",
    "\u62b1\u6b49\u8ba9\u60a8\u4e45\u7b49\u4e86\u3002\u7b54\u6848\u662f4\u3002", "I am sorry that the parcel was damaged; we will send another.", "I'm afraid of spiders, wrote the boy.",
    "", "Can't find it? Look in the settings.",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSE)
def test_what_refuses(text: str) -> None:
    assert why(refusals, pairs((text, "x"))) == ["chosen refuses"]


@pytest.mark.parametrize("text", ANSWER)
def test_what_does_not(text: str) -> None:
    assert why(refusals, pairs((text, "x"))) == [None]


def test_which_text() -> None:
    rows = pairs(("Fine.", REFUSE[0]), (REFUSE[0], "Fine."), (None, "Fine."))
    assert why(refusals, rows, of="rejected") == ["rejected refuses", None, None]
    assert why(refusals, rows, of=["chosen", "rejected"]) == ["rejected refuses", "chosen refuses", None]
