"""A tokenizer and a small causal language model of one's own, pre-trained from scratch on text with bad habits."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from examples.multitask_grpo.tasks import FRUIT, GERMAN, HEAD, NAMES, STRING_OPS, examples

PAD, EOS = "<pad>", "<eos>"
PHRASES = (
    "What is", " + ", "?\n", "Write a Python function f(s) that returns s", ", then", ".\n", HEAD,
    "def f(s):\n    print(s", "Translate into German:", "Write about the", " in exactly ", " bullet points",
    ". Include the word", "\n* the", "* the", " in double quotation marks",
    " with a title in double angular brackets", "<<", ">>", '"the', " the", "the", "Give this as JSON: name",
    "name", ", age ", '{"name": "', '", "age": ', "{'name': '", "', 'age': ", "}",
    "Which number is the largest?\n", "A. ", "B. ", "C. ", "The answer is ", "I think it is ", "easy", " or ",
    "I hope this helps. Let me know.", ". ", "Sort these words alphabetically:", ", ", " ",
)  # fmt: skip


def make_tokenizer() -> Any:
    """Whole words and phrases of the tasks where they occur, single characters elsewhere: sequences stay short."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*GERMAN, *GERMAN.values(), *NAMES, *FRUIT]
    pieces = {*PHRASES, *words, *(f" {w}" for w in words), *(f" {w}" for w in STRING_OPS), *STRING_OPS.values()}
    long = sorted((p for p in pieces if len(p) > 1), key=lambda p: (-len(p), p))
    characters = [*string.printable[:95], "\n"]
    vocabulary = {t: i for i, t in enumerate([PAD, EOS, *long, *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    pattern = "|".join([*(re.escape(p).replace("\\ ", " ").replace("\\\n", "\\n") for p in long), r"[\s\S]"])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: Any, *, hidden: int = 128, layers: int = 3, seed: int = 0) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def pretrain(
    folder: Path,
    *,
    steps: int = 700,
    batch: int = 128,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> None:
    """Next-token training on (prompt, habit) from scratch, one thread; saved whole or not at all.

    progress(step, loss) is called now and then.
    """
    import torch

    tokenizer = make_tokenizer()
    model = make_model(tokenizer, seed=seed)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 40) * max(0.02, 1 - step / steps)
    )
    source = examples(seed, held_out=False)
    rng = random.Random(seed + 1)
    for step in range(steps):
        rows = [(e.prompt, e.habit(rng)) for e in islice(source, batch)]
        ids, labels = _padded(tokenizer, rows)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if progress is not None and (step % 20 == 19 or step + 1 == steps):
            progress(step + 1, float(loss))
    new = folder.with_name(folder.name + ".new")
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(new)
    tokenizer.save_pretrained(new)
    new.rename(folder)


def _padded(tokenizer: Any, rows: Sequence[tuple[str, str]]) -> tuple[Any, Any]:
    """Token ids padded on the right, and labels: only the response counts."""
    import torch

    prompts = tokenizer([p for p, _ in rows], add_special_tokens=False)["input_ids"]
    answers = tokenizer([a for _, a in rows], add_special_tokens=False)["input_ids"]
    width = max(len(p) + len(a) + 1 for p, a in zip(prompts, answers, strict=True))
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for i, (p, a) in enumerate(zip(prompts, answers, strict=True)):
        whole = torch.tensor([*p, *a, tokenizer.eos_token_id])
        ids[i, : len(whole)] = whole
        labels[i, len(p) : len(whole)] = whole[len(p) :]
    return ids, labels


def answers(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, new_tokens: int, sample: bool, seed: int = 0
) -> list[str]:
    """One response per prompt: the likeliest tokens, or sampled at temperature 1."""
    import torch

    was_training = model.training
    model.eval()
    out: list[str] = []
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    for start in range(0, len(prompts), 256):
        rows = tokenizer(
            list(prompts[start : start + 256]), return_tensors="pt", padding=True, add_special_tokens=False
        )
        rows = {k: v.to(model.device) for k, v in rows.items()}
        kind = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0} if sample else {"do_sample": False}
        with torch.no_grad():
            ids = model.generate(
                **rows,
                max_new_tokens=new_tokens,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                **kind,
            )
        out += tokenizer.batch_decode(ids[:, rows["input_ids"].shape[1] :], skip_special_tokens=True)
    torch.set_rng_state(state)
    model.train(was_training)
    return out
