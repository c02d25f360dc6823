"""Pairs as values for tests, and a small world without wires in which their steps are taken."""

import random
from dataclasses import replace
from decimal import ROUND_DOWN
from decimal import Decimal as D  # noqa: N817

from solvent.orders.arbitrage import (
    LEGS,
    Entry,
    LegTerms,
    PairLeg,
    PairOrder,
    PairRequest,
    PairRules,
    Role,
    Status,
    Subscription,
)
from solvent.orders.arbitrage_next import next_step
from solvent.orders.arbitrage_step import (
    CancelWorking,
    LegSeen,
    Look,
    Move,
    PairSeen,
    Send,
    Settle,
    Wait,
)

NOW = 1_800_000_000_000
WATCH = 5_000


def request(size="0.03", **rules):
    long, short = PairLeg(venue="bybit", instrument="BTCUSDT"), PairLeg(venue="bingx", instrument="BTC-USDT")
    return PairRequest(long=long, short=short, size=D(size), rules=PairRules(**rules))


def terms(quantity="0.03", step="0.001", multiplier="1", **more):
    return LegTerms(quantity=D(quantity), step=D(step), multiplier=D(multiplier), price_tick=D("0.1"), **more)


def opening(long=None, short=None, size="0.03", first="long", now=NOW, **rules):
    """A pair whose legs may go out now."""
    long, short = long or terms(size), short or terms(size)
    entry = Entry(
        fund_ms=now + 5_000,
        sync_ms=now - 115_000,
        check_ms=now,
        exit_ms=now + 20_000,
        size=D(size),
        step=max(long.step * long.multiplier, short.step * short.multiplier),
        long=long,
        short=short,
        first=first,
    )
    return Subscription(
        id="arb-1",
        request=request(size, **rules),
        created_ms=now - 200_000,
        status=Status.OPENING,
        since_ms=now,
        opened_ms=now,
        entry=entry,
    )


def seen(long="0", short="0", at=NOW, confirmed=True, **more):
    """Both legs with these signed sizes (None: not readable); `long_`/`short_` prefixed fields go to one leg."""
    legs = {}
    for name, size in zip(LEGS, (long, short), strict=True):
        own = {key.removeprefix(f"{name}_"): v for key, v in more.items() if key.startswith(f"{name}_")}
        given = {"mark": D(62_000), "bid": D(61_999), "ask": D(62_001), "distance": D("0.3")}
        if size is None:
            given = {"problem": "down"}
        legs[name] = LegSeen(at_ms=at, size=None if size is None else D(size), **(given | own))
    return PairSeen(**legs, confirmed=confirmed)


def ordered(sub, leg, role, quantity, *, filled=None, outcome="filled", at=NOW, message="", settled=True):
    """The subscription with one more order of a leg."""
    opens = role in (Role.OPEN, Role.TOP_UP)
    made = PairOrder(
        number=len(sub.orders),
        leg=leg,
        role=role,
        side=sub.side_of(leg, opens=opens),
        quantity=D(quantity),
        client_id=f"id-{len(sub.orders)}",
        sent_ms=at,
        expires_ms=at + 5_000,
    )
    if settled:
        got = D(quantity) if filled is None else D(filled)
        made = replace(made, outcome=outcome, filled=got, settled_ms=at, message=message)
    return replace(sub, orders=(*sub.orders, made))


class World:
    """Two venues as numbers: orders fill by chance, answers get lost, looks fail, the process dies."""

    def __init__(self, seed, sub, *, trouble=0.25):
        self.draw = random.Random(seed)
        self.sub, self.now = sub, NOW
        self.trouble = trouble
        self.truth = {"long": D(0), "short": D(0)}
        self.outcomes = {}
        self.seen = None
        self.opened = {"long": D(0), "short": D(0)}
        self.steps = 0
        self.down = {"long": 0, "short": 0}

    def chance(self, p):
        return self.draw.random() < p

    def run(self, most=3_000):
        while not self.sub.status.ended and self.steps < most:
            self.steps += 1
            if self.chance(self.trouble / 10):
                self.seen = None  # a new process: nothing but the record is left
            if self.chance(self.trouble / 20):
                self.down[self.draw.choice(LEGS)] = self.now + self.draw.randrange(60_000)
            if self.sub.status is Status.HOLDING and self.chance(0.02):
                self.truth[self.draw.choice(LEGS)] = D(0)  # liquidated
            self.take(next_step(self.sub, self.seen, self.now, WATCH))
            self.now += self.draw.randrange(1, 200)
        return self

    def take(self, step):
        match step:
            case Wait(ms, _):
                assert ms > 0
                self.now += ms
            case Look(ms):
                self.now += ms
                self.look()
            case Settle(orders):
                self.now += 300
                for order in orders:
                    self.settle(order)
            case Send(wanted, _):
                orders = [self.record(one) for one in wanted]
                for order in orders:
                    if not self.chance(self.trouble / 10):  # else it dies before it is sent
                        self.send(order)
            case CancelWorking():
                self.seen = None
            case Move(status, reason):
                self.sub = replace(self.sub, status=status, reason=reason, since_ms=self.now)
            case _:
                raise AssertionError(step)

    def record(self, wanted):
        self.sub = ordered(self.sub, wanted.leg, wanted.role, wanted.quantity, at=self.now, settled=False)
        made = replace(self.sub.orders[-1], side=wanted.side, trigger_price=wanted.trigger_price)
        self.sub = replace(self.sub, orders=(*self.sub.orders[:-1], made))
        return made

    def send(self, order):
        if order.role is Role.STOP:
            self.outcomes[order.number] = D(0)
            self.settled(order, "resting", D(0))
            return
        if self.now < self.down[order.leg] or self.chance(self.trouble / 3):
            self.outcomes[order.number] = D(0)
            self.settled(order, self.draw.choice(("rejected", "refused")), D(0))
            return
        step = self.sub.entry.leg(order.leg).step
        part = self.draw.choice((D(0), D("0.4"), D(1), D(1)))
        filled = (order.quantity * part / step).to_integral_value(ROUND_DOWN) * step
        held = self.truth[order.leg]
        if order.reduce_only:
            assert held * order.side.sign <= 0, "a close on the wrong side"
            filled = min(order.quantity if part else D(0), abs(held))
        else:
            self.opened[order.leg] += filled
        self.truth[order.leg] = held + filled * order.side.sign
        self.outcomes[order.number] = filled
        if not self.chance(self.trouble):  # else its answer is lost
            self.settled(order, "filled" if filled else "nothing", filled)

    def settle(self, order):
        if self.now < self.down[order.leg]:
            return
        if order.number in self.outcomes:
            filled = self.outcomes[order.number]
            outcome = "resting" if order.role is Role.STOP else ("filled" if filled else "nothing")
            self.settled(order, outcome, filled)
        elif self.now > order.expires_ms + 5_000:
            self.settled(order, "absent", D(0))

    def settled(self, order, outcome, filled):
        done = replace(order, outcome=outcome, filled=filled, settled_ms=self.now)
        self.sub = replace(
            self.sub, orders=tuple(done if o.number == order.number else o for o in self.sub.orders)
        )

    def look(self):
        sizes = {leg: None if self.now < self.down[leg] else self.truth[leg] for leg in LEGS}
        before = self.seen
        same = before is not None and (before.long.size, before.short.size) == tuple(sizes.values())
        self.seen = seen(sizes["long"], sizes["short"], at=self.now, confirmed=same and None not in sizes.values())
        waiting = {leg: tuple(o.client_id for o in self.sub.sent(leg, Role.STOP) if sizes[leg]) for leg in LEGS}
        legs = {leg: replace(self.seen.leg(leg), stops=waiting[leg]) for leg in LEGS}
        held = tuple(old if new is None else new for new, old in zip(sizes.values(), self.sub.held, strict=True))
        self.seen = replace(self.seen, **legs)
        self.sub = replace(self.sub, held=held)
