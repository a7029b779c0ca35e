/* SPDX-License-Identifier: MIT */
/*
 * Of attach_crash.pml: a service's end of the wiring, as in services/wire/guests.c. Used by both
 * services; the variables are those of the proctype that uses it.
 */
#ifdef DROP_KNOWN
#define KEPT 0
#else
#define KEPT g
#endif

/* ---- a service's end of the wiring: services/wire/client.c */

inline cancel(me)
{
    if
        ::half_add->say(me, REFUSED, half_id)::else fi;
    half_add = 0;
    half_wire = 0;
    half_id = 0;
    rem = 0
}

inline on_wire(me)
{
    wire[me] ? g;
    if
        ::known &&known != g->skip ::known &&known == g->half_wire =
            KEPT /* for an ADD that may come after we forgot it */
#ifdef NO_GENERATION
            ::!known->half_wire = g
#else
                ::!known &&
                (g < half_wire || g < half_add)->skip ::else->if ::(half_add && half_add < g) ||
            (half_wire && half_wire < g)->cancel(me)::else fi;
    half_wire = g
#endif
                fi;
    g = 0
}

inline on_add(me)
{
    if
        ::known &&known == g->half_wire = 0;
    say(me, READY, id)::known &&known != g->say(me, REFUSED, id)
#ifdef NO_GENERATION
                                             ::else->half_add = g;
    half_id = id
#else
                                             ::!known &&
            (g < half_wire || g < half_add)
                ->say(me, REFUSED, id)::else->if ::(half_add && half_add < g) ||
        (half_wire && half_wire < g)->cancel(me)::else fi;
    half_add = g;
    half_id = id
#endif
        fi
}

#ifdef READER_ASSUMED
#define never REMOVED
#else
#define never UNKNOWN
#endif

/* Not known: of whom we have nothing there is nothing to remove. */
inline on_remove_unknown(me)
{
#ifdef CANCEL_HALF
    cancel(me);
    say(me, REMOVED, id)
#else
    if
        ::half_add->rem = what;
    rem_flag = g;
    rem_id = id /* when the rest is there */
             ::else->half_wire = 0;
    say(me, never, id) fi
#endif
}

/* The connection's end: halves and unanswered requests are of that connection. */
inline reconnect(me)
{
    half_add = 0;
    half_wire = 0;
    half_id = 0;
    rem = 0;
    rem_id = 0;
    rem_flag = 0;
    rem_now = 0;
    reply = 0;
    linked[me] = 1;
    hello[me] = 1
}

#define not_linked(me) (!linked[me] && broker_up && !lost[me])
#define complete       (half_add && half_wire && !known)

inline die(me)
{
    cut(me);
    lost[me] = broker_up;
    half_add = 0;
    half_wire = 0;
    half_id = 0;
    known = 0;
    rem = 0;
    rem_id = 0;
    rem_flag = 0;
    rem_now = 0;
    reply = 0;
    g = 0;
    id = 0;
    what = 0
}
