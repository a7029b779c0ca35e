/* SPDX-License-Identifier: MIT */
/*
 * One guest's life while anybody dies: vgt-broker with its state page and systemd's fd store,
 * vgt-gtt (consumer of a lane, keeper of the pins), vgt-sched (reader of the TLB rule) and
 * vgt-mmio (producer), each of which may die between any two steps and is started again; whoever
 * asks for the vGPU; and the domain, which may go at any moment and come back once under the same
 * number. What is modelled is the order of steps in services/broker/{attach,remove,service}.c,
 * services/wire/guests.c and services/gtt/{service,guest}.c; docs/wiring.md says what is left out.
 * Regions and lanes are numbered by the generation of the attach they were made for. The guest has
 * one frame: entry 0 of its lane makes the GPU's table name it, entry 1 clears that.
 * Claims, as assertions: an entry is applied in order, none is left out, and again only by a later
 * process; a frame is unpinned only when no table and no TLB names it; nobody touches regions of
 * another generation than the guest's; descriptors are never made anew for those who hold old
 * ones. And where nothing moves any more (judge): either the guest runs and every entry arrived, or
 * everything of it is released everywhere, and whoever asked has his answer.
 * Each attach_NAME.pml that defines NAME is an error that was made or could be, and must be found.
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef ATTACHES
#define ATTACHES 2
#endif
#define ENTRIES  2

/* The two services and their bits of `held`; the module's bit. */
#define GTT    0
#define SCHED  1
#define B_MOD  4
#define BIT(r) (1 << (r))

mtype = { ADD, STOP, REMOVE, READY, REFUSED, REMOVED, UNKNOWN };

/* ---- what outlives processes */

/* The state page. */
mtype = { FREE, ATTACHING, RUNNING, DETACHING };
mtype stage = FREE;
byte gen;   /* of the last attach */
byte held;
/* systemd: generation of the guest's descriptors in the store; is vgt-mmio@N to run. */
byte store;
bit unit;
/* Regions, by generation. */
typedef regions {
    byte tail, head, clear, done;
    bit image; /* the guest's own table names the frame */
    byte applied;
};
regions reg[ATTACHES + 1];
/* The module and the GPU. */
bit module, pin, entry, running, tlb;

/* ---- connections: each service's own, both directions, and the descriptors' separate one */
chan to[2] = [3] of { mtype, byte, byte };   /* what, generation, id */
chan wire[2] = [2] of { byte };
chan from[2] = [2] of { mtype, byte };
bit linked[2], hello[2], lost[2];
bit broker_up;
byte mmio_gen; /* of the regions vgt-mmio has, 0 none */
/* ---- the outside */
byte deaths, asks, runs;
bit asked, gone, refused;

/* A running context uses the table whenever it likes: taken to be at once. */
#define fetch if :: running && entry -> tlb = 1 :: else fi

#define drain(c)  do :: nempty(c) -> c?_ :: empty(c) -> break od
#define drain2(c) do :: nempty(c) -> c?_,_ :: empty(c) -> break od
#define drain3(c) do :: nempty(c) -> c?_,_,_ :: empty(c) -> break od

inline cut(r)
{
    drain3(to[r]); drain(wire[r]); drain2(from[r]);
    linked[r] = 0; hello[r] = 0
}

/* An answer; without a connection nobody hears it. */
#define say(r, what, id) if :: linked[r] -> from[r]!what,id :: else fi

#define mortal if :: atomic { deaths < DEATHS -> deaths++; goto died } :: skip fi

/* ---- the broker */

/* Steps; id of a request is the step's number, 0 where nobody waits for the answer. */
#define A_PARTS  1
#define A_MODULE 2
#define A_GTT    3
#define A_SCHED  4
#define A_UNIT   5
#define A_MMIO   6
#define R_MMIO   11
#define R_STOP   12
#define R_GTT    13
#define R_SCHED  14
#define R_MODULE 15
#define R_OVER   16

#define service_of(s) ((s == A_GTT || s == R_GTT) -> GTT : SCHED)
/* A step of removal that asks a service; before the last, gtt's is written off. */
#define asks_at(s) \
    (s == R_STOP || s == R_GTT || (s == R_SCHED && !(held & BIT(GTT))))

inline tell(r, restart)
{
    atomic { wire[r]!gen; to[r]!ADD,gen,(restart -> 0 : at) }
}

#define begin_removal() stage = DETACHING; at = R_MMIO; waiting = 0

/* Memory that the next process does not have is set back where one dies. */
proctype broker()
{
    byte at, r, id;
    bit up[2], waiting, retell;
    mtype what;

boot:
    atomic {
        broker_up = 1;
        at = 0;
        if
        :: stage == FREE
        :: stage != FREE && store != gen ->
            assert(!(held & (BIT(GTT) | BIT(SCHED))) && !mmio_gen);
        :: else
        fi;
        if
        :: stage == ATTACHING || stage == DETACHING -> begin_removal()
        :: else
        fi
    }
end:
    do
    /* A service is gone: what it was asked in an attach is asked again, of a fresh one. */
    :: atomic {
        lost[0] || lost[1] ->
        if :: lost[0] -> r = 0 :: else -> r = 1 fi;
        lost[r] = 0; up[r] = 0;
        if
        :: waiting && service_of(at) == r ->
            waiting = 0;
            if :: at < R_MMIO -> held = held & ~BIT(r) :: else fi
        :: else
        fi
       }
    /* It is back: it hears of every guest it may have had. */
    :: atomic {
        (hello[0] && !lost[0]) || (hello[1] && !lost[1]) ->
        if :: hello[0] && !lost[0] -> r = 0 :: else -> r = 1 fi;
        hello[r] = 0; up[r] = 1;
#ifndef NO_RETELL
        if
        :: stage != FREE && (held & BIT(r)) -> tell(r, 1)
        :: else
        fi
#endif
       }
    /* Answers; late ones fit no id. */
    :: atomic {
        nempty(from[0]) || nempty(from[1]) ->
        if :: nempty(from[0]) -> r = 0 :: empty(from[0]) -> r = 1 fi;
        from[r]?what,id;
        if
        :: waiting && id == at && what != REFUSED ->
            waiting = 0;
            if
            :: id == R_STOP && what == UNKNOWN -> held = held & ~BIT(r)
#ifndef FORGET_LATE
            :: id == R_GTT || id == R_SCHED -> held = held & ~BIT(r)
#endif
            :: else
            fi;
            at++
        :: waiting && id == at && what == REFUSED ->
            waiting = 0; held = held & ~BIT(r);
            asked = 0; begin_removal()
        :: else
        fi;
        r = 0; id = 0; what = 0
       }
    /* The domain is gone, or somebody detaches it. */
    :: atomic { gone && (stage == RUNNING || stage == ATTACHING) -> asked = 0; begin_removal() }
    /* Attach. */
    :: atomic {
        asked && stage == FREE ->
        gen++; stage = ATTACHING; at = A_PARTS
       }
    :: atomic { at == A_PARTS -> store = gen; at++ }
#ifdef HELD_LATE
    :: at == A_MODULE -> module = 1; mortal; held = held | B_MOD; at++
#else
    :: at == A_MODULE -> held = held | B_MOD; mortal; module = 1; at++
#endif
    :: (at == A_GTT || at == A_SCHED) && !waiting && up[service_of(at)] && !lost[service_of(at)] ->
        r = service_of(at);
#ifdef HELD_LATE
        tell(r, 0); mortal; atomic { held = held | BIT(r); waiting = 1; r = 0 }
#else
        atomic { held = held | BIT(r); waiting = 1 }
        mortal;
        atomic { if :: linked[r] -> tell(r, 0) :: else fi; r = 0 }
#endif
        mortal
    :: atomic { at == A_UNIT -> unit = 1; at++ }
    :: atomic { at == A_MMIO && mmio_gen == gen -> stage = RUNNING; asked = 0; at = 0 }
    /* Removal. */
    :: atomic { at == R_MMIO && unit -> unit = 0 }
    :: atomic {
        at == R_MMIO && !unit && !mmio_gen ->
        at++;
#ifdef GTT_FIRST
        at = R_GTT
#endif
       }
    :: atomic { asks_at(at) && !waiting && !(held & BIT(service_of(at))) -> at++ }
    :: atomic {
        asks_at(at) && !waiting && (held & BIT(service_of(at))) &&
            up[service_of(at)] && !lost[service_of(at)] ->
        r = service_of(at);
        if
        :: at == R_STOP -> to[r]!STOP,0,at
        :: at == R_GTT ->
            /* Who reads this guest's clears: sched, if it may know of it. */
            to[r]!REMOVE,((held & BIT(SCHED)) != 0),at
        :: else -> to[r]!REMOVE,0,at
        fi;
        waiting = 1; r = 0
       }
#ifdef GIVE_UP
    :: atomic { asks_at(at) && !waiting && !up[service_of(at)] -> at++ }
#endif
    :: atomic { at == R_SCHED && (held & BIT(GTT)) -> held = held & ~BIT(GTT) }
    :: atomic {
        at == R_MODULE && (!(held & B_MOD) || !pin) ->
        held = held & ~BIT(SCHED);
        if :: held & B_MOD -> module = 0; held = held & ~B_MOD :: else fi;
        at++
       }
    :: at == R_OVER ->
        store = 0;
        mortal;
        atomic { assert(!held); stage = FREE; gone = 0; runs = 0; at = 0 }
    :: atomic { at && deaths < DEATHS -> deaths++; goto died }
    :: atomic { !at && stage != FREE && deaths < DEATHS -> deaths++; goto died }
    od;
died:
    atomic {
        broker_up = 0; asked = 0; /* who asked sees the connection end */
        cut(0); cut(1);
        lost[0] = 0; lost[1] = 0; up[0] = 0; up[1] = 0;
        at = 0; waiting = 0; r = 0; id = 0; what = 0
    }
    goto boot
}

#include "attach_client.h"

/* ---- vgt-gtt */

proctype gtt()
{
    byte known, half_add, half_wire, half_id, rem_id, g, id;
    byte release; /* clear sequence the pin waits for, 0 none */
    byte mine;    /* entries below were applied before this process */
    bit rem_flag, rem_now, leaving, reader, reply;
    mtype rem, what;

end:
    do
    :: atomic { not_linked(GTT) -> reconnect(GTT) }
    :: atomic { linked[GTT] && nempty(wire[GTT]) -> on_wire(GTT) }
    :: atomic {
        linked[GTT] && nempty(to[GTT]) ->
        to[GTT]?what,g,id;
        if
        :: what == ADD -> on_add(GTT)
        :: what != ADD && known -> rem_now = 1; rem_flag = g; reply = 1; rem_id = id
        :: else -> on_remove_unknown(GTT)
        fi;
        g = 0; id = 0; what = 0
       }
    /* Take the guest up: what stood before is adopted, the table is made after the image. */
    :: complete ->
        atomic {
            known = half_add;
            assert(half_wire == gen && half_add == gen);
            half_add = 0; half_wire = 0; release = 0; leaving = 0;
            mine = reg[gen].head;
            if :: reg[known].image -> pin = 1 :: else fi
        }
        mortal;
        atomic {
            entry = reg[known].image; fetch;
            if
            :: pin && !entry -> reg[known].clear++; release = reg[known].clear
            :: else
            fi
        }
        mortal;
        atomic {
            say(GTT, READY, half_id);
            half_id = 0;
            if :: rem -> rem_now = 1; reply = 1; rem = 0 :: else fi
        }
    /* An entry of the lane. */
    :: known && !leaving && !rem_now && reg[known].head < reg[known].tail ->
        atomic {
            assert(known == gen);
            assert(reg[known].head <= reg[known].applied);
            assert(reg[known].head >= mine);
            if
            :: reg[known].head == 0 -> pin = 1; release = 0
            :: else -> skip
            fi
        }
        mortal;
#ifdef ADVANCE_FIRST
        reg[known].head++;
        mortal;
        atomic { mine = reg[known].head; entry = (mine == 1); fetch;
#else
        atomic { mine = reg[known].head + 1; entry = (mine == 1); fetch;
#endif
            if :: mine > reg[known].applied -> reg[known].applied = mine :: else fi;
            if :: mine == 2 && pin -> release = reg[known].clear + 1 :: else fi
        }
        mortal;
        /* Settled: the clear is published, then the entry is behind us. */
        if :: release > reg[known].clear -> reg[known].clear = release :: else fi;
#ifndef ADVANCE_FIRST
        mortal;
        reg[known].head++
#endif
    /* The TLB rule. */
    :: atomic {
        known && !leaving && release && reg[known].done >= release ->
        assert(!entry && !tlb);
        pin = 0; release = 0
       }
    /* Removal: everything is cleared and published, once; then the readers' word is awaited. */
    :: known && rem_now && !leaving ->
        atomic { leaving = 1; reader = rem_flag; entry = 0 }
        mortal;
        atomic { reg[known].clear++; release = reg[known].clear }
    :: atomic {
        known && leaving &&
#ifdef GTT_FIRST
            true
#elif defined READER_ASSUMED
            reg[known].done >= release
#else
            (!reader || reg[known].done >= release)
#endif
            ->
        assert(!entry && !tlb);
        pin = 0; release = 0; known = 0; leaving = 0; rem_now = 0; rem_flag = 0; reader = 0;
        mine = 0;
        if :: reply -> say(GTT, REMOVED, rem_id) :: else fi;
        reply = 0; rem_id = 0
       }
    :: atomic { stage != FREE && deaths < DEATHS -> deaths++; goto died }
    od;
died:
    atomic {
        die(GTT);
        release = 0; mine = 0; leaving = 0; reader = 0
    }
    goto end
}

/* ---- vgt-sched */

proctype sched()
{
    byte known, half_add, half_wire, half_id, rem_id, g, id, clear;
    bit rem_flag, rem_now, leaving, reply;
    mtype rem, what;

end:
    do
    :: atomic { not_linked(SCHED) -> reconnect(SCHED) }
    :: atomic { linked[SCHED] && nempty(wire[SCHED]) -> on_wire(SCHED) }
    :: atomic {
        linked[SCHED] && nempty(to[SCHED]) ->
        to[SCHED]?what,g,id;
        if
        :: what == ADD -> on_add(SCHED)
        :: what != ADD && known ->
            /* Off the engines; forgotten only by the second one. */
            leaving = 1; running = 0;
            if :: what == REMOVE -> known = 0; leaving = 0 :: else fi;
            say(SCHED, REMOVED, id)
        :: else -> on_remove_unknown(SCHED)
        fi;
        g = 0; id = 0; what = 0
       }
    :: atomic {
        complete ->
        assert(half_wire == gen && half_add == gen);
        if
        :: !refused && half_id -> refused = 1; half_add = 0; say(SCHED, REFUSED, half_id)
        :: known = half_add; leaving = 0; say(SCHED, READY, half_id)
        fi;
        half_add = 0; half_wire = 0; half_id = 0;
        if
        :: rem ->
            running = 0; leaving = known != 0;
            if :: rem == REMOVE -> known = 0; leaving = 0 :: else fi;
            say(SCHED, (leaving || rem == REMOVE -> REMOVED : never), rem_id);
            rem = 0; rem_id = 0; rem_flag = 0
        :: else
        fi
       }
    /* The guest's work, bounded; it ends by itself. */
    :: atomic {
        known && !leaving && reg[known].head > 0 && !running && !runs ->
        assert(known == gen);
        running = 1; runs = 1; fetch
       }
    :: atomic { running && known -> running = 0 }
    /* Clears are acknowledged after an invalidation that began after them. */
    :: known && reg[known].clear != reg[known].done ->
        clear = reg[known].clear;
#ifdef ACK_FIRST
        reg[known].done = clear;
        mortal;
        atomic { tlb = 0; fetch }
#else
        atomic { tlb = 0; fetch }
        mortal;
        reg[known].done = clear;
#endif
        clear = 0
    :: atomic { stage != FREE && deaths < DEATHS -> deaths++; goto died }
    od;
died:
    atomic { die(SCHED); clear = 0; leaving = 0 }
    /* A new process halts the engines before anything else; the GPU goes on until then. */
    atomic { running = 0; tlb = 0 }
    goto end
}

/* ---- vgt-mmio@N and systemd's unit of it */

proctype mmio()
{
end:
    do
    :: atomic { mmio_gen && !unit -> mmio_gen = 0 }
    :: atomic {
        unit && !mmio_gen && broker_up && (stage == ATTACHING || stage == RUNNING) ->
        mmio_gen = store
       }
    :: unit && mmio_gen && reg[mmio_gen].tail < ENTRIES ->
        atomic { assert(mmio_gen == gen); reg[mmio_gen].image = (reg[mmio_gen].tail == 0) }
        mortal;
        reg[mmio_gen].tail++
    :: atomic { mmio_gen && deaths < DEATHS -> deaths++; goto died }
    od;
died:
    mmio_gen = 0;
    goto end
}

/* ---- vgt-dm, the domain, and the judge */

proctype outside()
{
end:
    do
    :: atomic { broker_up && !asked && stage == FREE && asks < ATTACHES -> asked = 1; asks++ }
    :: atomic { stage != FREE && !gone && asks < ATTACHES -> gone = 1 }
    :: atomic { stage != FREE && !gone && asks == ATTACHES -> gone = 1; goto end }
    :: atomic { stage == RUNNING && !gone && asks == ATTACHES -> break } /* this one stays */
    od;
end_stays:
    false
}

proctype judge()
{
    timeout;
    assert(!asked && !gone);
    if
    :: stage == RUNNING ->
        assert(reg[gen].head == ENTRIES && reg[gen].applied == ENTRIES && !pin && !entry)
    :: else ->
        assert(stage == FREE && !held && !store && !module && !pin && !entry && !tlb && !running &&
               !unit && !mmio_gen)
    fi
}

init
{
    atomic {
        run broker(); run gtt(); run sched(); run mmio(); run outside(); run judge()
    }
}
