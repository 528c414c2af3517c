"""Terms of the page and what they mean: each is linked from where it stands first."""

GLOSSARY = {
    "effect": "How much the coached units differ from what they would have been without the programme, as estimated. "
    "Where units volunteered it is what they gained on the control since the year (of retention: the window) before "
    "kick-off, never the plain difference of the arms.",
    "confidence interval": "Made so that in 95 of 100 studies it holds the true effect, if what the method rests on is "
    "true. Values outside it are hard to reconcile with the data.",
    "parallel trends": "That pilot and control would have moved alike without the programme. It cannot be shown, only "
    "doubted: periods before kick-off are looked at for it.",
    "adjusted p": "How often a study without any effect would show one as large, counted for all primary outcomes "
    "together (Holm). A verdict needs it below the level of the analysis.",
    "analysis of the plan": "Every wave is one. The first may use little of the study's error rate, the last nearly "
    "all of it, so that reading the page after each wave makes no findings.",
    "worth having": "The smallest effect that would be worth scaling up for (minimum important difference), written "
    "down by the study before the results.",
    "guardrail": "An outcome that must not become worse by more than a margin.",
    "certainty": "From 0 to 5, by fixed steps: what the design allows at most, lowered by trouble that was found. It "
    "changes no number.",
    "control": "Units that were not coached, or not yet.",
    "chain": "Coaches are trained; then coaching is held; then the team notices it; then results move. A link is seen "
    "if one of its outcomes moved the good way, adjusted for their number; the training, if eight of ten coaches "
    "completed it. What is not shown may still be there: too few answers show little.",
    "cohort": "Units that began on the same day.",
    "pp": "Percentage points: from 70 % to 73 % is +3 pp.",
    "retention": "The share still employed after the months of the window; people of whom no more is known count as "
    "long as they were seen (Kaplan and Meier).",
    "standardised difference": "A difference in units of the standard deviation between people.",
    "suppressed": "Not shown, because few people are behind it or something about a few could be worked out.",
}
