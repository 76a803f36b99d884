/* ops.h: what a slot of a load can do. */
#pragma once

#include "load.h"

extern const Op op_ping;       /* stores nothing */
extern const Op op_send;       /* one durable message a call */
extern const Op op_send_many;  /* 64 messages a call */
extern const Op op_cycle;      /* Send, Receive, Ack: three calls a message */
extern const Op op_cycle_many; /* 64 Sends, then Receive max=64 and AckMany */
extern const Op op_push;       /* Sends; a subscriber with credits and AckMany */

extern const Op *const all_ops[]; /* ends with NULL */
const Op *op_by_name(const char *name);

/* Appends what Send takes: (to, body, no options) */
int op_append_message(sd_bus_message *m, const Load *load);
