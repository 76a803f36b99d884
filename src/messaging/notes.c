/* notes.c: what the loop is told after a batch.
 *
 * The notes of a batch travel as a job of their own, completed with the batch: so they arrive after
 * its commit and not at all when it is rolled back. */
#include "messaging/engine-private.h"

void msg_note_free(MsgNote *note) {
  g_free(note->name);
  g_free(note->cause);
  g_free(note->actor_text);
  g_clear_pointer(&note->info, g_variant_unref);
  msg_delivery_free(note->delivery);
  g_free(note);
}

MsgNote *msg_note_add(MsgEngine *e, MsgNoteKind kind) {
  MsgNote *note = g_new0(MsgNote, 1);

  note->kind = kind;
  if (!e->notes)
    e->notes = g_ptr_array_new_with_free_func((GDestroyNotify)msg_note_free);
  g_ptr_array_add(e->notes, note);
  return note;
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

void msg_notes_send(MsgEngine *e) {
  if (!e->notes)
    return;
  NotesJob *n = g_new0(NotesJob, 1);
  n->job.run = notes_run;
  n->job.done = notes_done;
  n->notes = g_steal_pointer(&e->notes);
  n->func = e->notes_func;
  n->data = e->notes_data;
  wg_writer_emit(e->writer, &n->job);
}
