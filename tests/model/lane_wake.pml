/* SPDX-License-Identifier: MIT */
/*
 * Wake protocol of a stream lane, both directions at once: the consumer sleeps on an empty lane,
 * the producer on a full one. Each process has a store buffer of one entry per variable it writes,
 * drained at any later moment, as on x86; `fence` drains it. Messages are counted, not carried.
 * A lost wake-up is a state where nobody can move and messages are missing: spin reports it as an
 * invalid end state. With NO_FENCE the fence is left out, and the error must be found.
 */
#define SLOTS    2
#define MESSAGES 5

byte tail, head;       /* shared memory */
byte wake_at, room_at; /* index asked for; 0 from the start */
bit wake_fd, room_fd;  /* eventfds */

/* Store buffers: pending value and whether there is one. */
byte p_tail, p_room, c_head, c_wake;
bit p_tail_set, p_room_set, c_head_set, c_wake_set;

#ifdef NO_FENCE
#define fence_p skip
#define fence_c skip
#else
#define fence_p (!p_tail_set && !p_room_set)
#define fence_c (!c_head_set && !c_wake_set)
#endif

/* Each store becomes visible some time after it was issued, in issue order per variable. */
proctype drain_p()
{
end:
    do
    :: atomic { p_tail_set -> tail = p_tail; p_tail_set = 0 }
    :: atomic { p_room_set && !p_tail_set -> room_at = p_room; p_room_set = 0 }
    od
}

proctype drain_c()
{
end:
    do
    :: atomic { c_head_set -> head = c_head; c_head_set = 0 }
    :: atomic { c_wake_set && !c_head_set -> wake_at = c_wake; c_wake_set = 0 }
    od
}

proctype producer()
{
    byte own = 0, seen = 0, from, batch;

    do
    :: own == MESSAGES -> break
    :: own < MESSAGES && own - seen < SLOTS ->
        /* a batch of one or as many as fit */
        from = own;
        own++;
        if
        :: own < MESSAGES && own - seen < SLOTS -> own++
        :: skip
        fi;
        atomic { !p_tail_set -> p_tail = own; p_tail_set = 1 }
        fence_p;
        if
        :: atomic { wake_at >= from && wake_at < own -> wake_fd = 1 }
        :: else
        fi
    :: own < MESSAGES && own - seen >= SLOTS ->
        seen = head;
        if
        :: own - seen < SLOTS
        :: else ->
            /* a second store of the same variable waits for the first */
            atomic { !p_room_set -> p_room = seen; p_room_set = 1 }
            fence_p;
            seen = head;
            if
            :: own - seen < SLOTS
            :: else -> atomic { room_fd == 1 -> room_fd = 0 }
            fi
        fi
    od
}

proctype consumer()
{
    byte own = 0, seen, from;

    do
    :: own == MESSAGES -> break
    :: own < MESSAGES ->
        seen = tail;
        assert(seen >= own && seen - own <= SLOTS);
        if
        :: seen > own ->
            from = own;
            own++;
            if
            :: seen > own -> own = seen
            :: skip
            fi;
            atomic { !c_head_set -> c_head = own; c_head_set = 1 }
            fence_c;
            if
            :: atomic { room_at >= from && room_at < own -> room_fd = 1 }
            :: else
            fi
        :: else ->
            atomic { !c_wake_set -> c_wake = own; c_wake_set = 1 }
            fence_c;
            if
            :: tail > own
            :: else -> atomic { wake_fd == 1 -> wake_fd = 0 }
            fi
        fi
    od
}

init
{
    atomic { run drain_p(); run drain_c(); run producer(); run consumer() }
}
