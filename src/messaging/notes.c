/* notes.c: what the loop is told after a batch.
 *
 * The notes of a batch travel as a job of their own, completed with the batch: so they arrive after
 * its commit and not at all when it is rolled back. */
#include "messaging/engine-private.h"

void msg_note_free(MsgNote *note) {
  g_free(note->name);
  g_free(note->cause);
  g_free(note->actor_text);
  g_free(note->traceparent);
  g_clear_pointer(&note->info, g_variant_unref);
  msg_delivery_free(note->delivery);
  g_free(note);
}

static MsgNote *note_add(GPtrArray **to, MsgNoteKind kind) {
  MsgNote *note = g_new0(MsgNote, 1);

  note->kind = kind;
  if (!*to)
    *to = g_ptr_array_new_with_free_func((GDestroyNotify)msg_note_free);
  g_ptr_array_add(*to, note);
  return note;
}

MsgNote *msg_note_add(MsgEngine *e, MsgNoteKind kind) {
  return note_add(&e->notes, kind);
}

MsgNote *msg_note_add_early(MsgEngine *e, MsgNoteKind kind) {
  return note_add(&e->early_notes, kind);
}

typedef struct {
  WgJob job;
  GPtrArray *notes;
  MsgNotesFunc func;
  gpointer data;
} NotesJob;

static WgJobResult notes_run(WgJob *job, gpointer engine) {
  NotesJob *n = (NotesJob *)job;

  g_ptr_array_unref(n->notes); /* the batch was rolled back: nothing of this happened */
  g_free(n);
  return WG_JOB_DONE;
}

static void notes_done(WgJob *job) {
  NotesJob *n = (NotesJob *)job;

  if (n->func)
    n->func(n->notes, n->data);
  g_ptr_array_unref(n->notes);
  g_free(n);
}

static void notes_emit(MsgEngine *e, GPtrArray **notes, gboolean early) {
  if (!*notes)
    return;
  NotesJob *n = g_new0(NotesJob, 1);
  n->job.run = notes_run;
  n->job.done = notes_done;
  n->job.early = early;
  n->notes = g_steal_pointer(notes);
  n->func = e->notes_func;
  n->data = e->notes_data;
  wg_writer_emit(e->writer, &n->job);
}

void msg_notes_send(MsgEngine *e) {
  notes_emit(e, &e->early_notes, TRUE);
  notes_emit(e, &e->notes, FALSE);
}
