"""The turns of phrase that the project replaces, each with what to write instead. Pure.

A pattern is a regular expression, matched without regard to case against text whose line breaks are single spaces.
"""

import re
from dataclasses import dataclass, field

_THINGS = (
    r"(?:text|object|objects|block|blocks|record|records|files?|secrets?|keys?|page|line|table|it|they|which|that)"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of phrase to replace.

    Attributes:
        pattern: The regular expression that finds it.
        instead: What to write instead.
    """

    pattern: str
    instead: str
    finder: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "finder", re.compile(self.pattern, re.IGNORECASE))


TURNS = (
    Turn(r"\bwho(?:so|m)?ever\b", "the operator, a person who, anyone who"),
    Turn(
        r"(?:(?<=[.:;!?] )|^)what (?!(?:never|next|must|is|are|was|were|to|does|do|did|happens|happened|if|each|it|"
        r"this|the|a|an|you|we|they|[a-z]+ (?:is|are|does|do))\b)[a-z]+",
        "the thing itself: an object that, the bytes that",
    ),
    Turn(
        r"\b(?:but|and|or|while|since|because|where|when|if|whether|that|of|for|by) what (?:lies|stands|is|was|"
        r"are|were|can't|has|had|holds|remains|comes|came|isn't|doesn't)\b",
        "the thing itself: the objects that",
    ),
    Turn(r"\bwhat (?:lies|stands|remains|decides|depends)\b", "the objects that are, the rest"),
    Turn(
        r"(?<!\bthere )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|"
        r"such\b|need\b|way\b|one\b|"
        r"other\b|[a-z]+ (?:to|between|for|that|in|on|at|above|below|yet)\b)[a-z]+",
        "is not a, there is not a",
    ),
    Turn(r"(?<!\bthere )\b(?:is|are|was|were|be|has|have) (?-i:none)\b", "is not one, there are none"),
    Turn(r"\b(?:is|are|was|were|be) (?:told|to be had|to be run|to be fitted)\b", "is reported, is available"),
    Turn(r"\b(?:tells|told|telling|tell) (?:of|from|apart|anew)\b", "reports, distinguishes"),
    Turn(r"(?<=, )told\b", "reported"),
    Turn(
        rf"\b(?:lies|lie|lay|lain)\b|\b{_THINGS} (?:stands|stand|stood)\b|"
        r"\bstands? (?:for|in|at|beside|there|here|on|by)\b",
        "is, are",
    ),
    Turn(r"\bbeside\b", "next to, besides"),
    Turn(r"\bfor ever\b", "forever"),
    Turn(r"\bso too\b", "also"),
    Turn(r"\b(?:as )?seen(?= (?:on|with|in practice)|:|\)|,)|\bunseen\b", "observed with (version, date); undetected"),
    Turn(r"\b(?:ask|asks|asked|asking) (?:by name|anew)\b|\bby name for\b", "explicitly enables"),
    Turn(r"\bwants (?:a|an|the|no|more|its|their)\b", "needs a"),
    Turn(r"\banybody(?:'s)?\b|\bnobody's\b", "anyone, untrusted"),
    Turn(r"\bmay be anyone's\b", "untrusted"),
    Turn(r"\bof none\b|\bof which none\b", "if there are none"),
    Turn(r"\b(?:it|that|this) is to be\b|\b(?:is|are) to (?!be\b)[a-z]+\b(?! be)", "must, will"),
    Turn(r"\bso (?:many|much|long|far|few) (?:bytes|records|valid|UTF|blocks|items)\b", "that number of"),
    Turn(r"\bthe like\b|\band its like\b", "the same, similar"),
    Turn(r"\bof (?:its|their|our|one's) own accord\b", "by itself"),
    Turn(r"\bgoes on\b|\bgo on\b|\bgoing on\b|\bwent on\b|\bgone on\b", "continues, continue"),
    Turn(r"\b(?:is|are|was) (?:content|offended)\b|\btakes? offence\b", "accepts, is wrong"),
    Turn(r"\bhence\b|\bthereof\b|\btherein\b|\bthereby\b|\bwhereof\b|\bwherein\b|\banew\b", "so, of it, again"),
    Turn(r"\b(?:hears?|heard|hearing) (?:of|from)\b", "is notified of"),
    Turn(r"\bmind (?:its|the|that|control)\b", "watch"),
    Turn(r"\ba word for\b|\bwithout a word\b|\bword (?:of|for) (?:it|none)\b", "without a report"),
    Turn(r"\bmend(?:s|ed|ing)?\b", "repair, fix"),
    Turn(r"\bit takes no\b|\btakes no trust\b", "this requires no"),
    Turn(r"\bmuch the same\b|\bthe very (?:block|record|same)\b", "the same"),
    Turn(r"\bin (?:its|their) turn\b", "in order"),
    Turn(r"\b(?:is|are|be) away\b", "is unreachable"),
    Turn(r"\b(?:broke|breaks?|broken) off\b", "closed the connection"),
    Turn(r"\bsuch (?:a|an) one\b|\bone that (?:isn't|is no)\b", "that object"),
)
