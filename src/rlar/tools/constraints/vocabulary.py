"""Lists of words that checks need: closed classes of English, abbreviations, the names that IFBench asks for."""

from __future__ import annotations


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


CONJUNCTIONS = _set(
    """
    and but for nor or so yet
    """
)

NAMES = _list(
    """
    Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin
    Harper Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan
    Victoria Elijah Layla Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph
    Claire Ryan Stella Jonathan
    """
)

PRONOUNS = _set(
    """
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her
    hers herself it its itself they them their theirs themselves this that these those who whom whose which what
    whoever whomever whatever whichever anybody anyone anything everybody everyone everything nobody nothing
    somebody someone something each either neither both all some any none
    """
)

# The closed classes of English (pronouns, auxiliaries, articles, conjunctions, prepositions, adverbs of degree), and
# what is left of short forms when the apostrophe parts them: "don't" is "don" and "t".
STOP_WORDS = _set(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves what which who whom this that these those am is are
    was were be been being have has had having do does did doing a an the and but if or because as until while
    of at by for with about against between into through during before after above below to from up down in out
    on off over under again further then once here there when where why how all any both each few more most
    other some such no nor not only own same so than too very can will just should now s t d ll m o re ve y don
    ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won wouldn
    """
)

# English prose has one of these in every third word; lists of names and nouns have none.
COMMON = _set(
    """
    the of and to in is was that for it as with on be by this are from at or have an a i not they which you were
    his her has what how when who we your my our would there can if will does about should into than its their
    he she all but no so do more up out me them been had
    """
)

# Titles, months, days, states, firms, units, initials. Not "e.g.", "i.e." and "etc.": NLTK ends a sentence there.
ABBREVIATIONS = _set(
    """
    mr mrs ms dr prof messrs gen col maj lt adm sen rep reps st sr jr bros co corp inc ltd cos cie jan feb aug
    sept sep oct nov dec tues wed fri sw ave vs ct ft mg yr pa ala ariz calif colo conn fla ga ill kan ky mich
    minn nev okla ore tenn va vt wash wis w.va a.m p.m u.s u.k u.n u.s.a u.s.s.r a.d ph.d m.b.a d.c n.y l.a n.c
    s.c n.j n.h n.m n.d r.i b.v n.v s.p.a j.r j.k c e f g h k l m n p r s t v w mme mlle mmes sra srta sres ud
    uds ee.uu p.ej z.b d.h u.a bzw usw
    """
)

FRENCH_ABBREVIATIONS = ABBREVIATIONS | _set(
    """
    e.-u dre drs pr cap cf ex env etc av apr janv fév févr avr juil déc tél tel rép vol nb n.b p.s p.-s c.-à-d i.e
    e.g j.-c adj resp svp art chap éd fig p pp
    """
)

SPANISH_ABBREVIATIONS = ABBREVIATIONS | _set(
    """
    ee uu dra dres dña d lic ing arq etc pág págs p.ej ej tel tfno núm vol cap av avda c.a s.a s.l a.c d.c art fig
    aprox
    """
)

# Words that begin a sentence after "U.S.", "p.m." or "..." when written with a capital.
STARTERS = _set(
    """
    a about according actually add after all also although always an and another any anyway are as ask at
    because before being besides both bring but by call check choose come consider could create depending
    despite did do does don't during each eighth either enjoy even eventually every everyone fifth finally find
    first following for fourth from get give given had has have having he hence her here his how however i if
    imagine in indeed instead is it its just keep know last later let let's like look make many maybe meanwhile
    moreover most much my nevertheless next no nonetheless nor not now of oh on once one only or others our over
    overall perhaps please put remember second separately set several she should similarly simply since sixth so
    some someone sometimes soon start still such suddenly take tell that the their then there therefore these
    they think third this those though through thus to today together too try under unfortunately unless until
    upon use usually very wait was we well were what whatever when where whether which while who whose why will
    with without would write yes yet you your
    """
)
