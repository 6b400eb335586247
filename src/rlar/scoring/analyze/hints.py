"""What a row says its task is: our labels, the words people use for them, and the names of public data sets."""

from __future__ import annotations

import functools
import re

from rlar.types import Query

LABELS = (
    "math",
    "code",
    "translation",
    "knowledge",
    "reasoning",
    "instruction_following",
    "summarization",
    "data_to_text",
    "dialogue",
    "safety",
)

_ALIASES = {
    "math": """maths mathematics arithmetic algebra geometry math_word_problem word_problem numeric
        stem_math""",
    "code": """coding programming program code_generation codegen software swe sql text2sql text_to_sql
        python""",
    "translation": """mt machine_translation translate nmt multilingual_translation""",
    "knowledge": """qa question_answering open_qa closed_qa trivia factual factuality mcq mcqa multiple_choice
        science stem exam closed_book_qa open_domain_qa reading_comprehension rag""",
    "reasoning": """logic puzzle puzzles logical_reasoning commonsense commonsense_reasoning planning games
        nli deduction symbolic_reasoning spatial_reasoning""",
    "instruction_following": """if ifeval precise_if precise_instruction_following instruction instructions constraints
        structured_output format tool_use tool_calling function_calling json""",
    "summarization": """summarisation summary summaries summarize summarise tldr abstractive_summarization""",
    "data_to_text": """d2t data2text table_to_text table2text nlg surface_realization graph_to_text""",
    "dialogue": """chat dialog conversation conversational general open_ended openended creative
        creative_writing writing roleplay helpfulness helpful chat_hard generic assistant""",
    "safety": """harmless harmlessness safe refusal refusals toxicity harmful red_teaming redteam
        moderation""",
}
_LABEL_OF = {label: label for label in LABELS} | {word: k for k, words in _ALIASES.items() for word in words.split()}

# Pieces of names of public data sets; the first that is found decides, so longer and rarer ones come first.
_DATA_SETS = (
    (
        "safety",
        """harmless beavertails pku-safe saferlhf safe-rlhf toxic advbench harmbench xstest do-not-answer wildguard
        strongreject aegis civil_comments red-team donotanswer""",
    ),
    (
        "code",
        """humaneval mbpp apps codecontest code_contest taco livecodebench lcb leetcode codeforces kodcode bigcode
        swe-bench swe_bench spider bird-bench text2sql codealpaca code_alpaca opencode
        primeintellect/verifiable-cod ds-1000 cruxeval multipl-e evalplus code-feedback""",
    ),
    (
        "translation",
        """wmt flores opus100 opus-100 iwslt mlqe mqm tatoeba europarl ted_talks un_corpus newstest nllb translation""",
    ),
    (
        "summarization",
        """cnn_dailymail cnn-dailymail cnndm xsum samsum dialogsum gigaword multi_news multinews govreport billsum
        arxiv-summ pubmed-summ summeval summarize_from_feedback openai_tldr reddit_tldr summar""",
    ),
    (
        "data_to_text",
        """webnlg e2e_nlg e2e-nlg totto dart sfhot sfres rotowire data2text wikibio table_to_text d2t""",
    ),
    (
        "instruction_following",
        """ifeval ifbench if_multi followbench infobench llmbar complexbench instruction_following rlvr-ifeval
        rlvr-if pandalm bfcl toolbench xlam""",
    ),
    (
        "math",
        """gsm8k gsm-8k gsm_symbolic math500 math-500 hendrycks_math competition_math lighteval/math aime amc
        olympiad numina deepscaler dapo orz minerva_math mathqa svamp aqua openr1-math skywork-or1
        big-math bigmath metamath mgsm math_verify deepmath simplerl countdown hmmt polaris prm800k
        math_dapo openmath asdiv mawps""",
    ),
    (
        "reasoning",
        """bbh bigbench big-bench big_bench logiqa zebra knights folio arc-agi arc_agi strategyqa proofwriter babi
        synlogic enigmata reasoning_gym reasoning-gym musr clutrr anli snli mnli multinli winogrande
        hellaswag sudoku puzzle webinstruct-reasoning""",
    ),
    (
        "knowledge",
        """mmlu arc_challenge arc-challenge arc-easy ai2_arc gpqa triviaqa trivia_qa natural_questions nq_open
        natural-questions hotpot squad truthfulqa scienceqa medqa medmcqa popqa sciq openbookqa
        commonsense_qa commonsenseqa boolq simpleqa webinstruct musique 2wiki searchr1 race quality
        pubmedqa supergpqa agieval ceval c-eval cmmlu""",
    ),
    (
        "dialogue",
        """ultrachat lmsys wildchat sharegpt alpaca arena mt-bench mt_bench mtbench oasst openassistant helpsteer
        topical_chat personachat dailydialog helpful-base ultrafeedback hh-rlhf tulu-chat no_robots vicuna
        just-eval shp writingprompts""",
    ),
)


@functools.lru_cache(maxsize=1024)
def label_of(name: str) -> str | None:
    """The label that a task's or data set's name stands for, or None. "Maths", "mt" and "openai/gsm8k" all work."""
    plain = re.sub(r"[\s\-]+", "_", name.strip().lower())
    if plain in _LABEL_OF:
        return _LABEL_OF[plain]
    name = name.strip().lower()
    for label, pieces in _DATA_SETS:
        for piece in pieces.split():
            if re.search(rf"(?<![a-z]){re.escape(piece)}", name):
                return label
    if re.search(r"(?<![a-z])math(?![a-z])", name):  # "MATH", "lighteval/MATH-Hard"
        return "math"
    return None


def hint(query: Query) -> tuple[str, str] | None:
    """(label, where it stands) from extra["task"], the data set's name in extra, or the source; None if unknown."""
    for column in ("task", "data_source", "dataset", "task_type", "category"):
        value = query.extra.get(column)
        if isinstance(value, str) and len(value) < 200:
            label = label_of(value)
            if label:
                return label, f"{column} is {value!r}"
    if query.source and len(query.source) < 200:
        label = label_of(query.source)
        if label:
            return label, f"source is {query.source!r}"
    return None
