"""One simulated organisation: people, teams, managers, a staggered coaching programme and its true effects.

Every person occupies a *slot* (a post). When somebody leaves, the slot is refilled with a new person, so the state
is a handful of arrays of the organisation's size whatever the number of months, and a month can be written and
forgotten (1,000,000 people need about 200 MB).

Assignment is **not** random: better teams volunteer earlier, so pilot teams are more engaged, more productive and
more loyal before anybody is trained, and a naive comparison after kick-off shows several times the true effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

COHORTS = ("pilot_wave", "cascade_1", "cascade_2")
CONTROL = -1
TRAINED_OUTSIDE = -2  # leadership teams: nobody coaches them in this programme and the roster does not list them

DEPARTMENTS = ("Operations", "Sales", "Engineering", "Finance", "Support", "Logistics", "Product", "People")
SITES = ("North", "South", "East", "West", "Centre")

# Share of teams per cohort, in the order of COHORTS; the rest stays untreated.
COHORT_SHARES = (0.16, 0.20, 0.24)
# Kick-offs as a share of the simulated months; moved to the next quarter's start.
KICKOFF_SHARES = (0.25, 0.50, 0.75)

ENGAGEMENT_POINTS = (6.0, 5.0, 4.0)  # full effect on the latent 0–100 scale, by cohort: it fades as it scales
GOALS_SHARE = (0.09, 0.07, 0.05)  # full effect on the probability that a goal is met
MONTHLY_HAZARD = (-0.008, -0.006, -0.004)  # change of the monthly probability to leave
RAMP_BY_QUARTER = (0.4, 0.8, 1.0)  # share of the full effect in the first, second, third and later quarter


@dataclass(frozen=True, kw_only=True)
class Design:
    """What to simulate. `people` is head-count, `months` calendar months from `start` (a first of January)."""

    people: int = 2_000
    months: int = 24
    seed: int = 20_240_101
    start: date = date(2024, 1, 1)
    effect: float = 1.0  # every true effect is multiplied by this; 0 is a programme that does nothing

    def __post_init__(self):
        if self.people < 200:
            raise ValueError(f"people must be at least 200 to make teams and a control, got {self.people}")
        if not 0 <= self.effect < math.inf:
            raise ValueError(
                f"effect multiplies the true effects and must be finite and not negative, got {self.effect}"
            )
        if not 12 <= self.months <= 600 or self.months % 3:
            raise ValueError(f"months must be a multiple of 3 from 12 to 600, got {self.months}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")

    @property
    def teams(self) -> int:
        """Number of coached-or-control teams: one per 12.5 people."""
        return max(12, round(self.people / 12.5))

    def month(self, index: int) -> date:
        """First day of the month with this index (0 is `start`)."""
        months = self.start.month - 1 + index
        return date(self.start.year + months // 12, months % 12 + 1, 1)

    @property
    def closed_on(self) -> date:
        """A day on which every simulated period has closed: 45 days after its end, and some."""
        return self.month(self.months) + timedelta(days=60)

    @property
    def kickoff_months(self) -> tuple[int, ...]:
        """Month index of each cohort's kick-off, at a quarter's start."""
        return tuple(round(self.months * share / 3) * 3 for share in KICKOFF_SHARES)


@dataclass
class Organisation:
    """Teams (constant) and slots (change monthly). Team arrays have length `n_teams`, slot arrays length `people`."""

    design: Design
    rng: np.random.Generator
    team_quality: np.ndarray
    team_cohort: np.ndarray
    team_department: np.ndarray
    team_site: np.ndarray
    slot_team: np.ndarray
    assigned_team: np.ndarray  # the team in which the first kick-off found the slot's holder; -1 for later joiners
    slot_manager: np.ndarray  # slot of the manager; -1 at the top
    manager_of_team: np.ndarray
    employee: np.ndarray
    hired: np.ndarray  # days since 1970
    born: np.ndarray  # days since 1970
    trait: np.ndarray  # a person's own engagement, latent points
    next_employee: int
    # What the exports hold beyond who, where and when is drawn from a stream of its own (facts.py).
    aside: np.random.Generator
    pending: list = field(default_factory=list)  # leavers whose exit the HRIS shows a month late

    @property
    def n_teams(self) -> int:
        """Coached-or-control teams; leadership teams come after them."""
        return self.design.teams

    @classmethod
    def draw(cls, design: Design) -> Organisation:
        """The organisation at the start of the first month."""
        rng = np.random.default_rng(design.seed)
        n_teams, n_people, n_departments = design.teams, design.people, len(DEPARTMENTS)
        quality = rng.normal(size=n_teams)
        # Volunteering: half quality, half chance. The order of volunteering is the order of the waves.
        order = np.argsort(-(quality + rng.normal(size=n_teams)))
        cohort = np.full(n_teams, CONTROL)
        first = 0
        for index, share in enumerate(COHORT_SHARES):
            size = max(1, round(share * n_teams))
            cohort[order[first : first + size]] = index
            first += size
        department = rng.integers(n_departments, size=n_teams)

        # Slots: 0 is the top, then department heads, then one manager per team, then team members.
        heads = 1 + np.arange(n_departments)
        managers = 1 + n_departments + np.arange(n_teams)
        n_members = n_people - 1 - n_departments - n_teams
        member_team = np.sort(rng.integers(n_teams, size=n_members))
        leadership = n_teams + np.arange(n_departments)
        slot_team = np.concatenate([[n_teams + n_departments], leadership, leadership[department], member_team])
        slot_manager = np.concatenate([[-1], np.zeros(n_departments, int), heads[department], managers[member_team]])
        tenure = rng.exponential(900, size=n_people).astype(int) + 1
        start = (design.start - date(1970, 1, 1)).days
        return cls(
            design=design,
            rng=rng,
            team_quality=np.concatenate([quality, np.zeros(n_departments + 1)]),
            team_cohort=np.concatenate([cohort, np.full(n_departments + 1, TRAINED_OUTSIDE)]),
            team_department=np.concatenate([department, np.arange(n_departments), [n_departments - 1]]),
            team_site=np.concatenate([rng.integers(len(SITES), size=n_teams), np.full(n_departments + 1, 4)]),
            slot_team=slot_team,
            assigned_team=slot_team.copy(),
            slot_manager=slot_manager,
            manager_of_team=managers,
            employee=np.arange(1, n_people + 1),
            hired=start - tenure,
            born=start - rng.integers(21 * 365, 60 * 365, size=n_people),
            trait=rng.normal(0, 12, size=n_people),
            next_employee=n_people + 1,
            aside=np.random.default_rng([design.seed, 1]),
        )

    def kickoff_of_team(self) -> np.ndarray:
        """Month index of each team's kick-off; a large number for teams that are never coached."""
        kickoffs = np.array([*self.design.kickoff_months, 10**6, 10**6])
        return kickoffs[self.team_cohort]  # CONTROL and OUTSIDE index from the end

    def effect(self, full: tuple[float, ...], month: int) -> np.ndarray:
        """True effect per team in a month, in the unit of `full` (one value per cohort)."""
        quarters = (month - self.kickoff_of_team()) // 3
        ramp = np.array(RAMP_BY_QUARTER)[np.clip(quarters, 0, len(RAMP_BY_QUARTER) - 1)]
        size = np.array([*full, 0.0, 0.0])[self.team_cohort]
        return np.where(quarters >= 0, ramp * size * self.design.effect, 0.0)

    def hazard(self, month: int, *, treated: bool = True) -> np.ndarray:
        """Monthly probability to leave, per team; additive, so that trends without treatment are parallel."""
        season = 0.004 if month % 12 in (0, 6) else 0.0
        base = 0.019 - 0.003 * np.clip(self.team_quality, -1.5, 1.5) + season
        return np.clip(base + (self.effect(MONTHLY_HAZARD, month) if treated else 0.0), 0.002, 0.2)

    def leave(self, month: int) -> tuple[np.ndarray, np.ndarray]:
        """Slots whose holder leaves in this month, and the day of the month (0-based) of their last day."""
        leaving = np.flatnonzero(self.rng.random(self.slot_team.size) < self.hazard(month)[self.slot_team])
        return leaving, self.rng.integers(0, 28, size=leaving.size)

    def assigned_cohort(self) -> np.ndarray:
        """Cohort per slot as the programme first found its holder; OUTSIDE for later joiners and leadership."""
        return np.where(self.assigned_team >= 0, self.team_cohort[self.assigned_team], TRAINED_OUTSIDE)

    def refill(self, slots: np.ndarray, month: int) -> None:
        """New people on the slots that fell vacant, hired on the first days of `month`."""
        n = slots.size
        has_begun = month >= self.design.kickoff_months[0]
        self.assigned_team[slots] = -1 if has_begun else self.slot_team[slots]
        first = (self.design.month(month) - date(1970, 1, 1)).days
        self.employee[slots] = np.arange(self.next_employee, self.next_employee + n)
        self.next_employee += n
        self.hired[slots] = first + self.rng.integers(0, 5, size=n)
        self.born[slots] = first - self.rng.integers(21 * 365, 60 * 365, size=n)
        self.trait[slots] = self.rng.normal(0, 12, size=n)

    def move(self, month: int) -> None:
        """A few team members change team before `month`; a post moves with its holder.

        Once the programme has begun a move does not change who somebody is compared with (intention to treat).
        """
        first_member = 1 + len(DEPARTMENTS) + self.n_teams
        n_members = self.slot_team.size - first_member
        movers = first_member + np.flatnonzero(self.rng.random(n_members) < 0.002)
        teams = self.rng.integers(self.n_teams, size=movers.size)
        self.slot_team[movers] = teams
        self.slot_manager[movers] = self.manager_of_team[teams]
        if month <= self.design.kickoff_months[0]:
            self.assigned_team[movers] = teams
        if month == self.design.kickoff_months[0] + 4:
            self._swap_managers()

    def _swap_managers(self) -> None:
        """Two managers of coached teams and two of the control change places, once: what contamination looks like."""
        coached = np.flatnonzero(self.team_cohort == 0)[:2]
        control = np.flatnonzero(self.team_cohort == CONTROL)[: coached.size]
        coached = coached[: control.size]
        ours, theirs = self.manager_of_team[coached].copy(), self.manager_of_team[control].copy()
        self.manager_of_team[coached], self.manager_of_team[control] = theirs, ours
        first_member = 1 + len(DEPARTMENTS) + self.n_teams
        self.slot_manager[first_member:] = self.manager_of_team[self.slot_team[first_member:]]
