/* queue.h: Type calls, one at a time in their order, a bounded number of them. */
#pragma once

#include "typing/typing.h"

void typ_queue_init(TypDaemon *daemon);
/* The caller is gone: what it waits for is not typed, since nobody would know that it was. */
void typ_queue_caller_gone(TypDaemon *daemon, guint64 caller);
/* Leaving: those that wait are refused, the one that types may finish for `usec`, then it is
 * stopped. */
void typ_queue_drain(TypDaemon *daemon, guint64 usec);
void typ_queue_clear(TypDaemon *daemon);
