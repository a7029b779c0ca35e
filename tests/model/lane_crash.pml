/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a stream lane may die between any two steps and are started again: apply, then
 * advance; publish, then wake. Attaching resumes at the shared index and kicks both eventfds.
 * Claims: no message is lost or skipped (applied in order, each at least once), and the lane does
 * not get stuck (no invalid end state). BROKEN_ORDER advances before applying and must be found
 * wrong; NO_KICK leaves the kicks at attach out and must be found wrong too. Fences are the
 * subject of lane_wake.pml, so memory is sequentially consistent here.
 */
#define SLOTS    2
#define MESSAGES 4
#define DEATHS   2

byte tail, head, wake_at, room_at;
byte slot[SLOTS];      /* message number + 1 */
bit wake_fd, room_fd;
byte applied;          /* every message below has been applied */
byte deaths;

#ifdef NO_KICK
#define kick skip
#else
#define kick atomic { wake_fd = 1; room_fd = 1 }
#endif

/* A chance to die here. */
#define mortal if :: atomic { deaths < DEATHS -> deaths++; goto attach } :: skip fi

inline apply(message)
{
    atomic {
        assert(message >= 1 && message - 1 <= applied);
        if
        :: message - 1 == applied -> applied++
        :: else /* again, after a crash: harmless */
        fi
    }
}

proctype producer()
{
    byte own;

attach:
    own = tail;
    kick;
    do
    :: own == MESSAGES -> break
    :: own < MESSAGES && own - head < SLOTS ->
        slot[own % SLOTS] = own + 1;
        mortal;
        own++;
        tail = own;
        mortal;
        if
        :: wake_at == own - 1 -> wake_fd = 1
        :: else
        fi;
        mortal
    :: own < MESSAGES && own - head >= SLOTS ->
        room_at = own - SLOTS;
        if
        :: own - head < SLOTS
        :: else ->
            atomic { room_fd == 1 -> room_fd = 0 }
            mortal
        fi
    od
}

proctype consumer()
{
    byte own, message;

attach:
    own = head;
    assert(tail - own <= SLOTS);
    kick;
    do
    :: own == MESSAGES -> break
    :: own < MESSAGES && tail > own ->
        message = slot[own % SLOTS];
#ifdef BROKEN_ORDER
        head = own + 1;
        mortal;
        apply(message);
#else
        apply(message);
        mortal;
        head = own + 1;
#endif
        own++;
        mortal;
        if
        :: room_at == own - 1 -> room_fd = 1
        :: else
        fi;
        mortal
    :: own < MESSAGES && tail == own ->
        wake_at = own;
        if
        :: tail > own
        :: else ->
            atomic { wake_fd == 1 -> wake_fd = 0 }
            mortal
        fi
    od;
    assert(applied == MESSAGES)
}

init
{
    atomic { run producer(); run consumer() }
}
