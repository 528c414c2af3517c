"""Drafting survey items: columns of answers in batteries that share a scale."""

from __future__ import annotations

from ingest.mapping.draft.answers import FAMILIES, Answers, answers_of, find_range, fold, runs_against
from ingest.mapping.draft.grid import DraftColumn
from ingest.mapping.draft.known import ABOUT, COMMENT, PERSONAL_HEADER, known_words
from ingest.mapping.draft.parts import Draft, quote, quote_list

Block = list[tuple[DraftColumn, Answers]]


def is_no_question(column: DraftColumn) -> bool:
    """Whether a column is about the response, a comment, or personal: never an item."""
    is_comment = bool(COMMENT.search(column.name)) or any(COMMENT.search(text) for text in column.texts)
    return is_comment or any(ABOUT.match(key) or PERSONAL_HEADER.match(key) for key in column.keys)


def _batteries(columns: list[DraftColumn]) -> tuple[list[Block], list[Block]]:
    """Columns of answers that share a scale: those of known labels or of codes, and those of unknown labels."""
    found = [(column, answers) for column in columns if not is_no_question(column) and (answers := answers_of(column))]
    known: list[Block] = []
    labels = [pair for pair in found if pair[1].kind == "labels"]
    while labels:  # the families that fit all columns of a battery together count
        block = [labels.pop(0)]
        families = set(block[0][1].families)
        for pair in labels[:]:
            if families & set(pair[1].families):
                families &= set(pair[1].families)
                block.append(pair)
                labels.remove(pair)
        known.append(block)
    by_kind: dict[tuple[str, bool], Block] = {}
    for column, answers in found:
        if answers.kind in ("codes", "labelled"):
            by_kind.setdefault((answers.kind, _is_to_ten(column, answers)), []).append((column, answers))
    unknown: list[Block] = []
    for column, answers in (pair for pair in found if pair[1].kind == "unknown"):
        words = set(map(fold, answers.words))
        home = next((b for b in unknown if len(words & {fold(w) for _, a in b for w in a.words}) >= 2), None)
        if home is None:
            unknown.append([(column, answers)])
        else:
            home.append((column, answers))
    return [*known, *by_kind.values()], unknown


def _is_to_ten(column: DraftColumn, answers: Answers) -> bool:
    highest = max(answers.codes)
    range_, _ = find_range(answers.codes, column.label)
    return highest > 7 or range_ == (0, 10)


def draft_items(draft: Draft, columns: list[DraftColumn]) -> None:
    """Add the answer scales and items that the columns show."""
    batteries, unknown = _batteries(columns)
    scales, items = [], []
    for number, block in enumerate(batteries, start=1):
        block.sort(key=lambda pair: pair[0].place)
        scale, mine = _draft_battery(draft, f"answers_{number}", block, first=len(items) + 1)
        scales.append(scale)
        items += mine
    if any("scale: unnamed" in item for item in items):
        draft.questions.append(
            "scale: which scale each item belongs to (engagement, autonomy, …), and which are worded the other way "
            "(reverse: true)"
        )
    for block in unknown:
        label = block[0][0].label
        if len(block) < 2 and not label.rstrip().endswith(("?", ".")) and len(label.split()) < 4:
            continue
        words = sorted({word for _, answers in block for word in answers.words})
        named = ", ".join(quote(column.name) for column, _ in block[:3])
        draft.questions.append(
            f"answers of {named}: labels of no known scale ({', '.join(words[:7])}); give each a code"
        )
        for column, answers in block:
            draft.taken[column.name] = "decide"
            codes = ", ".join(f"{quote(word)}: ?" for word in sorted(answers.words))
            items.append(
                f"  # DECIDE item: {{from: {quote(column.name)}, scale: ?, range: [1, ?], values: {{{codes}}}}}"
            )
    for title, lines in (("answer_scales:", scales), ("items:", items)):
        if lines:
            is_live = any(not line.startswith("  #") for line in lines)
            draft.further += [title if is_live else f"# {title}", *lines]


def _draft_battery(draft: Draft, name: str, block: Block, *, first: int) -> tuple[str, list[str]]:
    """The line of an answer scale and those of its items; commented out where the scale is a question."""
    none = sorted({word for _, answers in block for word in answers.no_answer})
    values: dict[str, int] = {}
    if block[0][1].kind == "labels":
        limits, why, values = _label_scale(block)
    else:
        codes = set().union(*(answers.codes for _, answers in block))
        limits, why = find_range(codes, block[0][0].label if _is_to_ten(*block[0]) else "")
    off = "" if limits else "# "
    if not limits:
        named = ", ".join(quote(column.name) for column, _ in block[:3]) + (" …" if len(block) > 3 else "")
        draft.questions.append(f"answers of {named}: {why}")
    body = f"range: {list(limits) if limits else '[?, ?]'}"
    if values:
        body += f", values: {{{', '.join(f'{quote(word)}: {code}' for word, code in values.items())}}}"
    if none:
        body += f", no_answer: {quote_list(none)}"
    scale = f"  {off}{name}: {{{body}}}  # {'GUESS' if limits else 'DECIDE'}: {why}"
    against = runs_against(block, values)
    items = []
    for number, (column, answers) in enumerate(block, start=first):
        draft.taken.setdefault(column.name, "item" if limits else "decide")
        items.append(f"  {off}{_item_line(column, answers, name, number, against)}")
    return scale, items


def _label_scale(block: Block) -> tuple[tuple[int, int] | None, str, dict[str, int]]:
    """Range, evidence and codes of labels; no range and a question where several families fit."""
    families = set(block[0][1].families).intersection(*(set(answers.families) for _, answers in block))
    spelt = {fold(word): word for _, answers in block for word in answers.words if word not in answers.no_answer}
    whole = [f for f in sorted(families) if all(set(step.split("|")) & set(spelt) for step in FAMILIES[f])]
    chosen = next(iter(families)) if len(families) == 1 else whole[0] if len(whole) == 1 else None
    if chosen is None:
        return None, f"the labels fit {', '.join(sorted(families))}; say which", {}
    values = {}
    for code, step in enumerate(FAMILIES[chosen], start=1):
        spellings = step.split("|")
        values |= {spelt[word]: code for word in spellings if word in spelt} or {spellings[0].capitalize(): code}
    evidence = "every step occurs" if chosen in whole else "no other known scale has these words"
    return (1, len(FAMILIES[chosen])), f"{len(block)} column(s); {evidence}", values


def _item_line(column: DraftColumn, answers: Answers, scale_name: str, number: int, against: dict[str, float]) -> str:
    known = known_words("survey", "responses")[2]
    texts = sorted(column.texts, key=len, reverse=True)
    found = next((known[k] for text in texts for k in known if len(k) > 8 and fold(text).endswith(k)), None)
    name, scale, is_reversed = found or (f"item_{number}", "unnamed", False)
    parts = [f"from: {quote(column.name)}", f"scale: {scale}", f"answers: {scale_name}"]
    parts += ["reverse: true"] if is_reversed else []
    parts += ["extract: '^(\\d+)'"] if answers.kind == "labelled" else []
    note = "GUESS: this question is known" if found else "DECIDE scale"
    if not found and column.label != column.name:
        note += f": {column.label}"
    if not is_reversed and column.name in against:
        note += f"; DECIDE reverse: its answers run against the others (r = {against[column.name]:.2f})"
    return f"{name}: {{{', '.join(parts)}}}  # {note}"
